package layout

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// copier copies the packages of a graph, and counts what it leaves out.
type copier struct {
	graph
	slim    slim
	runtime string // path of the program of Node.js or Bun in the image
}

// copy copies the packages below a node_modules folder, the links to them and to parts of the app, and nothing else: no packages
// for development, no list of the package manager's, no caches of build tools.
func (c copier) copy(to, folder string) error {
	root, err := os.OpenRoot(c.root)
	if err != nil {
		return err
	}
	defer root.Close()
	parents := c.parents()
	return fs.WalkDir(root.FS(), folder, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == folder {
			return nil
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(name))
		owner := c.owner(name)
		inAddon := owner != "" && owner != name && c.packages[owner].addon
		switch {
		case inAddon && forCompiling(name[len(owner)+1:]):
			return skip(entry)
		case entry.IsDir() && owner == "":
			if name == folder || parents[name] || linksOnly(name) || generated(c.root, name) {
				return nil
			}
			return fs.SkipDir
		case entry.IsDir():
			if foreignFolder(name, c.arch) {
				return fs.SkipDir
			}
			if name == owner {
				return os.MkdirAll(target, 0o755)
			}
			return nil // it is made for what is in it
		case entry.Type() == fs.ModeSymlink:
			return c.copyLink(root, target, name, owner)
		case entry.Type().IsRegular() && owner != "" && !foreignAddon(name, c.arch):
			return c.copyFile(root, target, name, owner)
		case entry.Type().IsRegular() && owner == "" && generated(c.root, name):
			return copyFile(root, target, name)
		}
		return nil // a list of the package manager's, or a socket or a pipe, which holds nothing
	})
}

// copyFile copies a file of a package, or counts it as left out.
func (c copier) copyFile(root *os.Root, to, name, owner string) error {
	if kind := c.slim.kind(owner, name); kind != "" {
		info, err := root.Lstat(name)
		if err == nil {
			c.slim.bytes[kind] += info.Size()
		}
		return err
	}
	return copyProgram(root, to, name, c.runtime)
}

// copyLink copies a link to or into a package of the graph or to a part of the app, or one inside a package.
func (c copier) copyLink(root *os.Root, to, name, owner string) error {
	target, err := root.Readlink(name)
	if err != nil {
		return err
	}
	if owner == "" {
		end, err := c.inside(name, target)
		if err != nil {
			return err
		}
		if end == "" || c.owner(end) == "" && c.packages[end] == nil {
			return nil
		}
		if _, err := os.Stat(filepath.Join(c.root, filepath.FromSlash(name))); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return makeLink(to, target)
}

// generated reports whether a script made a file or a folder beside packages, as Prisma does with its client: what has neither a
// package.json nor a name of package managers and build tools.
func generated(root, name string) bool {
	at := packageOf(name)
	base := path.Base(at)
	switch {
	case at == "" || slices.Contains(toolFolders, base) || slices.Contains(stores, base) || strings.HasPrefix(base, "@"):
		return false
	case strings.HasPrefix(base, "."): // package managers keep their lists in files
		return name != at || isFolder(filepath.Join(root, at))
	}
	_, err := os.Lstat(filepath.Join(root, at, project.ManifestFile))
	return err != nil
}

func isFolder(file string) bool {
	info, err := os.Lstat(file)
	return err == nil && info.IsDir()
}

// linksOnly reports whether a folder may hold links to packages and no packages: links to programs, to the packages of a scope, pnpm's
// to all packages, those of a package in Yarn's store.
func linksOnly(name string) bool {
	const modules = project.ModulesDir
	base, parent := path.Base(name), path.Base(path.Dir(name))
	return base == ".bin" || base == modules && strings.Contains(name, "/.store/") ||
		parent == modules && strings.HasPrefix(base, "@") || strings.HasSuffix(name, modules+"/.pnpm/"+modules)
}

// skip leaves out a file or a folder with all that is in it.
func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// copyEntry copies a file or a link, and nothing of another type.
func copyEntry(to, from string, entry fs.DirEntry) error {
	if entry.Type() == fs.ModeSymlink {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return makeLink(to, target)
	}
	if !entry.Type().IsRegular() {
		return nil
	}
	root, err := os.OpenRoot(filepath.Dir(from))
	if err != nil {
		return err
	}
	defer root.Close()
	return copyFile(root, to, entry.Name())
}

func makeLink(at, target string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.Symlink(target, at)
}

// copyFile copies a file of a folder. Of its mode it keeps what does not differ from one machine to another.
func copyFile(root *os.Root, to, name string) error { return copyProgram(root, to, name, "") }

// copyProgram copies a file, which the runtime at a path starts if it is a program for it; "" for none.
func copyProgram(root *os.Root, to, name, runtime string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := root.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	first, rest := "", io.Reader(in)
	if runtime != "" && mode == 0o755 {
		first, rest = interpreted(in, runtime)
	}
	_, err = io.WriteString(out, first)
	if err == nil {
		_, err = io.Copy(out, rest)
	}
	return errors.Join(err, out.Close())
}
