package golang

import (
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// linked returns the packages of the app that the targets are linked from.
func (f finder) linked(targets []target) []*build.Package {
	roots := f.roots()
	var found []*build.Package
	seen := map[string]bool{}
	var visit func(rel string)
	take := func(p *build.Package, err error) {
		if err != nil && len(p.GoFiles) == 0 {
			return // the compiler says what is wrong with it
		}
		found = append(found, p)
		for _, name := range p.Imports {
			if dir, ok := folderOf(name, roots); ok {
				visit(dir)
			}
		}
	}
	visit = func(rel string) {
		if !seen[rel] {
			seen[rel] = true
			take(f.contexts[0].ImportDir(f.path(rel), 0))
		}
	}
	for _, t := range targets {
		name := path.Clean(t.Package)
		if info, err := os.Stat(f.path(name)); err == nil && info.Mode().IsRegular() {
			take(f.alone(name, info))
		} else {
			visit(name)
		}
	}
	return found
}

// alone returns the package of one file, which the go command takes whatever its constraints say.
func (f finder) alone(name string, info fs.FileInfo) (*build.Package, error) {
	ctx := f.contexts[0]
	ctx.UseAllFiles = true
	ctx.ReadDir = func(string) ([]fs.FileInfo, error) { return []fs.FileInfo{info}, nil }
	return ctx.ImportDir(f.path(path.Dir(name)), 0)
}

// roots returns the folders of the modules in the app, by their paths: those of the build, and what they are replaced with.
func (f finder) roots() map[string]string {
	roots := map[string]string{}
	for _, m := range f.members {
		roots[m.Path] = m.Dir
		maps.Copy(roots, m.Replaced)
	}
	return roots
}

// folderOf returns the folder of a package in the module whose path is the longest above it.
func folderOf(importPath string, roots map[string]string) (string, bool) {
	for root := importPath; root != "." && root != "/"; root = path.Dir(root) {
		if dir, ok := roots[root]; ok {
			dir = path.Join(dir, strings.TrimPrefix(importPath, root))
			return dir, filepath.IsLocal(dir)
		}
	}
	return "", false
}
