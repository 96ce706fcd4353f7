package build

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/verdict"
)

// glibc are the targets of a buildpack that builds for glibc 13 alone.
const glibc = "[[targets]]\nos = \"linux\"\n[[targets.distros]]\nname = \"strata-glibc\"\nversion = \"13\"\n"

// order is an order of one group of buildpacks of version 1. A buildpack x/NAME? is optional, x/NAME! limited to glibc.
func order(t *testing.T, names string) builderimage.Order {
	t.Helper()
	files, members := map[string]string{}, []string{}
	for name := range strings.FieldsSeq(names) {
		id, optional := strings.CutSuffix(name, "?")
		id, limited := strings.CutSuffix(id, "!")
		text := "[buildpack]\nid = \"" + id + "\"\nversion = \"1\"\n"
		if limited {
			text += glibc
		}
		files["cnb/buildpacks/"+strings.ReplaceAll(id, "/", "_")+"/1/buildpack.toml"] = text
		member := `{id = "` + id + `", version = "1"`
		if optional {
			member += ", optional = true"
		}
		members = append(members, member+"}")
	}
	files["cnb/order.toml"] = "[[order]]\ngroup = [" + strings.Join(members, ", ") + "]\n"
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	platformtest.Put(t, h.Store, "builder", platformtest.Builder(t, files))
	b, err := builderimage.Open(t.Context(), h, "builder")
	if err != nil {
		t.Fatal(err)
	}
	o, err := b.Order(nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestRuledOut asks what a detection on one run image says of those before it.
func TestRuledOut(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	for ref, run := range map[string]platformtest.Run{
		"static:13": {}, "musl:13": {Variant: "musl"}, "glibc:13": {Variant: "glibc"}, "glibc:12": {Variant: "glibc", Version: "12"},
	} {
		platformtest.Put(t, s, ref, run.Image(t))
	}
	for _, test := range []struct {
		name, group string
		before      []string
		want        bool
	}{
		{"a needed one is limited", "x/any x/glibc!", []string{"static:13", "musl:13"}, true},
		{"to a version, too", "x/glibc!", []string{"glibc:12"}, true},
		{"it has one of them", "x/glibc!", []string{"static:13", "glibc:13"}, false},
		{"none is limited", "x/any", []string{"static:13"}, false},
		{"the group can do without it", "x/any x/glibc!?", []string{"static:13"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := folders{dir: t.TempDir()}
			b := &build{store: s, order: order(t, test.group), lifecycle: lifecycle{folders: f}}
			toml := ""
			for _, id := range b.order.IDs() {
				toml += "[[group]]\nid = \"" + id + "\"\nversion = \"1\"\n"
			}
			kittest.Write(t, f.dir, map[string]string{"platform/group.toml": toml})
			if got, err := b.ruledOut(test.before); err != nil || got != test.want {
				t.Errorf("got %v (%v), want %v", got, err, test.want)
			}
		})
	}
}

// TestVerdicts has buildpacks say why they take no part, first on static and then on glibc, in folders as detection leaves
// them.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, order  string
		first, later map[string]string // what buildpacks leave
		passedOver   bool              // on static
		want         string
	}{
		{"all say why", "x/go x/node", map[string]string{"x/go": "no go.mod", "x/node": "no package.json"}, nil, false,
			"x/go: no go.mod, x/node: no package.json"},
		{"passed over, then asked", "x/go x/glibc!", map[string]string{"x/go": "no go.mod"},
			map[string]string{"x/go": "no go.mod", "x/glibc": "no C"}, true,
			"x/go: no go.mod, x/glibc: no C"},
		{"passed over, and then silent", "x/glibc!", nil, nil, true, "x/glibc: does not build for static:13"},
		{"no group needs it", "x/go x/proc?", map[string]string{"x/go": "no go.mod", "x/proc": "no Procfile"}, nil, false, "x/go: no go.mod"},
		{"nobody says why", "x/go", nil, nil, false, `lifecycle: "No buildpack groups passed detection."`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := folders{dir: t.TempDir()}
			b := &build{order: order(t, test.order), lifecycle: lifecycle{folders: f}}
			said := map[string]string{}
			hear := func(ref string, run platformtest.Run, left map[string]string) bool {
				kittest.Write(t, f.verdicts(), nil)
				for id, why := range left {
					if err := verdict.Write(f.verdicts(), id, why); err != nil {
						t.Fatal(err)
					}
				}
				passedOver, err := b.hear(said, target{run: platformtest.Parse(t, ref), runImage: run.Image(t)})
				if err != nil {
					t.Fatal(err)
				}
				return passedOver
			}
			if got := hear("static:13", platformtest.Run{}, test.first); got != test.passedOver {
				t.Errorf("a buildpack was passed over on static: %v, want %v", got, test.passedOver)
			}
			if test.passedOver && hear("glibc:13", platformtest.Run{Variant: "glibc"}, test.later) {
				t.Error("a buildpack was passed over on glibc")
			}
			nothing := new(undetected)
			log := lastLine(&nothing.last)
			for _, piece := range []string{"======== Results ========\nERR", "OR: No buildpack groups passed detection.\n", "\n"} {
				if _, err := log.Write([]byte(piece)); err != nil {
					t.Fatal(err)
				}
			}
			if got := b.verdicts(said, nothing).Error(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestLikely asks which run image the app's previous image stands on.
func TestLikely(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	candidates := []string{"static:13", "musl:13", "glibc:13"}
	runs := map[string]platformtest.Run{"static:13": {}, "musl:13": {Variant: "musl"}, "glibc:13": {Variant: "glibc"}}
	for ref, run := range runs {
		platformtest.Put(t, s, ref, run.Image(t))
	}
	app, err := imagename.ParseTag("app")
	if err != nil {
		t.Fatal(err)
	}
	b := &build{store: s, image: app}
	if got := b.likely(candidates); got != -1 {
		t.Errorf("of an app that is not built yet: %d", got)
	}
	b.previous = platformtest.App(t, runs["musl:13"].Image(t), "musl:13", "app", nil)
	if got := b.likely(candidates); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
}
