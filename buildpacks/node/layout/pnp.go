package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// PnP is Yarn's Plug'n'Play: packages stay in archives, a script tells Node.js where they are, and there is no node_modules.
type PnP struct {
	Project  project.Project
	Packages Packages
	Script   string // the file's name, .pnp.cjs or, with Yarn 2, .pnp.js
}

// pnpFiles are what Yarn writes into the root. The app gets copies: they tell where its own packages are, relative to where they
// really are.
var pnpFiles = []string{".pnp.cjs", ".pnp.js", dataFile, loaderFile}

const (
	dataFile   = ".pnp.data.json"
	loaderFile = ".pnp.loader.mjs" // is there when a package has ES modules
)

// pnpFolders hold the packages: archives, and folders of those that cannot be used from an archive.
var pnpFolders = []string{".yarn/cache", ".yarn/unplugged"}

// Lend lets the app find the packages where they were installed.
func (l PnP) Lend(ctx context.Context) error {
	install, err := l.Packages.All(ctx)
	if err != nil {
		return err
	}
	return l.link(install, install)
}

// Keep keeps nothing: there is no node_modules in which scripts could change something.
func (l PnP) Keep(context.Context, string) error { return nil }

// Fill copies the archives and folders of the packages that the app needs when it runs.
func (l PnP) Fill(ctx context.Context, layer, _ string) (*sbom.Document, error) {
	yarn, data, err := l.needed(ctx)
	if err != nil {
		return nil, err
	}
	for _, folder := range pnpFolders {
		if err := os.MkdirAll(filepath.Join(layer, folder), 0o755); err != nil {
			return nil, fmt.Errorf("making the layer of packages: %w", err)
		}
	}
	for holder, at := range data.holders() {
		if err := copyHolder(filepath.Join(layer, ".yarn"), yarn, holder, path.Join(holder, at)); err != nil {
			return nil, fmt.Errorf("making the layer of packages: %w", err)
		}
	}
	return data.bill(yarn, subject(l.Project))
}

// Bill returns what Fill would.
func (l PnP) Bill(ctx context.Context) (*sbom.Document, error) {
	yarn, data, err := l.needed(ctx)
	if err != nil {
		return nil, err
	}
	return data.bill(yarn, subject(l.Project))
}

// production returns a folder with the install. Each build needs its files, so what Yarn took away is remembered.
func (l PnP) production(ctx context.Context) (string, error) {
	if l.Packages.Production != nil {
		return l.Packages.Production(ctx, true)
	}
	return l.Packages.All(ctx)
}

// needed returns the folder of Yarn's in an install, and what the app needs of it when it runs.
func (l PnP) needed(ctx context.Context) (yarn string, data pnpData, err error) {
	install, err := l.production(ctx)
	if err != nil {
		return "", pnpData{}, err
	}
	yarn = filepath.Join(install, ".yarn")
	all, err := readPnP(install)
	if err != nil || l.Packages.Production != nil {
		return yarn, all, err
	}
	first, _, found := all.workspace(l.Project.From())
	if !found {
		return "", pnpData{}, fault.Internal("%s does not have the app's folder %s", dataFile, l.Project.From())
	}
	manifests := map[string]project.Manifest{}
	data = all.reach(first, func(folder, name string) bool {
		m, read := manifests[folder]
		if !read && err == nil {
			m, err = l.Project.ReadManifest(folder)
			manifests[folder] = m
		}
		return m.OnlyDev(name)
	})
	return yarn, data, err
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

// Program returns the absolute path of the file in the layer, where node finds it in an archive, too.
func (l PnP) Program(ctx context.Context, layer, name string) (file string, dev bool, err error) {
	install, err := l.Packages.All(ctx)
	if err != nil {
		return "", false, err
	}
	data, err := readPnP(install)
	if err != nil {
		return "", false, err
	}
	_, app, _ := data.workspace(l.Project.From())
	for _, dependency := range app.Dependencies {
		one, found := data.at(dependency.target())
		parts := inYarn.FindStringSubmatch(one.Location)
		if !found || parts == nil {
			continue
		}
		f, err := readHeld(filepath.Join(install, ".yarn", parts[1]), parts[2])
		if err != nil {
			return "", false, err
		}
		file := f.program(name)
		if file == "" {
			continue
		}
		if l.Project.Manifest.OnlyDev(dependency.name) {
			dev = true
			continue
		}
		return filepath.Join(layer, one.Location, file), false, nil
	}
	return "", dev, nil
}

// Link gives the app Yarn's files, which name the packages in the layer. Node.js resolves links, and knows no package by another
// path than it has there, so links would not do.
func (l PnP) Link(ctx context.Context, layer string) error {
	install, err := l.production(ctx)
	if err != nil {
		return err
	}
	return l.link(install, layer)
}

// installedAt matches the start of the path of an installed package in .pnp.data.json.
var installedAt = regexp.MustCompile(`("packageLocation":\s*")\./\.yarn/`)

func (l PnP) link(install, packages string) error {
	if err := l.Unlink(); err != nil {
		return err
	}
	to, err := filepath.Rel(l.Project.Root, packages)
	if err != nil {
		return err
	}
	for _, name := range pnpFiles {
		data, err := tree.ReadFile(filepath.Join(install, name))
		if errors.Is(err, fs.ErrNotExist) { // each Yarn writes some of them
			continue
		}
		if err == nil {
			data = installedAt.ReplaceAll(data, []byte("${1}"+to+"/.yarn/"))
			err = os.WriteFile(filepath.Join(l.Project.Root, name), data, 0o644)
		}
		if err != nil {
			return fmt.Errorf("linking the packages: %w", err)
		}
	}
	return nil
}

// Unlink removes Yarn's files and packages.
func (l PnP) Unlink() error {
	for _, name := range append(slices.Clone(pnpFiles), pnpFolders...) {
		if err := os.RemoveAll(filepath.Join(l.Project.Root, name)); err != nil {
			return fmt.Errorf("taking the packages out of the app: %w", err)
		}
	}
	return nil
}

// Arguments returns those that make node run Yarn's script first. The app is linked to its packages before.
func (l PnP) Arguments() []string {
	arguments := []string{"--require", filepath.Join(l.Project.Root, l.Script)}
	loader := filepath.Join(l.Project.Root, loaderFile)
	if _, err := os.Stat(loader); err == nil {
		arguments = append(arguments, "--experimental-loader", loader)
	}
	return arguments
}
