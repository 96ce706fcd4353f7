package builderimage

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Order is the groups of buildpacks that the lifecycle tries one after the other (platform.md, "order.toml").
type Order struct {
	asked order
	tried order        // asked, with the groups of composites in their places
	has   []definition // the builder's buildpacks
}

// order is an order.toml.
type order struct {
	Order []group `toml:"order"`
}

type group struct {
	Group []member `toml:"group"`
}

type member struct {
	ID       string `toml:"id"`
	Version  string `toml:"version"`
	Optional bool   `toml:"optional,omitempty"`
}

func (m member) name() string { return m.ID + "@" + m.Version }

// Order returns the order for a build: the builder's or, if named says so, one group of these buildpacks, with those of pre
// before each group and those of post after it. They are written as ID or ID@VERSION. A buildpack that the builder does
// not have is a fault.
func (b *Builder) Order(named, pre, post []string) (Order, error) {
	o := Order{has: b.has}
	if _, err := toml.DecodeFile(filepath.Join(b.Root, "cnb", "order.toml"), &o.asked); err != nil {
		return Order{}, fmt.Errorf("reading the builder's order: %w", err)
	}
	var members [3][]member
	for i, names := range [][]string{named, pre, post} {
		var err error
		if members[i], err = o.find(names); err != nil {
			return Order{}, err
		}
	}
	if len(members[0]) > 0 {
		o.asked.Order = []group{{members[0]}}
	}
	slices.Reverse(members[1]) // pack, too, puts each of them before the ones that are there
	for i, g := range o.asked.Order {
		o.asked.Order[i].Group = slices.Concat(members[1], g.Group, members[2])
	}
	composites := map[string][]group{}
	for _, one := range o.has {
		composites[one.Buildpack.name()] = one.Order
	}
	if name := circle(composites); name != "" {
		return Order{}, fault.Fault{
			ID: "builder-circle", What: fmt.Sprintf("the builder's buildpack %s is a member of itself", name), Do: "take another builder",
		}
	}
	o.tried = o.asked.expanded(composites)
	return o, nil
}

// TOML returns the order as the lifecycle reads it.
func (o Order) TOML() ([]byte, error) {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(o.asked); err != nil {
		return nil, fmt.Errorf("writing the order of buildpacks: %w", err)
	}
	return text.Bytes(), nil
}

// Optional returns the ids of the buildpacks that every group can do without.
func (o Order) Optional() map[string]bool {
	optional, needed := map[string]bool{}, map[string]bool{}
	for one := range o.members() {
		if one.Optional {
			optional[one.ID] = true
		} else {
			needed[one.ID] = true
		}
	}
	maps.DeleteFunc(optional, func(id string, _ bool) bool { return needed[id] })
	return optional
}

// IDs returns the ids of all buildpacks, each once, in the order in which the lifecycle tries them.
func (o Order) IDs() []string {
	var ids []string
	seen := map[string]bool{}
	for one := range o.members() {
		if !seen[one.ID] {
			seen[one.ID] = true
			ids = append(ids, one.ID)
		}
	}
	return ids
}

// PassedOver returns the ids of the buildpacks that the lifecycle does not ask on a run image of a distribution, because
// their targets do not have it.
func (o Order) PassedOver(on Distribution) map[string]bool {
	passed := map[string]bool{}
	for one := range o.members() {
		if !o.Fits(one.ID, one.Version, on) {
			passed[one.ID] = true
		}
	}
	return passed
}

// Fits reports whether the targets of a buildpack have a distribution.
func (o Order) Fits(id, version string, on Distribution) bool {
	i := slices.IndexFunc(o.has, func(one definition) bool { return one.Buildpack.ID == id && one.Buildpack.Version == version })
	return i < 0 || o.has[i].fits(on)
}

// members yields the members of all groups that the lifecycle tries.
func (o Order) members() func(yield func(member) bool) {
	return func(yield func(member) bool) {
		for _, group := range o.tried.Order {
			for _, one := range group.Group {
				if !yield(one) {
					return
				}
			}
		}
	}
}

// circle returns the name of a composite that leads to itself, "" if there is none.
func circle(composites map[string][]group) string {
	const open, done = 1, 2
	state := map[string]int{}
	var visit func(name string) string
	visit = func(name string) string {
		switch state[name] {
		case open:
			return name
		case done:
			return ""
		}
		state[name] = open
		for _, g := range composites[name] {
			for _, one := range g.Group {
				if found := visit(one.name()); found != "" {
					return found
				}
			}
		}
		state[name] = done
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(composites)) {
		if found := visit(name); found != "" {
			return found
		}
	}
	return ""
}

// expanded returns the order as the lifecycle tries it. In the place of a composite are its groups, one after the other,
// and then none if it is optional. composites are the groups of composites by ID@VERSION.
func (o order) expanded(composites map[string][]group) order {
	var out order
	for _, g := range o.Order {
		i := slices.IndexFunc(g.Group, func(one member) bool { return composites[one.name()] != nil })
		if i < 0 {
			out.Order = append(out.Order, g)
			continue
		}
		inner := composites[g.Group[i].name()]
		if g.Group[i].Optional {
			inner = append(slices.Clone(inner), group{})
		}
		for _, in := range inner {
			one := order{[]group{{slices.Concat(g.Group[:i], in.Group, g.Group[i+1:])}}}
			out.Order = append(out.Order, one.expanded(composites).Order...)
		}
	}
	return out
}

// shortest returns the shortest name of a buildpack: its id, unless the builder has several of that id.
func (o Order) shortest(one member) string {
	for _, other := range o.has {
		if other.Buildpack.ID == one.ID && other.Buildpack.Version != one.Version {
			return one.name()
		}
	}
	return one.ID
}

// find returns buildpacks of the builder by ID or ID@VERSION.
func (o Order) find(names []string) ([]member, error) {
	var found []member
	for _, name := range names {
		id, version, _ := strings.Cut(name, "@")
		var matches []member
		for _, one := range o.has {
			if one.Buildpack.ID == id && (version == "" || one.Buildpack.Version == version) {
				matches = append(matches, one.Buildpack)
			}
		}
		if len(matches) != 1 {
			var all []string
			for _, one := range o.has {
				all = append(all, o.shortest(one.Buildpack))
			}
			what := "no buildpack"
			if len(matches) > 1 {
				what = "more than one buildpack"
			}
			return nil, fault.Fault{
				ID:   "buildpack-unknown",
				What: fmt.Sprintf("the builder has %s %q", what, name),
				Do:   "take one of " + strings.Join(all, ", "),
			}
		}
		found = append(found, matches[0])
	}
	return found, nil
}
