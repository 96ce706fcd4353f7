package project

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// Limits of the poms of an app. The largest builds have some hundred, with some MB in all.
const (
	maxPOMs     = 2_000
	maxPOMBytes = 16 << 20
)

// pom is a pom.xml with its parents in the app.
type pom struct {
	file   string
	root   *element
	parent *pom // in the app, nil for none
	values map[string]string
}

// maven reads a pom and those of its modules.
func (r *reader) maven(file string, s Settings) (Project, error) {
	p := Project{Tool: Maven, File: file}
	if path.Ext(file) != ".xml" {
		return r.polyglot(p, s)
	}
	b := &mavenBuild{reader: r, poms: map[string]*pom{}, profiles: s.MavenProfiles}
	if err := b.add(file); err != nil {
		return p, err
	}
	module, err := r.module("BP_MAVEN_BUILT_MODULE", s.MavenModule)
	if err != nil {
		return p, err
	}
	for _, one := range b.list {
		p.Modules = append(p.Modules, path.Dir(one.file))
		one.ages(&p.java)
		one.node(&p.Node)
		p.Moving = p.Moving || one.moving(b)
		p.Dated = p.Dated || one.value("project.build.outputTimestamp") != ""
	}
	modules := b.programs()
	if module != "" {
		modules = []string{module}
	}
	if p.Outputs, err = outputs("BP_MAVEN_BUILT_ARTIFACT", s.MavenArtifact, modules,
		"target/quarkus-app", "target/*-runner.jar", "target/*.war", "target/*.jar"); err != nil {
		return p, err
	}
	return p, r.mavenFolder(path.Dir(file), s, &p)
}

// polyglot returns what can be known of a pom in another language, which an extension of Maven reads.
func (r *reader) polyglot(p Project, s Settings) (Project, error) {
	_, err := r.read(p.File)
	if err != nil {
		return p, err
	}
	p.Modules, p.Moving = []string{path.Dir(p.File)}, true // it may name snapshots
	if p.Outputs, err = outputs("BP_MAVEN_BUILT_ARTIFACT", s.MavenArtifact, p.Modules, "target/*.war", "target/*.jar"); err != nil {
		return p, err
	}
	return p, r.mavenFolder(path.Dir(p.File), s, &p)
}

// mavenBuild are the poms of a build.
type mavenBuild struct {
	*reader
	profiles []string
	poms     map[string]*pom
	bytes    int    // of those
	list     []*pom // in the order of modules
}

// add reads a pom and, after it, its modules.
func (b *mavenBuild) add(file string) error {
	one, err := b.pom(file, 0)
	if err != nil || one == nil || slices.Contains(b.list, one) {
		return err
	}
	b.list = append(b.list, one)
	for _, name := range one.modules(b.profiles) {
		inner := path.Join(path.Dir(file), name)
		if !strings.HasSuffix(inner, ".xml") {
			inner = path.Join(inner, "pom.xml")
		}
		if !filepath.IsLocal(inner) {
			return fault.Fault{ID: "java-module-outside", What: fmt.Sprintf("%s has the module %q, which is outside of the app", file, name),
				Do: "build the folder that holds both"}
		}
		if err := b.add(inner); err != nil {
			return err
		}
	}
	return nil
}

// pom reads a pom and its parents in the app; nil if there is none.
func (b *mavenBuild) pom(file string, depth int) (*pom, error) {
	if have, found := b.poms[file]; found {
		return have, nil
	}
	if len(b.poms) >= maxPOMs || depth > maxDepth {
		return nil, fault.Fault{ID: "java-modules", Do: "name one of them in BP_MAVEN_POM_FILE",
			What: fmt.Sprintf("%s is a pom of more than %d, or of more than %d parents", file, maxPOMs, maxDepth)}
	}
	text, err := b.read(file)
	if err != nil || text == "" {
		b.poms[file] = nil // Maven says what is missing
		return nil, err
	}
	if b.bytes += len(text); b.bytes > maxPOMBytes {
		return nil, fault.Fault{ID: "java-modules",
			What: fmt.Sprintf("the poms of the app have more than %d MB, %s among them", maxPOMBytes>>20, file),
			Do:   "name one of fewer modules in BP_MAVEN_POM_FILE"}
	}
	one := &pom{file: file, values: map[string]string{}}
	b.poms[file] = one
	if one.root, err = parse(file, []byte(text)); err != nil {
		return nil, err
	}
	if parent := one.root.at("parent"); parent.name != "" {
		at := "../pom.xml"
		if named := parent.at("relativePath"); named.name != "" {
			at = named.text
		}
		above := path.Join(path.Dir(file), at)
		if at != "" && filepath.IsLocal(above) {
			if !strings.HasSuffix(above, ".xml") {
				above = path.Join(above, "pom.xml")
			}
			if found, err := b.pom(above, depth+1); err != nil {
				return nil, err
			} else if found != nil && found != one && found.is(parent) && !found.below(one) {
				one.parent = found
			}
		}
	}
	for _, property := range one.root.at("properties").inner {
		one.values[property.name] = property.text
	}
	return one, nil
}

// is reports whether a pom is the one that a parent's coordinates name.
func (p *pom) is(parent *element) bool {
	return p.root.at("artifactId").text == parent.at("artifactId").text
}

// below reports whether a pom is among the parents of this one.
func (p *pom) below(other *pom) bool {
	for up := p; up != nil; up = up.parent {
		if up == other {
			return true
		}
	}
	return false
}

// modules returns the modules of a pom, with those of profiles that are asked for or active by themselves.
func (p *pom) modules(profiles []string) []string {
	var names []string
	of := func(e *element) {
		for _, one := range slices.Concat(e.all("modules", "module"), e.all("subprojects", "subproject")) {
			if name := p.expand(one.text); name != "" && !strings.Contains(name, "${") {
				names = append(names, strings.ReplaceAll(name, `\`, "/"))
			}
		}
	}
	of(p.root)
	for _, profile := range p.root.all("profiles", "profile") {
		id := profile.at("id").text
		byItself := profile.at("activation", "activeByDefault").text == "true" && len(profiles) == 0
		if slices.Contains(profiles, id) || slices.Contains(profiles, "+"+id) || byItself {
			of(profile)
		}
	}
	return names
}

// value returns the value of a property, of the pom or of its parents.
func (p *pom) value(name string) string {
	for up := p; up != nil; up = up.parent {
		if value, found := up.values[name]; found {
			return p.expand(value)
		}
	}
	switch strings.TrimPrefix(name, "project.") {
	case "parent.version":
		return p.root.at("parent", "version").text
	case "version":
		return p.root.at("version").text
	case "artifactId":
		return p.root.at("artifactId").text
	}
	return ""
}

// maxValue is how long a value may become. What is longer, or refers to itself, stays as it is written.
const maxValue = 1_000

// expand replaces properties in a text.
func (p *pom) expand(text string) string {
	for range 20 {
		begin := strings.LastIndex(text, "${")
		if begin < 0 || len(text) > maxValue {
			return text
		}
		length := strings.IndexByte(text[begin:], '}')
		if length < 0 {
			return text
		}
		value := ""
		for up := p; up != nil && value == ""; up = up.parent {
			value = up.values[text[begin+2:begin+length]]
		}
		if value == "" {
			return text
		}
		text = text[:begin] + value + text[begin+length+1:]
	}
	return text
}

// plugins returns the plugins of an artifact that a pom or its parents have.
func (p *pom) plugins(artifact string) (found []*element) {
	for up := p; up != nil; up = up.parent {
		builds := []*element{up.root.at("build")}
		for _, profile := range up.root.all("profiles", "profile") {
			builds = append(builds, profile.at("build"))
		}
		for _, build := range builds {
			for _, plugin := range slices.Concat(build.all("plugins", "plugin"), build.all("pluginManagement", "plugins", "plugin")) {
				if plugin.at("artifactId").text == artifact {
					found = append(found, plugin)
				}
			}
		}
	}
	return found
}

// moving reports whether a pom names something that is another one from day to day: a snapshot of another build, a range, the newest.
func (p *pom) moving(b *mavenBuild) bool {
	managed, build := p.root.at("dependencyManagement"), p.root.at("build")
	for _, e := range slices.Concat(p.root.all("parent"), p.root.all("dependencies", "dependency"), managed.all("dependencies", "dependency"),
		build.all("plugins", "plugin"), build.all("pluginManagement", "plugins", "plugin")) {
		own := slices.ContainsFunc(b.list, func(one *pom) bool { return one.is(e) })
		if v := p.expand(e.at("version").text); !own && moving.MatchString(v) {
			return true
		}
	}
	return false
}

// moving matches versions that mean another file from day to day.
var moving = regexp.MustCompile(`-SNAPSHOT$|^[\[(]|[\])]$|^(LATEST|RELEASE)$|^latest\.|\+$`)

// starters are plugins that make a program of a module.
var starters = []string{
	"spring-boot-maven-plugin", "quarkus-maven-plugin", "micronaut-maven-plugin", "maven-shade-plugin", "helidon-maven-plugin",
	"maven-assembly-plugin", "vertx-maven-plugin", "wildfly-jar-maven-plugin", "tomee-maven-plugin", "payara-micro-maven-plugin",
}

// programs returns the folders of the modules that make programs, and all of them if none is known to.
func (b *mavenBuild) programs() []string {
	var all, some []string
	for _, one := range b.list {
		packaging := one.expand(one.root.at("packaging").text)
		if packaging == "pom" {
			continue
		}
		all = append(all, path.Dir(one.file))
		own := &pom{root: one.root}
		makes := packaging == "war" || slices.ContainsFunc(starters, func(name string) bool { return len(own.plugins(name)) > 0 })
		for _, jar := range own.plugins("maven-jar-plugin") {
			makes = makes || jar.at("configuration", "archive", "manifest", "mainClass").text != ""
		}
		if makes {
			some = append(some, path.Dir(one.file))
		}
	}
	if len(some) > 0 {
		return some
	}
	return all
}

// ages adds what a pom asks of Java.
func (p *pom) ages(a *ages) {
	at := " of " + p.file
	named := func(name string) {
		if value := p.value(name); value != "" {
			a.minimum(value, name+at)
		}
	}
	for _, name := range []string{"maven.compiler.release", "maven.compiler.source", "maven.compiler.target", "kotlin.compiler.jvmTarget"} {
		named(name)
	}
	for _, plugin := range p.plugins("maven-compiler-plugin") {
		for _, name := range []string{"release", "source", "target"} {
			a.minimum(p.expand(plugin.at("configuration", name).text), name+" of the compiler's plugin in "+p.file)
		}
	}
	for up := p; up != nil; up = up.parent {
		parent := up.root.at("parent")
		boot := ""
		if strings.HasPrefix(parent.at("artifactId").text, "spring-boot-") && parent.at("groupId").text == "org.springframework.boot" {
			boot = up.expand(parent.at("version").text)
			named("java.version")
			if least := bootLeast(boot); p.value("java.version") == "" {
				a.minimum(least, "Spring Boot "+boot+at)
			}
		}
		for _, of := range [][2]string{{"spring-boot.version", "Spring Boot"}, {"lombok.version", "Lombok"}, {"kotlin.version", "Kotlin"}} {
			release := up.expand(up.values[of[0]])
			a.ceiling(newest(of[1], release), of[1]+" "+release+at)
		}
		a.ceiling(newest("Spring Boot", boot), "Spring Boot "+boot+at)
		managed := up.root.at("dependencyManagement")
		for _, d := range slices.Concat(up.root.all("dependencies", "dependency"), managed.all("dependencies", "dependency")) {
			tool := map[string]string{"lombok": "Lombok", "spring-boot-dependencies": "Spring Boot"}[d.at("artifactId").text]
			release := p.expand(d.at("version").text)
			a.ceiling(newest(tool, release), tool+" "+release+at)
		}
	}
}

// bootLeast returns the release of Java that Spring Boot compiles for where the app names none.
func bootLeast(boot string) string {
	switch {
	case strings.HasPrefix(boot, "1."), strings.HasPrefix(boot, "2."):
		return "8"
	case boot == "":
		return ""
	}
	return "17"
}

// mavenFolder reads the folder .mvn, which is beside the pom or above it.
func (r *reader) mavenFolder(dir string, s Settings, p *Project) error {
	at := dir
	for at != "." && !r.has(path.Join(at, ".mvn/wrapper/maven-wrapper.properties")) {
		at = path.Dir(at)
	}
	file := path.Join(at, ".mvn/wrapper/maven-wrapper.properties")
	text, err := r.read(file)
	if err != nil {
		return err
	}
	if text != "" {
		p.Wrapper = wrapper(file, text, "apache-maven-")
		if p.Wrapper.Version == "" {
			p.Notes = append(p.Notes, file+" names no release of Maven, and counts for nothing")
		}
	}
	p.Ask = version.First(version.Ask{Text: s.MavenVersion, From: "BP_MAVEN_VERSION"},
		version.Ask{Text: p.Wrapper.Version, From: "distributionUrl of " + file})
	for _, name := range []string{"maven.config", "jvm.config"} {
		if text, err = r.read(path.Join(at, ".mvn", name)); err != nil {
			return err
		}
		if text != "" {
			p.Notes = append(p.Notes, "Maven reads options of .mvn/"+name)
		}
	}
	if r.isFolder(path.Join(at, ".mvn/checksums")) {
		p.Notes = append(p.Notes, "Maven compares with .mvn/checksums what .mvn/maven.config says")
	}
	text, err = r.read(path.Join(at, ".mvn/extensions.xml"))
	if err != nil || text == "" {
		return err
	}
	extensions, err := parse(path.Join(at, ".mvn/extensions.xml"), []byte(text))
	if err != nil {
		return err
	}
	for _, one := range extensions.all("extension") {
		p.Notes = append(p.Notes, fmt.Sprintf("Maven is extended by %.60q %.40q, which .mvn/extensions.xml names",
			one.at("groupId").text+":"+one.at("artifactId").text, one.at("version").text))
	}
	return nil
}
