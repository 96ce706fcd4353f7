package builderimage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/builder/registries"
)

// definition is a buildpack.toml of the builder.
type definition struct {
	Buildpack member   `toml:"buildpack"`
	Order     []group  `toml:"order"` // of a composite
	Targets   []target `toml:"targets"`

	file    string // its path in the builder
	content []byte
}

// target is a platform that a buildpack builds for (buildpack.md, "Targets").
type target struct {
	Distros []Distribution `toml:"distros"`
}

// fits reports whether the targets have a distribution. A target without distributions has all of them, and a buildpack
// without targets is not limited.
func (d definition) fits(on Distribution) bool {
	has := func(t target) bool { return len(t.Distros) == 0 || slices.Contains(t.Distros, on) }
	return len(d.Targets) == 0 || slices.ContainsFunc(d.Targets, has)
}

// readDefinitions reads the buildpacks of a builder (platform.md, "Buildpacks Directory Layout").
func readDefinitions(root string) ([]definition, error) {
	files, err := filepath.Glob(filepath.Join(root, "cnb", "buildpacks", "*", "*", "buildpack.toml"))
	if err != nil {
		return nil, fmt.Errorf("finding the buildpacks: %w", err)
	}
	found := make([]definition, len(files))
	for i, path := range files {
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return nil, fmt.Errorf("finding the buildpacks: %w", err)
		}
		d := &found[i]
		d.file = "/" + relative
		if d.content, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("reading the buildpacks: %w", err)
		}
		if err := toml.Unmarshal(d.content, d); err != nil {
			return nil, fmt.Errorf("reading %s: %w", d.file, err)
		}
	}
	return found, nil
}

// Registries returns what the buildpacks say of where packages come from.
func (b *Builder) Registries() (registries.List, error) {
	var all registries.List
	for _, one := range b.has {
		list, err := registries.Read("the builder's file "+one.file, one.content)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}
