package rust

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/rust/cargo"
)

// makers are what makes the units of cargo beside their sources and settings. Cargo does not see when they change: their paths stay.
type makers struct {
	Recipe   int    `json:"recipe"`
	Rust     string `json:"rust"`
	Compiler string `json:"compiler"`
	Debian   string `json:"debian"`
}

// renew empties the folder of what cargo made, unless the makers of a key made it.
func renew(target string, k key) error {
	file := filepath.Join(target, "strata-makers.json")
	now, err := json.Marshal(makers{k.Recipe, k.Rust, k.Compiler, k.Debian})
	if err != nil {
		return err
	}
	had, err := tree.ReadFile(file)
	if err == nil && string(had) == string(now) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading what made the cache of cargo: %w", err)
	}
	if err := tree.Empty(target); err != nil {
		return fmt.Errorf("removing what other compilers made: %w", err)
	}
	return tree.WriteFile(file, now)
}

// used is what a build has used of the caches.
type used struct {
	Hashes []string `json:"hashes"` // of units, by which cargo names what it makes
	Crates []string `json:"crates"` // "name-version" of packages
}

// hashed matches the hash in the name of something that cargo made.
var hashed = regexp.MustCompile(`-([0-9a-f]{16})(?:\.|/|$)`)

// uses returns what a build has used. Programs have no hash in their names, so their files are looked for by what they are.
func (b *builder) uses(m cargo.Made) (used, error) {
	var u used
	for _, one := range m {
		for _, file := range append(slices.Clone(one.Files), one.OutDir) {
			for _, found := range hashed.FindAllStringSubmatch(strings.TrimPrefix(file, b.target), -1) {
				u.Hashes = append(u.Hashes, found[1])
			}
		}
		if one.Executable == "" {
			continue
		}
		_, hash, err := linked(one.Executable)
		if err != nil {
			return u, err
		}
		u.Hashes = append(u.Hashes, hash)
	}
	for _, one := range b.project.Locked {
		u.Crates = append(u.Crates, one.Name+"-"+one.Version)
	}
	slices.Sort(u.Hashes)
	u.Hashes = slices.Compact(u.Hashes)
	return u, nil
}

// linked returns the file and the hash of the unit that made a program: cargo links the program to one with a hash in its name.
func linked(program string) (file, hash string, err error) {
	info, err := os.Stat(program)
	if err != nil {
		return "", "", err
	}
	deps := filepath.Join(filepath.Dir(program), "deps")
	entries, err := os.ReadDir(deps)
	if err != nil {
		return "", "", err
	}
	for _, e := range entries {
		found := hashed.FindStringSubmatch(e.Name())
		if other, err := e.Info(); found != nil && err == nil && os.SameFile(info, other) {
			return filepath.Join(deps, e.Name()), found[1], nil
		}
	}
	return "", "", nil // a file system without links has a copy, which is made again
}

// sweep removes from the caches what neither this build nor the last one has used.
func (b *builder) sweep(m cargo.Made) error {
	now, err := b.uses(m)
	if err != nil {
		return fmt.Errorf("reading what cargo made: %w", err)
	}
	file := filepath.Join(b.target, "strata-used.json")
	var last used
	data, err := tree.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && json.Unmarshal(data, &last) == nil {
		if err := b.sweepUnits(append(last.Hashes, now.Hashes...)); err != nil {
			return err
		}
		if err := b.sweepCrates(append(last.Crates, now.Crates...)); err != nil {
			return err
		}
	}
	if data, err = json.Marshal(now); err != nil {
		return err
	}
	return tree.WriteFile(file, data)
}

// sweepUnits removes what units of other hashes have made.
func (b *builder) sweepUnits(kept []string) error {
	for _, folder := range []string{"deps", ".fingerprint", "build"} {
		found, err := filepath.Glob(filepath.Join(b.target, "*", folder, "*"))
		if err != nil {
			return err
		}
		ofTarget, err := filepath.Glob(filepath.Join(b.target, "*", "*", folder, "*"))
		if err != nil {
			return err
		}
		for _, path := range append(found, ofTarget...) {
			hash := hashed.FindStringSubmatch(filepath.Base(path))
			if hash == nil || slices.Contains(kept, hash[1]) {
				continue
			}
			if err := tree.Remove(path); err != nil {
				return fmt.Errorf("removing what no build uses: %w", err)
			}
		}
	}
	return nil
}

// sweepCrates removes crates of other versions from the registry's cache.
func (b *builder) sweepCrates(kept []string) error {
	for _, folder := range []string{"cache", "src"} {
		found, err := filepath.Glob(filepath.Join(b.home, "registry", folder, "*", "*"))
		if err != nil {
			return err
		}
		for _, path := range found {
			if slices.Contains(kept, strings.TrimSuffix(filepath.Base(path), ".crate")) || strings.HasPrefix(filepath.Base(path), ".") {
				continue
			}
			if err := tree.Remove(path); err != nil {
				return fmt.Errorf("removing what no build uses: %w", err)
			}
		}
	}
	return nil
}
