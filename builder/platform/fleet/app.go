package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
)

// app adds what only apps have.
func (r *reader) app(ctx context.Context, out *looked, s subject, on *stand) {
	row := &out.row
	const maxBuildpacks = 50
	for _, b := range s.said.Buildpacks[:min(len(s.said.Buildpacks), maxBuildpacks)] {
		row.BuiltBy = append(row.BuiltBy, short(b.ID+"@"+b.Version, maxText))
	}
	r.due(ctx, row, s)
	layers := s.said.layersOf(s.config, row.Layers)
	row.Own = &Packages{}
	r.bills <- struct{}{}
	defer func() { <-r.bills }()
	err := attest.Components(s.image, func(c attest.Component) {
		row.Described = true
		row.speaks(c, r.Now, r.Locked)
		r.component(ctx, out, on, c, debianArch(s.config), layers)
	})
	row.exchanged(s.said)
	switch {
	case err != nil:
		row.Own.Reason = short("its bills of materials cannot be read: "+reason(err), maxReason)
		row.Blind = append(row.Blind, row.Own.Reason)
	case !row.Described:
		row.Blind = append(row.Blind, "its own layers: they have no bill of materials")
	}
}

// exchanged notes which languages a rebase of runtimes has newer ones of: those of layers that say so, unless the app asks for others, or a
// layer is of use to one release alone.
func (i *Image) exchanged(said label) {
	names := map[string]string{"node": "Node.js", "python": "Python"}
	var is []runtimes.Runtime
	exact := map[string]bool{}
	for _, b := range said.Buildpacks {
		for _, layer := range b.Layers {
			var about struct {
				Runtime runtimes.Runtime
				Needs   []runtimes.Need
			}
			if json.Unmarshal(layer.Data, &about) != nil {
				continue
			}
			is = append(is, about.Runtime)
			for _, need := range about.Needs {
				exact[need.ID] = exact[need.ID] || need.Exact
			}
		}
	}
	for _, runtime := range is {
		for at, l := range i.Languages {
			ofIt := l.Name == names[runtime.ID] && l.Newest != "" && i.Base.Reason == ""
			if ofIt && !exact[runtime.ID] && allows(runtime.Asked, upstream.FindString(l.Newest)) {
				i.Languages[at].Rebase = true
			}
		}
	}
}

// equals matches the signs of Python for one version.
var equals = regexp.MustCompile("={2,3}")

// allows reports whether what an app asks for allows a version. What is no range of versions, such as lts/*, allows all.
func allows(asked, version string) bool {
	allowed, err := semver.NewConstraint(equals.ReplaceAllString(asked, "="))
	is, wrong := semver.NewVersion(version)
	return err != nil || wrong != nil || allowed.Check(is)
}

// due says what a rebase would do.
func (r *reader) due(ctx context.Context, row *Image, s subject) {
	due := r.dues.Of(ctx, s.ref, s.image)
	row.ByKpack = due.ByKpack
	row.Base = &Base{Name: due.Old, Newest: due.New, Due: due.Err == nil && !due.Current}
	if due.Err == nil {
		return
	}
	text := short(reason(due.Err), maxReason)
	if f := (fault.Fault{}); errors.As(due.Err, &f) && f.ID == "rebase-base-missing" {
		text += "; name its registry as a place, too, or build it on this machine"
	}
	row.Base.Reason = text
}

// reason returns what an error says without the next step of a fault: that is one of another command.
func reason(err error) string {
	if f := (fault.Fault{}); errors.As(err, &f) {
		if f.Err == nil {
			return f.What
		}
		return f.What + ": " + f.Err.Error()
	}
	return err.Error()
}

// layersOf returns the places of buildpacks' layers, by the buildpack's id and the layer's name.
func (l label) layersOf(config *v1.ConfigFile, places []int) map[[2]string]int {
	byDiffID := map[string]int{}
	for i, d := range config.RootFS.DiffIDs {
		byDiffID[d.String()] = places[i]
	}
	layers := map[[2]string]int{}
	for _, b := range l.Buildpacks {
		for layer, is := range b.Layers {
			if place, found := byDiffID[is.SHA]; found {
				layers[[2]string{strings.ReplaceAll(b.ID, "_", "/"), layer}] = place
			}
		}
	}
	return layers
}

var (
	pythonOfDebian = regexp.MustCompile(`^libpython3\.\d+-minimal$`)
	javaOfDebian   = regexp.MustCompile(`^openjdk-\d+-jre-headless$`)
	javaOfVendors  = regexp.MustCompile(`^(openjdk|.*-(jre|jdk))$`)
	upstream       = regexp.MustCompile(`^[0-9.]+`)
	languages      = map[string]string{
		"node": "Node.js", "bun": "Bun", "python": "Python", "cpython": "Python", "rust": "Rust", "openjdk": "Java",
	}
)

// maxLanguages is how many languages of an image are named.
const maxLanguages = 8

// speaks adds the language that a component is the runtime of, if it is one. Go's library is in each program in Go, and many others bring
// one: it speaks for an app only if a buildpack for Go made it.
func (i *Image) speaks(c attest.Component, now time.Time, locked Locked) {
	purl, err := packageurl.FromString(c.PURL)
	if err != nil {
		return
	}
	found, version := "", short(purl.Version, 40)
	ofDebian := purl.Type == packageurl.TypeDebian && pythonOfDebian.MatchString(purl.Name)
	switch {
	case purl.Type == packageurl.TypeGolang && purl.Name == "stdlib":
		if forGo(c.Buildpack) {
			found, version = "Go", strings.TrimPrefix(strings.TrimPrefix(version, "v"), "go")
		}
	case ofDebian:
		found, version = "Python", upstream.FindString(version)
	case purl.Type == packageurl.TypeDebian && javaOfDebian.MatchString(purl.Name):
		found, version = "Java", upstream.FindString(version)
	case purl.Type == packageurl.TypeGeneric && languages[purl.Name] != "":
		found = languages[purl.Name]
	case c.Name == "openjdk", purl.Type == packageurl.TypeGeneric && javaOfVendors.MatchString(purl.Name):
		found, version = "Java", short(c.Version, 40) // the URL of a vendor's archive has the name of its release
	}
	if found == "Java" { // 8 is 1.8.0 or 8u452, and 21.0.8+9 is 21.0.8 of Debian
		version = strings.TrimPrefix(upstream.FindString(version), "1.")
	}
	l := language(found, version, now)
	if l.Newest = locked.newest(found, version); ofDebian { // a build takes what Debian has
		l.Newest = short(locked.ofDebian(purl.Name, purl.Version), 40)
	}
	same := func(other Language) bool { return other.Name == l.Name && other.Version == l.Version }
	switch at := slices.IndexFunc(i.Languages, same); {
	case at >= 0 && ofDebian: // Debian's packages are beside what is made of them
		i.Languages[at].Newest = l.Newest
	case at < 0 && found != "" && len(i.Languages) < maxLanguages:
		i.Languages = append(i.Languages, l)
	}
}

// forGo reports whether the id of a buildpack says that it builds programs in Go, such as "paketo-buildpacks/go-build".
func forGo(id string) bool {
	words := strings.FieldsFunc(id, func(r rune) bool { return strings.ContainsRune("/.-_", r) })
	return slices.Contains(words, "go")
}

// component counts a package of an app's own layer, and notes it if it is the one that was asked for.
func (r *reader) component(
	ctx context.Context, out *looked, on *stand, c attest.Component, arch string, layers map[[2]string]int,
) {
	purl, err := packageurl.FromString(c.PURL)
	newest := ""
	if err == nil && purl.Type == packageurl.TypeDebian {
		newest = r.ownPackage(ctx, out.row.Own, on, purl, arch)
	}
	source, _, _ := strings.Cut(purl.Qualifiers.Map()["upstream"], "@")
	if r.Package == "" || c.Name != r.Package && purl.Name != r.Package && source != r.Package {
		return
	}
	if !r.take(1) {
		out.left++
		return
	}
	place, known := layers[[2]string{c.Buildpack, c.Layer}]
	if !known {
		place = -1
	}
	h := Holder{Package: short(c.Name, maxText), Version: short(c.Version, maxText), Newest: newest, place: place}
	out.holders = append(out.holders, h)
}

// ownPackage counts a package of Debian that an app brings along, and returns its newest version if it is behind.
func (r *reader) ownPackage(ctx context.Context, own *Packages, on *stand, purl packageurl.PackageURL, arch string) string {
	own.Count++
	distro := purl.Qualifiers.Map()["distro"]
	if on.release == "" || distro != "debian-"+on.release {
		own.miss("the run image is of another release than " + short(cmp.Or(distro, purl.Name), maxText))
		return ""
	}
	offers, err := r.offers(ctx, on, arch)
	if err != nil {
		own.miss(short(reason(err), maxReason))
		return ""
	}
	return own.compare(offers, archive.Installed{Name: short(purl.Name, maxText), Version: short(purl.Version, maxText)})
}
