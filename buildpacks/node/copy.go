package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// copyModules copies a node_modules folder without packages that are only for development, and without what is in it
// beside packages: npm's list, caches of build tools.
func copyModules(to, from string, got lockfile) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if extra(name) || dev(name, got) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		target := filepath.Join(to, filepath.FromSlash(name))
		switch {
		case entry.IsDir():
			return os.Mkdir(target, 0o755)
		case entry.Type() == fs.ModeSymlink:
			return copyLink(root, target, name, got)
		case entry.Type().IsRegular():
			return copyFile(root, target, name)
		}
		return nil // a socket or a pipe holds nothing
	})
}

// extra tells whether a file or folder stands beside packages.
func extra(name string) bool {
	parent := path.Base(path.Dir(name))
	return (parent == "." || parent == modulesDir) && strings.HasPrefix(path.Base(name), ".") && path.Base(name) != ".bin"
}

// dev tells whether a path below node_modules is the folder of a package that is only for development.
func dev(name string, got lockfile) bool {
	p, ok := got.Packages[path.Join(modulesDir, name)]
	return ok && p.Dev
}

// copyLink copies a link to a program unless the program is not copied.
func copyLink(root *os.Root, to, name string, got lockfile) error {
	target, err := root.Readlink(name)
	if err != nil {
		return err
	}
	end := path.Join(path.Dir(name), target)
	if _, err := root.Stat(end); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for folder := end; folder != "."; folder = path.Dir(folder) {
		if dev(folder, got) {
			return nil
		}
	}
	return os.Symlink(target, to)
}

func copyFile(root *os.Root, to, name string) error {
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
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// removeContent empties a folder.
func removeContent(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("emptying %s: %w", dir, err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("emptying %s: %w", dir, err)
		}
	}
	return nil
}
