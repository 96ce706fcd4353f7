package project

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// settingFiles are the files and folders that package managers read besides package.json and the lockfile. Their order is part of
// the keys of layers.
var settingFiles = []string{
	".npmrc", ".yarnrc", ".yarnrc.yml", PnpmWorkspace, ".pnpmfile.cjs", ".pnpmfile.mjs", "bunfig.toml", "patches",
	".yarn/patches", ".yarn/plugins", ".yarn/releases", ".yarn/cache",
}

// Seeds calls a function with all that an install reads, by its path relative to Root: each package.json without its scripts, the
// first lines of the programs that it names, the rest as it is. Manager is the file of the app's own package manager, "" if it has
// none.
func (p Project) Seeds(manager string, each func(name string, data []byte, mode fs.FileMode) error) error {
	for _, member := range append([]string{"."}, p.Members...) {
		if err := p.seedPackage(member, each); err != nil {
			return err
		}
	}
	root := os.DirFS(p.Root)
	for _, name := range slices.Concat([]string{p.Lockfile, manager}, settingFiles, p.Copied) {
		if name == "" {
			continue
		}
		err := fs.WalkDir(root, name, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err == nil && entry.IsDir() && (entry.Name() == ModulesDir || entry.Name() == ".git"):
				return fs.SkipDir
			case err != nil || !entry.Type().IsRegular():
				return err
			}
			data, err := tree.ReadFile(filepath.Join(p.Root, filepath.FromSlash(name)))
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			return each(name, data, modeOf(info))
		})
		if err != nil {
			return fmt.Errorf("reading what an install reads: %w", err)
		}
	}
	return nil
}

// seedPackage calls the function with what an install reads of a package of the app.
func (p Project) seedPackage(member string, each func(name string, data []byte, mode fs.FileMode) error) error {
	m, err := p.ReadManifest(member)
	if err != nil {
		return err
	}
	data, err := m.withoutScripts()
	if err == nil {
		err = each(path.Join(member, ManifestFile), data, 0o644)
	}
	if err != nil {
		return err
	}
	for _, program := range m.programs() {
		name := path.Join(member, program)
		line, mode, err := interpreter(filepath.Join(p.Root, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // build scripts make it
		}
		if err == nil {
			err = each(name, line, mode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// interpreter returns the first line of a program, "" unless it names what runs it, and its mode. Package managers link to the
// programs of workspaces only where they exist, and read no more of them.
func interpreter(file string) ([]byte, fs.FileMode, error) {
	data, err := tree.ReadFile(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a program of the app: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a program of the app: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if !bytes.HasPrefix(line, []byte("#!")) {
		line = nil
	}
	return append(line, '\n'), modeOf(info), nil
}

// modeOf returns the mode of a file without what differs from one checkout of it to another.
func modeOf(info fs.FileInfo) fs.FileMode {
	if info.Mode()&0o100 != 0 {
		return 0o755
	}
	return 0o644
}
