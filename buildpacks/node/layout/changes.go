package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
)

// whiteout begins the name that stands for a file that is gone, as in the layers of an image.
const whiteout = ".wh."

// toolFolders are folders in node_modules that are no packages: what build tools keep and no app reads, links to programs.
var toolFolders = append(framework.Beside(), ".bin", ".cache", ".tmp")

// stores are folders in node_modules that hold the packages.
var stores = []string{".pnpm", ".bun", ".store"}

// keepChanges copies the files of a folder of packages that are new or changed, and leaves whiteouts for those that are gone.
func keepChanges(to, before, now, folder string) error {
	err := eachPackageFile(now, folder, func(name string, entry fs.DirEntry) error {
		if same, err := sameFile(filepath.Join(before, name), filepath.Join(now, name)); err != nil || same {
			return err
		}
		return copyEntry(filepath.Join(to, name), filepath.Join(now, name), entry)
	})
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(now, folder)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return eachPackageFile(before, folder, func(name string, entry fs.DirEntry) error {
		if _, err := os.Lstat(filepath.Join(now, name)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		gone := filepath.Join(to, path.Dir(name), whiteout+entry.Name())
		return errors.Join(os.MkdirAll(filepath.Dir(gone), 0o755), os.WriteFile(gone, nil, 0o644))
	})
}

// eachPackageFile calls a function with the files and links below a folder node_modules, except lists and caches.
func eachPackageFile(root, folder string, each func(name string, entry fs.DirEntry) error) error {
	return fs.WalkDir(os.DirFS(root), folder, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == folder {
			return nil
		}
		if err != nil {
			return err
		}
		beside := path.Base(packageOf(name))
		switch {
		case entry.IsDir() && slices.Contains(toolFolders, beside):
			return fs.SkipDir
		case entry.IsDir() || slices.Contains(stores, beside):
			return nil
		case path.Base(name) == beside && strings.HasPrefix(beside, "."): // a list of the package manager's
			return nil
		}
		return each(name, entry)
	})
}

// sameFile reports whether two files have the same content, or link the same target.
func sameFile(a, b string) (bool, error) {
	was, err := os.Lstat(a)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	is, err := os.Lstat(b)
	if err != nil || was.Mode().Type() != is.Mode().Type() || (was.Mode()^is.Mode())&0o100 != 0 || was.Size() != is.Size() {
		return false, err
	}
	sum := func(name string, info fs.FileInfo) (string, error) {
		return tree.Entry{DirEntry: fs.FileInfoToDirEntry(info), Path: name}.Sum()
	}
	before, wasErr := sum(a, was)
	now, isErr := sum(b, is)
	return before == now, errors.Join(wasErr, isErr)
}

// applyChanges makes the changes that were kept in the layer of packages, except those of packages that are only for development.
func applyChanges(to, changes, install string, g graph) error {
	err := fs.WalkDir(os.DirFS(changes), ".", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == "." {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		if at := packageOf(name); g.owner(name) == "" && !generated(install, name) {
			if _, err := os.Lstat(filepath.Join(install, at)); err == nil {
				return nil // a package for development
			}
		}
		base, gone := strings.CutPrefix(entry.Name(), whiteout)
		target := filepath.Join(to, path.Dir(name), base)
		if err := os.RemoveAll(target); err != nil || gone {
			return err
		}
		if err := copyEntry(target, filepath.Join(changes, name), entry); err != nil || entry.Type() != fs.ModeSymlink {
			return err
		}
		return g.linkToApp(target, name)
	})
	if err != nil {
		return fmt.Errorf("taking what scripts changed in the packages: %w", err)
	}
	return nil
}
