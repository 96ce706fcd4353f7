package builderimage

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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

// TestExpanded compares with what the lifecycle tries, detector.go of v0.21.
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
	orders := map[string][]group{
		"languages@1": list("helper@1? go@1 | node@1"), "all@1": list("languages@1 | web@1"), "languages@2": list("go@1"),
	}
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
		if optional := strings.Join(slices.Sorted(maps.Keys(Order{tried: got}.Optional())), " "); optional != test.optional {
			t.Errorf("%s: optional %q, want %q", name, optional, test.optional)
		}
	}
}

func TestCircle(t *testing.T) {
	t.Parallel()
	to := func(ids ...string) []group {
		var g group
		for _, id := range ids {
			g.Group = append(g.Group, member{ID: id, Version: "1"})
		}
		return []group{g}
	}
	for want, composites := range map[string]map[string][]group{
		"":    {"a@1": to("b", "c"), "b@1": to("c", "d"), "d@1": nil},
		"a@1": {"a@1": to("b", "a")},
		"b@1": {"a@1": to("b"), "b@1": to("c"), "c@1": to("x", "b")},
	} {
		if got := circle(composites); got != want {
			t.Errorf("%v: got %q, want %q", composites, got, want)
		}
	}
}
