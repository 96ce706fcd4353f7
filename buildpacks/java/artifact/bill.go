package artifact

import (
	"cmp"
	"encoding/xml"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom/licence"
)

// component is a library in a jar: the jar itself, or one that was put into it.
type component struct {
	Group    string   `json:"group"`
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Licences []string `json:"licences"`
	SHA256   string   `json:"sha256"` // of the jar itself
}

// purl returns the package URL. Where no group is known it is the name, as Maven itself had it at first and scanners have it still.
func (c component) purl() string {
	return packageurl.NewPackageURL(packageurl.TypeMaven, cmp.Or(c.Group, c.Name), c.Name, c.Version, nil, "").ToString()
}

// pom is what a pom.xml says.
type pom struct {
	Group   string `xml:"groupId"`
	Name    string `xml:"artifactId"`
	Version string `xml:"version"`
	Parent  struct {
		Group   string `xml:"groupId"`
		Version string `xml:"version"`
	} `xml:"parent"`
	Licences []struct {
		Name string `xml:"name"`
		URL  string `xml:"url"`
	} `xml:"licenses>license"`
}

// billOf returns the libraries that a jar consists of. Which it is itself say, in this order, the pom.properties that fits its name, the
// only pom.xml, its name and its manifest. What else has a pom.properties in it was put into it.
func billOf(jar *archive, file, sum string) ([]component, error) {
	data, err := jar.read(manifestName)
	if err != nil {
		return nil, err
	}
	m := readManifest(data)
	name, version := splitName(strings.TrimSuffix(file, path.Ext(file)))
	inside, poms, err := jar.poms()
	if err != nil {
		return nil, err
	}
	own := component{Name: name, Version: version, SHA256: sum}
	switch at := fitting(inside, name); {
	case at >= 0:
		own = inside[at]
		own.SHA256 = sum
		inside = slices.Delete(inside, at, at+1)
	case len(inside) == 0 && len(poms) == 1:
		one := poms[0]
		own.Group, own.Name, own.Version = cmp.Or(one.Group, one.Parent.Group), one.Name, cmp.Or(one.Version, one.Parent.Version)
		own.Licences = one.licences()
	}
	if strings.Contains(own.Name+own.Version, "${") { // of a pom that was not filled in
		own.Name, own.Version = name, version
	}
	own.Version = cmp.Or(own.Version, short(cmp.Or(m.get("Implementation-Version"), m.get("Specification-Version"), m.get("Bundle-Version"))))
	own.Group = cmp.Or(own.Group, groupOf(own.Name), short(m.group()))
	if own.Licences = append(m.licences(), own.Licences...); len(own.Licences) == 0 {
		own.Licences, err = jar.licences()
	}
	return append([]component{own}, inside...), err
}

// poms returns the libraries that a jar has a pom.properties of, sorted by their paths, and the content of each pom.xml.
func (a *archive) poms() ([]component, []pom, error) {
	byFolder := map[string]pom{}
	var all []pom
	for _, m := range a.under("META-INF/maven/") {
		if path.Base(m.Name) != "pom.xml" || m.Size > maxPom || len(all) == maxKept {
			continue
		}
		data, err := a.read(m.Name)
		if err != nil {
			return nil, nil, err
		}
		var p pom
		if xml.Unmarshal(data, &p) == nil {
			p.shorten()
			byFolder[path.Dir(m.Name)] = p
			all = append(all, p)
		}
	}
	var inside []component
	for _, m := range a.members {
		if path.Base(m.Name) != "pom.properties" || m.Size > maxPom || len(inside) == maxKept {
			continue
		}
		data, err := a.read(m.Name)
		if err != nil {
			return nil, nil, err
		}
		p := properties(string(data))
		if p["artifactId"] == "" || p["version"] == "" {
			continue
		}
		inside = append(inside, component{
			Group: short(p["groupId"]), Name: short(p["artifactId"]), Version: short(p["version"]),
			Licences: byFolder[path.Dir(m.Name)].licences(),
		})
	}
	slices.SortFunc(inside, func(a, b component) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version))
	})
	return slices.CompactFunc(inside, func(a, b component) bool { return a.purl() == b.purl() }), all, nil
}

// maxPom is the size in bytes of the largest pom that is read. Published ones have 300 kB at most.
const maxPom = 1 << 20

// shorten leaves of each text, and of the list of licences, what a pom that is one has.
func (p *pom) shorten() {
	p.Licences = p.Licences[:min(len(p.Licences), 20)]
	for _, text := range []*string{&p.Group, &p.Name, &p.Version, &p.Parent.Group, &p.Parent.Version} {
		*text = short(*text)
	}
	for i := range p.Licences {
		p.Licences[i].Name, p.Licences[i].URL = short(p.Licences[i].Name), short(p.Licences[i].URL)
	}
}

// short returns the beginning of a text, as a copy: the rest is not kept.
func short(text string) string {
	return strings.Clone(strings.ToValidUTF8(text[:min(len(text), 200)], ""))
}

// properties reads the lines of a pom.properties.
func properties(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if at := strings.IndexAny(line, "=:"); at > 0 && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			values[strings.TrimSpace(line[:at])] = strings.TrimSpace(line[at+1:])
		}
	}
	return values
}

// fitting returns the index of the library that a file is named after, -1 if there is none.
func fitting(inside []component, name string) int {
	if at := slices.IndexFunc(inside, func(c component) bool { return c.Name == name }); at >= 0 || name == "" {
		return at
	}
	return slices.IndexFunc(inside, func(c component) bool { return strings.HasPrefix(c.Name, name) || strings.HasSuffix(name, c.Name) })
}

// versionAt matches where the version begins in the name of a jar.
var versionAt = regexp.MustCompile(`[-_.](\d|build\d|rc?\d)`)

// splitName splits the name of a jar into the library's and its version: "spring-core-6.2.7".
func splitName(name string) (string, string) {
	if at := versionAt.FindStringIndex(name); at != nil && at[0] > 0 {
		return name[:at[0]], name[at[0]+1:]
	}
	return name, ""
}

// groups are those of libraries that have no pom in them, by what their names begin with. The longest one counts.
var groups = map[string]string{
	"bcpg": "org.bouncycastle", "bcpkix": "org.bouncycastle", "bcprov": "org.bouncycastle", "bctls": "org.bouncycastle",
	"bcutil": "org.bouncycastle",
	"groovy": "org.apache.groovy", "hibernate-core": "org.hibernate.orm", "jooq": "org.jooq", "kafka-": "org.apache.kafka",
	"kotlin-": "org.jetbrains.kotlin", "kotlinx-": "org.jetbrains.kotlinx", "ktor-": "io.ktor", "micrometer-": "io.micrometer",
	"micronaut-": "io.micronaut", "okhttp": "com.squareup.okhttp3", "okio": "com.squareup.okio", "reactor-core": "io.projectreactor",
	"reactor-netty-": "io.projectreactor.netty", "scala-library": "org.scala-lang", "tomcat-": "org.apache.tomcat",
	"tomcat-embed-": "org.apache.tomcat.embed", "spring-": "org.springframework", "spring-ai-": "org.springframework.ai",
	"spring-amqp": "org.springframework.amqp", "spring-batch-": "org.springframework.batch", "spring-boot": "org.springframework.boot",
	"spring-cloud-": "org.springframework.cloud", "spring-data-": "org.springframework.data", "spring-graphql": "org.springframework.graphql",
	"spring-hateoas": "org.springframework.hateoas", "spring-integration-": "org.springframework.integration",
	"spring-kafka": "org.springframework.kafka", "spring-ldap-": "org.springframework.ldap", "spring-plugin-": "org.springframework.plugin",
	"spring-rabbit": "org.springframework.amqp", "spring-retry": "org.springframework.retry",
	"spring-security-": "org.springframework.security", "spring-session-": "org.springframework.session",
	"spring-vault-": "org.springframework.vault", "spring-ws-": "org.springframework.ws",
}

// groupOf returns the group of a library by its name, "" if it is not known.
func groupOf(name string) string {
	longest := ""
	for begin := range groups {
		if strings.HasPrefix(name, begin) && len(begin) > len(longest) {
			longest = begin
		}
	}
	return groups[longest]
}

// domain matches values that begin as a group does.
var domain = regexp.MustCompile(`^(com|org|net|io|be)[.a-zA-Z]`)

// group returns the group that a manifest hints at, "" if it does not.
func (m manifest) group() string {
	for _, fields := range [][]string{
		{"Group-Id", "Bundle-SymbolicName", "Extension-Name", "Specification-Vendor", "Implementation-Vendor", "Implementation-Vendor-Id",
			"Implementation-Title", "Bundle-Activator"},
		{"Automatic-Module-Name", "Main-Class", "Package"},
	} {
		var found []string
		for _, name := range fields {
			if value := m.get(name); domain.MatchString(value) {
				value, _, _ = strings.Cut(value, ";")
				value, _, _ = strings.Cut(value, "#")
				found = append(found, strings.TrimSpace(value))
			}
		}
		if len(found) > 0 {
			return slices.Min(found)
		}
	}
	return ""
}

// known licences, by a part of their address or name in small letters. The first that fits counts.
var licenceNames = []struct{ part, id string }{
	{"apache.org/licenses/license-2.0", "Apache-2.0"}, {"apache-2", "Apache-2.0"}, {"opensource.org/licenses/apache", "Apache-2.0"},
	{"opensource.org/license/mit", "MIT"}, {"opensource.org/licenses/mit", "MIT"}, {"epl-2.0", "EPL-2.0"}, {"epl-v20", "EPL-2.0"},
	{"epl-v10", "EPL-1.0"}, {"epl-1.0", "EPL-1.0"}, {"edl-v10", "BSD-3-Clause"}, {"edl-1.0", "BSD-3-Clause"}, {"lgpl-2.1", "LGPL-2.1-only"},
	{"lgpl-3", "LGPL-3.0-only"}, {"software/classpath/license", "GPL-2.0-only WITH Classpath-exception-2.0"}, {"bsd-3", "BSD-3-Clause"},
	{"bsd-2", "BSD-2-Clause"}, {"publicdomain/zero", "CC0-1.0"}, {"mozilla.org/en-us/mpl/2.0", "MPL-2.0"}, {"mpl/2.0", "MPL-2.0"},
	{"apache license, version 2", "Apache-2.0"}, {"apache license 2", "Apache-2.0"}, {"apache software license", "Apache-2.0"},
	{"the apache license", "Apache-2.0"}, {"mit license", "MIT"}, {"eclipse public license - v 1", "EPL-1.0"},
	{"eclipse public license v. 2", "EPL-2.0"}, {"eclipse public license - v 2", "EPL-2.0"}, {"eclipse distribution license", "BSD-3-Clause"},
	{"gpl2 w/ cpe", "GPL-2.0-only WITH Classpath-exception-2.0"}, {"lesser general public license", "LGPL-2.1-or-later"},
}

// licenceOf returns the SPDX identifier of a licence by its name or address; one that is not known stays as it is.
func licenceOf(text string) string {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	for _, one := range licenceNames {
		if strings.Contains(lower, one.part) {
			return one.id
		}
	}
	return text
}

// licences returns those that a pom names.
func (p pom) licences() []string {
	var ids []string
	for _, one := range p.Licences {
		if id := licenceOf(cmp.Or(one.URL, one.Name)); id == one.URL && one.Name != "" {
			ids = append(ids, licenceOf(one.Name))
		} else if id != "" {
			ids = append(ids, id)
		}
	}
	return either(ids)
}

// licences returns those that a manifest names, as OSGi has it: a list of names or addresses, each with attributes.
func (m manifest) licences() []string {
	var ids []string
	for one := range strings.SplitSeq(m.get("Bundle-License"), ",") {
		one, _, _ = strings.Cut(one, ";")
		if id := licenceOf(short(strings.Trim(strings.TrimSpace(one), `"`))); id != "" && len(ids) < 20 {
			ids = append(ids, id)
		}
	}
	return either(ids)
}

// either returns the licences of a library as one: of several that Maven or OSGi list, one may be chosen.
func either(ids []string) []string {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) < 2 || slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(id, "/") || strings.Contains(id, ",") }) {
		return ids
	}
	return []string{strings.Join(ids, " OR ")}
}

// licenceFile matches the names of files with the text of a licence.
var licenceFile = regexp.MustCompile(`(?i)^(META-INF/)?(licen[sc]e|copying|unlicense)([._-][a-z0-9.]*)?$`)

// licences returns those whose texts are in a jar.
func (a *archive) licences() ([]string, error) {
	var ids []string
	for _, m := range a.members {
		if !licenceFile.MatchString(m.Name) || m.Size > 1<<20 {
			continue
		}
		data, err := a.read(m.Name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, licence.Identify(data)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// document returns the bill of materials of a layer: each jar, and what is in it.
func (p *placing) document(name string) *sbom.Document {
	d := &sbom.Document{Subject: sbom.Component{Name: name}}
	for i, f := range p.files {
		if f.layer != name {
			continue
		}
		var refs []string
		for at, c := range slices.Backward(p.facts[i].Bill) { // the jar itself is the first
			one := sbom.Component{Name: c.Name, Version: c.Version, PURL: c.purl(), Licenses: c.Licences, SHA256: c.SHA256}
			if at == 0 {
				one.Dependencies = refs
			}
			refs = append(refs, one.Ref())
			d.Components = append(d.Components, one)
		}
	}
	return d
}
