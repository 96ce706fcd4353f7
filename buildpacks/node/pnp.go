package node

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// pnpFiles are what Yarn writes into the root for Plug'n'Play. The app gets copies: they tell where its own packages are,
// relative to where they really are.
var pnpFiles = []string{".pnp.cjs", ".pnp.js", ".pnp.data.json", ".pnp.loader.mjs"}

// pnpFolders hold the packages: archives, and folders of those that cannot be used from an archive.
var pnpFolders = []string{".yarn/cache", ".yarn/unplugged"}

// pnpData is .pnp.data.json (Yarn's documentation, "PnP specification"), as far as it is read.
type pnpData struct {
	Packages []pair[[]pair[pnpPackage]] `json:"packageRegistryData"` // by name, by reference
}

// workspace returns the name and reference of a package of the app by its folder, relative to the root.
func (d pnpData) workspace(folder string) (key [2]string, one pnpPackage, found bool) {
	location := "./" + folder + "/"
	if folder == "." {
		location = "./"
	}
	for _, releases := range d.Packages {
		for _, release := range releases.value {
			// The root is there under its name and, for programs outside of any package, under none.
			if releases.name != "" && release.value.Location == location {
				return [2]string{releases.name, release.name}, release.value, true
			}
		}
	}
	return key, one, false
}

// at returns a package by its name and reference.
func (d pnpData) at(key [2]string) (pnpPackage, bool) {
	for _, releases := range d.Packages {
		if releases.name != key[0] {
			continue
		}
		for _, release := range releases.value {
			if release.name == key[1] {
				return release.value, true
			}
		}
	}
	return pnpPackage{}, false
}

// reach returns what a package of the app leads to, without what is only for the development of a package of the app, as
// dev tells by its folder and a dependency's name.
func (d pnpData) reach(first [2]string, dev func(folder, name string) bool) pnpData {
	reached, waiting := map[[2]string]bool{first: true}, [][2]string{first}
	for len(waiting) > 0 {
		key := waiting[0]
		waiting = waiting[1:]
		one, _ := d.at(key)
		for _, dependency := range one.Dependencies {
			if !inYarn.MatchString(one.Location) && dev(one.Location, dependency.name) {
				continue
			}
			// A peer that is not there has no target; without a name the root is there once more.
			if next := dependency.target(); next[0] != "" && !reached[next] {
				reached[next] = true
				waiting = append(waiting, next)
			}
		}
	}
	var kept pnpData
	for _, releases := range d.Packages {
		var list []pair[pnpPackage]
		for _, release := range releases.value {
			if reached[[2]string{releases.name, release.name}] {
				list = append(list, release)
			}
		}
		kept.Packages = append(kept.Packages, pair[[]pair[pnpPackage]]{releases.name, list})
	}
	return kept
}

type pnpPackage struct {
	Location     string                  `json:"packageLocation"`
	Dependencies []pair[json.RawMessage] `json:"packageDependencies"` // name -> reference, [name, reference] or null
}

// pair is a list of two: a name, or null for the app, and what it stands for.
type pair[V any] struct {
	name  string
	value V
}

// UnmarshalJSON takes null for an empty name.
func (p *pair[V]) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&p.name, &p.value})
}

// inYarn matches where an installed package is: the archive or folder below .yarn, and the package in it. A virtual path
// stands for the same package with other peers.
var inYarn = regexp.MustCompile(`^\./\.yarn/(?:(?:__virtual__|\$\$virtual)/[^/]+/0/)?(cache/[^/]+\.zip|unplugged/[^/]+)/(.+)/$`)

// productionPnP returns the install without what is only for development, as far as Yarn leaves it out. It is kept, because
// each build needs its files.
func (b *builder) productionPnP(ctx context.Context) (string, error) {
	dir, err := b.installed(ctx)
	if err != nil || !b.focuses() {
		return dir, err
	}
	focused := dir + ".production"
	if _, err := os.Stat(focused); err == nil {
		return focused, nil
	}
	partial := dir + ".partial"
	if err := b.focus(ctx, dir, partial); err != nil {
		return "", err
	}
	return focused, os.Rename(partial, focused)
}

// readPnP reads what Yarn installed in a folder, without what is only for development.
func (b *builder) readPnP(dir string) (pnpData, error) {
	all, err := readPnP(dir)
	if err != nil || b.focuses() {
		return all, err
	}
	from := b.From()
	first, _, found := all.workspace(from)
	if !found {
		return all, fault.Internal(".pnp.data.json does not have the app's folder %s", from)
	}
	manifests := map[string]project.Manifest{}
	all = all.reach(first, func(folder, name string) bool {
		m, read := manifests[folder]
		if !read && err == nil {
			m, err = project.ReadManifest(filepath.Join(b.Root, filepath.FromSlash(folder)))
			manifests[folder] = m
		}
		return m.OnlyDev(name)
	})
	return all, err
}

// readPnP reads what Yarn installed in a folder.
func readPnP(dir string) (pnpData, error) {
	var all pnpData
	data, err := os.ReadFile(filepath.Join(dir, ".pnp.data.json"))
	if err != nil {
		return all, fmt.Errorf("reading what Yarn installed: %w", err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return all, fmt.Errorf("reading .pnp.data.json: %w", err)
	}
	return all, nil
}

// fillPnP makes the layer of packages for Plug'n'Play.
func (b *builder) fillPnP(ctx context.Context, l *layer.Layer) error {
	dir, err := b.productionPnP(ctx)
	if err != nil {
		return err
	}
	all, err := b.readPnP(dir)
	if err != nil {
		return err
	}
	yarn := filepath.Join(dir, ".yarn")
	for _, folder := range pnpFolders {
		if err := os.MkdirAll(filepath.Join(l.Path, folder), 0o755); err != nil {
			return fmt.Errorf("making the layer of packages: %w", err)
		}
	}
	for holder, at := range all.holders() {
		if err := copyHolder(filepath.Join(l.Path, ".yarn"), yarn, holder, path.Join(holder, at)); err != nil {
			return fmt.Errorf("making the layer of packages: %w", err)
		}
	}
	l.SBOM, err = all.bill(yarn, b.subject())
	return err
}

// holders returns the archives and folders that packages are in, and where in them.
func (d pnpData) holders() map[string]string {
	found := map[string]string{}
	for _, releases := range d.Packages {
		for _, one := range releases.value {
			if parts := inYarn.FindStringSubmatch(one.value.Location); parts != nil {
				found[parts[1]] = parts[2]
			}
		}
	}
	return found
}

// copyHolder copies an archive, or a folder with a package and what is in it.
func copyHolder(to, from, name, at string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close()
	addon := isAddon(filepath.Join(from, filepath.FromSlash(at)))
	return fs.WalkDir(root.FS(), name, func(name string, entry fs.DirEntry, err error) error {
		target := filepath.Join(to, filepath.FromSlash(name))
		inside, below := strings.CutPrefix(name, at+"/")
		switch {
		case err != nil:
			return err
		case addon && below && forCompiling(inside):
			return skip(entry)
		case addon && below && entry.IsDir():
			return nil // one that is left empty is not made
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type() == fs.ModeSymlink:
			end, err := root.Readlink(name)
			return errors.Join(err, os.Symlink(end, target))
		case entry.Type().IsRegular():
			return copyFile(root, target, name)
		}
		return nil
	})
}

// bill lists the packages. The subject needs what the app's own packages need. A package has an entry for each set of
// peers, and one without them.
func (d pnpData) bill(yarn string, subject sbom.Component) (*sbom.Document, error) {
	purls, components := map[[2]string]string{}, map[string]*sbom.Component{"": &subject}
	for _, releases := range d.Packages {
		for _, one := range releases.value {
			parts := inYarn.FindStringSubmatch(one.value.Location)
			if parts == nil {
				continue
			}
			p, err := readHeld(filepath.Join(yarn, parts[1]), parts[2])
			if err != nil {
				return nil, err
			}
			purls[[2]string{releases.name, one.name}] = p.purl()
			components[p.purl()] = &sbom.Component{Name: p.Name, Version: p.Version, PURL: p.purl(), Licenses: p.licences()}
		}
	}
	for _, releases := range d.Packages {
		for _, one := range releases.value {
			purl := purls[[2]string{releases.name, one.name}] // "" for the app's own
			for _, dependency := range one.value.Dependencies {
				if needed := purls[dependency.target()]; needed != "" && needed != purl {
					components[purl].Dependencies = append(components[purl].Dependencies, needed)
				}
			}
		}
	}
	document := sbom.Document{Subject: *components[""]}
	for _, purl := range slices.Sorted(maps.Keys(components)) {
		if purl != "" {
			document.Components = append(document.Components, *components[purl])
		}
	}
	return &document, nil
}

// target returns the name and reference of a dependency.
func (p pair[V]) target() [2]string {
	data, _ := any(p.value).(json.RawMessage)
	var reference string
	if json.Unmarshal(data, &reference) == nil {
		return [2]string{p.name, reference}
	}
	var alias [2]string
	_ = json.Unmarshal(data, &alias) // what is neither is not there
	return alias
}

// readHeld reads the package.json of a package in an archive or a folder.
func readHeld(holder, dir string) (*installedPackage, error) {
	from := os.DirFS(holder)
	if filepath.Ext(holder) == ".zip" {
		archive, err := zip.OpenReader(holder)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", filepath.Base(holder), err)
		}
		defer func() { _ = archive.Close() }() // only read
		from = archive
	}
	file, err := from.Open(dir + "/" + project.ManifestFile)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(holder), err)
	}
	defer func() { _ = file.Close() }() // only read
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(holder), err)
	}
	p := &installedPackage{}
	_ = json.Unmarshal(data, &p.facts) // as in a tree
	return p, nil
}

// findPnP finds the file of the program that starts the app, in the packages that it asks for. They are in a folder of the image.
func (b *builder) findPnP(dir, modules string) error {
	words := b.start.program
	from := b.From()
	data, err := readPnP(dir)
	if err != nil {
		return err
	}
	_, app, _ := data.workspace(from)
	missing := notFound(b.start.script, strings.Join(words, " "))
	for _, dependency := range app.Dependencies {
		one, found := data.at(dependency.target())
		parts := inYarn.FindStringSubmatch(one.Location)
		if !found || parts == nil {
			continue
		}
		p, err := readHeld(filepath.Join(dir, ".yarn", parts[1]), parts[2])
		if err != nil {
			return err
		}
		file := p.program(words[0])
		if file == "" {
			continue
		}
		if b.Manifest.OnlyDev(dependency.name) {
			missing = onlyDev(b.start.script, words[0])
			continue
		}
		b.start.arguments = append([]string{filepath.Join(modules, one.Location, file)}, words[1:]...)
		return nil
	}
	return missing
}

// installedAt matches the start of the path of an installed package in .pnp.data.json.
var installedAt = regexp.MustCompile(`("packageLocation":\s*")\./\.yarn/`)

// linkPnP gives the app the files of an install, in which its packages are in a folder; without a folder it removes them.
// Node.js resolves links, and knows no package by another path than it has there, so links would not do.
func (b *builder) linkPnP(install, modules string) error {
	for _, name := range append(slices.Clone(pnpFiles), pnpFolders...) {
		if err := os.RemoveAll(filepath.Join(b.Root, name)); err != nil {
			return fmt.Errorf("linking the packages: %w", err)
		}
	}
	if modules == "" {
		return nil
	}
	to, err := filepath.Rel(b.Root, modules)
	if err != nil {
		return err
	}
	for _, name := range pnpFiles {
		data, err := os.ReadFile(filepath.Join(install, name))
		if errors.Is(err, fs.ErrNotExist) { // Yarn 2 writes .pnp.js for .pnp.cjs; the loader is there when a package has ES modules
			continue
		}
		if err == nil {
			data = installedAt.ReplaceAll(data, []byte("${1}"+to+"/.yarn/"))
			err = os.WriteFile(filepath.Join(b.Root, name), data, 0o644)
		}
		if err != nil {
			return fmt.Errorf("linking the packages: %w", err)
		}
	}
	return nil
}

// pnpArguments are those of node that let it find packages by Plug'n'Play.
func (b *builder) pnpArguments() []string {
	require := ".pnp.cjs"
	if b.berryMajor() == 2 {
		require = ".pnp.js"
	}
	arguments := []string{"--require", filepath.Join(b.Root, require)}
	if _, err := os.Stat(filepath.Join(b.Root, ".pnp.loader.mjs")); err == nil {
		arguments = append(arguments, "--experimental-loader", filepath.Join(b.Root, ".pnp.loader.mjs"))
	}
	return arguments
}
