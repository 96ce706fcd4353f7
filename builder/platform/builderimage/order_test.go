package builderimage_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestOrder has the order of a builder changed as pack v0.40 changes it.
func TestOrder(t *testing.T) {
	t.Parallel()
	files := map[string]string{"cnb/order.toml": `
[[order]]
group = [{id = "acme/a", version = "1"}, {id = "acme/b", version = "1", optional = true}]
[[order]]
group = [{id = "acme/b", version = "2"}]
`}
	for _, one := range []string{"acme/a@1", "acme/b@1", "acme/b@2"} {
		files[file(one)] = buildpack(one, "")
	}
	b := open(t, files)
	ab := []string{"acme/a", "acme/b@1"}
	for name, test := range map[string]struct {
		named, pre, post []string
		want             string
	}{
		"the builder's": {nil, nil, nil, "acme/a@1 acme/b@1? \nacme/b@2 \n"},
		"listed":        {[]string{"acme/b@2", "acme/a"}, nil, nil, "acme/b@2 acme/a@1 \n"},
		"added": {nil, ab, []string{"acme/a", "acme/b@2"},
			"acme/b@1 acme/a@1 acme/a@1 acme/b@1? acme/a@1 acme/b@2 \nacme/b@1 acme/a@1 acme/b@2 acme/a@1 acme/b@2 \n"},
	} {
		got, err := b.Order(test.named, test.pre, test.post)
		if err != nil {
			t.Fatal(err)
		}
		text, err := got.TOML()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, written(t, text)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for file, id := range map[string]string{
		"order-unknown": "acme/c", "order-version": "acme/a@2", "order-path": "../../acme_a", "order-several": "acme/b",
	} {
		_, err := b.Order(nil, []string{id}, nil)
		kittest.Golden(t, file+".txt", platformtest.Fault(t, err))
	}
}

// open stores a builder with some files and opens it.
func open(t *testing.T, files map[string]string) *builderimage.Builder {
	t.Helper()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	platformtest.Put(t, h.Store, "builder", platformtest.Builder(t, files))
	b, err := builderimage.Open(t.Context(), h, "builder")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// file returns the path of the buildpack.toml of ID@VERSION in a builder.
func file(name string) string {
	id, version, _ := strings.Cut(name, "@")
	return "cnb/buildpacks/" + strings.ReplaceAll(id, "/", "_") + "/" + version + "/buildpack.toml"
}

// buildpack returns the buildpack.toml of ID@VERSION.
func buildpack(name, more string) string {
	id, version, _ := strings.Cut(name, "@")
	return "[buildpack]\nid = \"" + id + "\"\nversion = \"" + version + "\"\n" + more
}

// written returns an order.toml with a line per group and a question mark behind what is optional.
func written(t *testing.T, content []byte) string {
	t.Helper()
	var file struct {
		Order []struct {
			Group []struct {
				ID, Version string
				Optional    bool
			}
		}
	}
	if err := toml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, g := range file.Order {
		for _, one := range g.Group {
			text += one.ID + "@" + one.Version + map[bool]string{true: "?"}[one.Optional] + " "
		}
		text += "\n"
	}
	return text
}

// TestPassedOver asks which buildpacks the lifecycle passes over on a distribution, through a composite.
func TestPassedOver(t *testing.T) {
	t.Parallel()
	const glibc = "[[targets]]\nos = \"linux\"\n[[targets.distros]]\nname = \"strata-glibc\"\nversion = \"13\"\n"
	const composite = `
[[order]]
group = [{id = "x/glibc", version = "1"}]
[[order]]
group = [{id = "x/any", version = "1"}]
`
	order, err := open(t, map[string]string{
		"cnb/order.toml": `
[[order]]
group = [{id = "x/all", version = "1"}, {id = "x/any", version = "1"}, {id = "x/mixed", version = "1"}, {id = "x/every", version = "1"}]
`,
		file("x/every@1"): buildpack("x/every@1", strings.Replace(glibc, "version = \"13\"\n", "", 1)),
		file("x/all@1"):   buildpack("x/all@1", composite),
		file("x/any@1"):   buildpack("x/any@1", ""),
		file("x/glibc@1"): buildpack("x/glibc@1", glibc),
		file("x/mixed@1"): buildpack("x/mixed@1", glibc+"[[targets]]\nos = \"linux\"\n"),
	}).Order(nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"x/glibc", "x/any", "x/mixed", "x/every"}, order.IDs()); diff != "" {
		t.Errorf("ids:\n%s", diff)
	}
	for on, want := range map[builderimage.Distribution][]string{
		{Name: "strata-glibc", Version: "13"}:  nil,
		{Name: "strata-glibc", Version: "12"}:  {"x/glibc"},
		{Name: "strata-static", Version: "13"}: {"x/every", "x/glibc"},
	} {
		if got := slices.Sorted(maps.Keys(order.PassedOver(on))); !slices.Equal(got, want) {
			t.Errorf("on %v: passed over %v, want %v", on, got, want)
		}
	}
}
