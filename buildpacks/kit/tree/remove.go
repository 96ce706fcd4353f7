package tree

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Remove removes a file or a folder with all that is in it, folders that their owner may not write to included, as the Go module
// cache has them. It is no error if there is nothing.
func Remove(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = root.Chmod(name, 0o700)
		}
		return err
	})
	return errors.Join(err, root.Close(), os.RemoveAll(path))
}

// Empty removes all that is in a folder except the named entries.
func Empty(dir string, kept ...string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if slices.Contains(kept, entry.Name()) {
			continue
		}
		if err := Remove(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Only removes all that is in a folder except what is kept. kept gets paths relative to the folder, with slashes. A
// kept folder stays whole. A folder above something kept stays too, with that alone.
func Only(dir string, kept func(rel string) bool) error {
	_, err := only(dir, ".", kept)
	return err
}

// only does it for one folder, and reports whether nothing is left in it.
func only(dir, rel string, kept func(string) bool) (empty bool, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, rel))
	if err != nil {
		return false, err
	}
	empty = true
	for _, entry := range entries {
		name := path.Join(rel, entry.Name())
		gone := !kept(name)
		if gone && entry.IsDir() {
			if gone, err = only(dir, name, kept); err != nil {
				return false, err
			}
		}
		if !gone {
			empty = false
			continue
		}
		if err := Remove(filepath.Join(dir, name)); err != nil {
			return false, err
		}
	}
	return empty, nil
}
