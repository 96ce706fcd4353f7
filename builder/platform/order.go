package platform

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// order is the groups of buildpacks that are tried one after the other (platform.md, "order.toml").
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

// expanded returns the order as the lifecycle tries it: each group of a composite in its place, followed by what comes
// after it, and without it where it is optional. orders are those of composites, by ID@VERSION.
func (o order) expanded(orders map[string][]group) order {
	var out order
	for _, g := range o.Order {
		i := slices.IndexFunc(g.Group, func(one member) bool { return orders[one.name()] != nil })
		if i < 0 {
			out.Order = append(out.Order, g)
			continue
		}
		inner := orders[g.Group[i].name()]
		if g.Group[i].Optional {
			inner = append(slices.Clone(inner), group{})
		}
		for _, in := range inner {
			one := order{[]group{{slices.Concat(g.Group[:i], in.Group, g.Group[i+1:])}}}
			out.Order = append(out.Order, one.expanded(orders).Order...)
		}
	}
	return out
}

func (m member) name() string { return m.ID + "@" + m.Version }

// order reads the builder's order.
func (u *unpackedBuilder) order() (order, error) {
	var o order
	if _, err := toml.DecodeFile(filepath.Join(u.root, "cnb", "order.toml"), &o); err != nil {
		return order{}, fmt.Errorf("reading the builder's order: %w", err)
	}
	return o, nil
}

// optional returns the ids of the buildpacks that every group can do without.
func (o order) optional() map[string]bool {
	optional, needed := map[string]bool{}, map[string]bool{}
	for _, group := range o.Order {
		for _, one := range group.Group {
			if one.Optional {
				optional[one.ID] = true
			} else {
				needed[one.ID] = true
			}
		}
	}
	maps.DeleteFunc(optional, func(id string, _ bool) bool { return needed[id] })
	return optional
}

// writeOrder writes the builder's order, or what is asked for instead, and keeps it as it is tried.
func (b *build) writeOrder() error {
	asked, err := b.builder.order()
	if err != nil {
		return err
	}
	has, err := b.builder.buildpacks()
	if err != nil {
		return err
	}
	named := make([][]member, 0, 3)
	for _, names := range [][]string{b.Buildpacks, b.Pre, b.Post} {
		members, err := members(has, names)
		if err != nil {
			return err
		}
		named = append(named, members)
	}
	if len(named[0]) > 0 {
		asked.Order = []group{{named[0]}}
	}
	slices.Reverse(named[1]) // pack puts one after the other before what is there
	for i, g := range asked.Order {
		asked.Order[i].Group = slices.Concat(named[1], g.Group, named[2])
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(asked); err != nil {
		return fmt.Errorf("writing the order of buildpacks: %w", err)
	}
	if err := os.WriteFile(b.path("platform", "order.toml"), text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing the order of buildpacks: %w", err)
	}
	orders := map[string][]group{}
	for _, one := range has {
		orders[one.Buildpack.name()] = one.Order
	}
	b.order = asked.expanded(orders)
	return nil
}

// members finds buildpacks of the builder by ID or ID@VERSION.
func members(has []definition, names []string) ([]member, error) {
	var found []member
	for _, name := range names {
		id, version, _ := strings.Cut(name, "@")
		var matches []member
		for _, one := range has {
			if one.Buildpack.ID == id && (version == "" || one.Buildpack.Version == version) {
				matches = append(matches, one.Buildpack)
			}
		}
		if len(matches) != 1 {
			var all []string
			for _, one := range has {
				all = append(all, one.Buildpack.name())
			}
			what := "no buildpack"
			if len(matches) > 1 {
				what = "more than one buildpack"
			}
			return nil, fault.Fault{ID: "buildpack-unknown", What: fmt.Sprintf("the builder has %s %q", what, name), Do: "take one of " + strings.Join(all, ", ")}
		}
		found = append(found, matches[0])
	}
	return found, nil
}

// definition is what a buildpack.toml says of its place in an order.
type definition struct {
	Buildpack member  `toml:"buildpack"`
	Order     []group `toml:"order"` // of a composite
}

// definitions lists the files buildpack.toml of a builder (platform.md, "Buildpacks Directory Layout").
func (u *unpackedBuilder) definitions() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(u.root, "cnb", "buildpacks", "*", "*", "buildpack.toml"))
	if err != nil {
		return nil, fmt.Errorf("finding the builder's buildpacks: %w", err)
	}
	return files, nil
}

// buildpacks reads the builder's buildpacks.
func (u *unpackedBuilder) buildpacks() ([]definition, error) {
	files, err := u.definitions()
	if err != nil {
		return nil, err
	}
	found := make([]definition, len(files))
	for i, path := range files {
		if _, err := toml.DecodeFile(path, &found[i]); err != nil {
			return nil, fmt.Errorf("reading the builder's buildpacks: %w", err)
		}
	}
	return found, nil
}
