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

// writeOrder writes the builder's order, or what is asked for instead.
func (b *build) writeOrder() (err error) {
	if b.order, err = b.builder.order(); err != nil {
		return err
	}
	named := make([][]member, 0, 3)
	for _, names := range [][]string{b.Buildpacks, b.Pre, b.Post} {
		members, err := b.builder.members(names)
		if err != nil {
			return err
		}
		named = append(named, members)
	}
	if len(named[0]) > 0 {
		b.order.Order = []group{{named[0]}}
	}
	slices.Reverse(named[1]) // pack puts one after the other before what is there
	for i, g := range b.order.Order {
		b.order.Order[i].Group = slices.Concat(named[1], g.Group, named[2])
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(b.order); err != nil {
		return fmt.Errorf("writing the order of buildpacks: %w", err)
	}
	if err := os.WriteFile(b.path("platform", "order.toml"), text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing the order of buildpacks: %w", err)
	}
	return nil
}

// members finds buildpacks of the builder by ID or ID@VERSION.
func (u *unpackedBuilder) members(names []string) ([]member, error) {
	if len(names) == 0 {
		return nil, nil
	}
	has, err := u.buildpacks()
	if err != nil {
		return nil, err
	}
	var found []member
	for _, name := range names {
		id, version, _ := strings.Cut(name, "@")
		var matches []member
		for _, one := range has {
			if one.ID == id && (version == "" || one.Version == version) {
				matches = append(matches, one)
			}
		}
		if len(matches) != 1 {
			var all []string
			for _, one := range has {
				all = append(all, one.ID+"@"+one.Version)
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

// buildpacks lists the builder's buildpacks (platform.md, "Buildpacks Directory Layout").
func (u *unpackedBuilder) buildpacks() ([]member, error) {
	files, err := filepath.Glob(filepath.Join(u.root, "cnb", "buildpacks", "*", "*", "buildpack.toml"))
	if err != nil {
		return nil, fmt.Errorf("finding the builder's buildpacks: %w", err)
	}
	var found []member
	for _, path := range files {
		var file struct {
			Buildpack member `toml:"buildpack"`
		}
		if _, err := toml.DecodeFile(path, &file); err != nil {
			return nil, fmt.Errorf("reading the builder's buildpacks: %w", err)
		}
		found = append(found, file.Buildpack)
	}
	return found, nil
}
