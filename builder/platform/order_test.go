package platform

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestOrder has the order of a builder changed as pack v0.40 changes it.
func TestOrder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	files := map[string]string{"cnb/order.toml": `
[[order]]
group = [{id = "acme/a", version = "1"}, {id = "acme/b", version = "1", optional = true}]
[[order]]
group = [{id = "acme/b", version = "2"}]
`}
	for _, one := range []member{{ID: "acme/a", Version: "1"}, {ID: "acme/b", Version: "1"}, {ID: "acme/b", Version: "2"}} {
		files["cnb/buildpacks/"+strings.ReplaceAll(one.ID, "/", "_")+"/"+one.Version+"/buildpack.toml"] = "[buildpack]\nid = \"" + one.ID + "\"\nversion = \"" + one.Version + "\"\n"
	}
	kittest.Write(t, root, files)
	write := func(options BuildOptions) (string, error) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"platform/env/X": ""})
		b := &build{BuildOptions: options, builder: &unpackedBuilder{root: root}, dir: dir}
		if err := b.writeOrder(); err != nil {
			return "", err
		}
		var o order
		if _, err := toml.DecodeFile(b.path("platform", "order.toml"), &o); err != nil {
			t.Fatal(err)
		}
		return o.text(), nil
	}
	for name, test := range map[string]struct {
		options BuildOptions
		want    string
	}{
		"the builder's": {BuildOptions{}, "acme/a@1 acme/b@1? \nacme/b@2 \n"},
		"listed":        {BuildOptions{Buildpacks: []string{"acme/b@2", "acme/a"}}, "acme/b@2 acme/a@1 \n"},
		"added":         {BuildOptions{Pre: []string{"acme/a", "acme/b@1"}, Post: []string{"acme/a", "acme/b@2"}}, "acme/b@1 acme/a@1 acme/a@1 acme/b@1? acme/a@1 acme/b@2 \nacme/b@1 acme/a@1 acme/b@2 acme/a@1 acme/b@2 \n"},
	} {
		got, err := write(test.options)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for file, id := range map[string]string{"order-unknown": "acme/c", "order-version": "acme/a@2", "order-path": "../../acme_a", "order-several": "acme/b"} {
		_, err := write(BuildOptions{Pre: []string{id}})
		if !errors.As(err, new(fault.Fault)) {
			t.Errorf("%s: got %v, want a fault", id, err)
			continue
		}
		kittest.Golden(t, file+".txt", err.Error()+"\n")
	}
}

func (o order) text() string {
	text := ""
	for _, g := range o.Order {
		for _, one := range g.Group {
			text += one.name()
			if one.Optional {
				text += "?"
			}
			text += " "
		}
		text += "\n"
	}
	return text
}

// TestExpanded compares with what the lifecycle tries, detector.go of v0.21.0.
func TestExpanded(t *testing.T) {
	t.Parallel()
	list := func(names string) (list []group) {
		for line := range strings.SplitSeq(names, " | ") {
			var g group
			for name := range strings.FieldsSeq(line) {
				name, optional := strings.CutSuffix(name, "?")
				id, version, _ := strings.Cut(name, "@")
				g.Group = append(g.Group, member{id, version, optional})
			}
			list = append(list, g)
		}
		return list
	}
	orders := map[string][]group{"languages@1": list("helper@1? go@1 | node@1"), "all@1": list("languages@1 | web@1"), "languages@2": list("go@1")}
	for name, test := range map[string]struct{ order, want, optional string }{
		"plain":                  {"go@1 procfile@1?", "go@1 procfile@1? \n", "procfile"},
		"in the middle":          {"ca@1? languages@1 linkage@1", "ca@1? helper@1? go@1 linkage@1 \nca@1? node@1 linkage@1 \n", "ca helper"},
		"in another one":         {"all@1 linkage@1", "helper@1? go@1 linkage@1 \nnode@1 linkage@1 \nweb@1 linkage@1 \n", "helper"},
		"optional":               {"languages@2? web@1", "go@1 web@1 \nweb@1 \n", ""},
		"two, and another group": {"languages@2 languages@2 | web@1?", "go@1 go@1 \nweb@1? \n", "web"},
	} {
		got := order{list(test.order)}.expanded(orders)
		if diff := cmp.Diff(test.want, got.text()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if optional := strings.Join(slices.Sorted(maps.Keys(got.optional())), " "); optional != test.optional {
			t.Errorf("%s: optional %q, want %q", name, optional, test.optional)
		}
	}
}
