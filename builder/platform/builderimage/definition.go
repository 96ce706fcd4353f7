package builderimage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/builder/registries"
)

// definition is a buildpack.toml of the builder.
type definition struct {
	API       string   `toml:"api"`
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

// fits reports whether the targets have a distribution. A target without distributions has all of them, a distribution without a version
// has all versions, and a buildpack without targets is not limited.
func (d definition) fits(on Distribution) bool {
	is := func(one Distribution) bool {
		return one.Name == on.Name && (one.Version == "" || one.Version == on.Version)
	}
	has := func(t target) bool { return len(t.Distros) == 0 || slices.ContainsFunc(t.Distros, is) }
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

// Buildpack returns the version of a buildpack that the builder has, and of its interface.
func (b *Builder) Buildpack(id string) (version, api string, found bool) {
	for _, d := range b.has {
		if d.Buildpack.ID == id {
			return d.Buildpack.Version, d.API, true
		}
	}
	return "", "", false
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

// Settings returns the variables that the builder keeps for builds (platform.md, "Operator-Defined Variables").
func (b *Builder) Settings() (map[string]string, error) {
	folder := filepath.Join(b.Root, "cnb", "build-config", "env")
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the builder's variables: %w", err)
	}
	settings := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the builder's variables: %w", err)
		}
		settings[entry.Name()] = string(content)
	}
	return settings, nil
}
