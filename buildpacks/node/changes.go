package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/node/project"

	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
)

// whiteout begins the name that stands for a file that is gone, as in the layers of an image.
const whiteout = ".wh."

// toolFolders are folders beside packages in which build tools keep what no app reads, and links to programs.
var toolFolders = append(framework.Beside(), ".bin", ".cache", ".tmp")

// stores are folders beside packages that hold the packages.
var stores = []string{".pnpm", ".bun", ".store"}

// keepChanges puts what scripts changed in the packages of an install into a folder: files that are new or other than
// they were, and whiteouts.
func (b *builder) keepChanges(install, to string) error {
	if b.pnp || install == "" {
		return nil
	}
	for _, folder := range b.Folders() {
		if err := copyChanges(to, install, b.Root, folder); err != nil {
			return fmt.Errorf("keeping what scripts changed in the packages: %w", err)
		}
	}
	return nil
}

func copyChanges(to, before, now, folder string) error {
	err := eachPackageFile(now, folder, func(name string, entry fs.DirEntry) error {
		// What is in folders with a dot is no package's and not in the layer otherwise: .prisma
		generated := strings.HasPrefix(path.Base(packageOf(name)), ".")
		if same, err := sameFile(filepath.Join(before, name), filepath.Join(now, name)); err != nil || same && !generated {
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

// eachPackageFile calls a function with the files and links below a node_modules folder, without lists and caches.
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

// packageOf returns the part of a path up to what is in the innermost node_modules folder: a package, or what is beside it.
func packageOf(name string) string {
	at := strings.LastIndex("/"+name, "/"+project.ModulesDir+"/")
	if at < 0 {
		return ""
	}
	start := at + len(project.ModulesDir) + 1
	parts := strings.Split(name[start:], "/")
	depth := 1
	switch {
	case strings.HasPrefix(parts[0], "@"):
		depth = 2
	case parts[0] == ".store" && len(parts) > 3: // of Yarn: .store/a-npm-1.0.0/package
		depth = 3
	}
	return name[:start] + path.Join(parts[:min(depth, len(parts))]...)
}

// sameFile tells whether two files have the same content, or links the same target.
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
	read := os.ReadFile
	if is.Mode().Type() == fs.ModeSymlink {
		read = func(name string) ([]byte, error) {
			target, err := os.Readlink(name)
			return []byte(target), err
		}
	}
	before, err := read(a)
	if err != nil {
		return false, err
	}
	now, err := read(b)
	return bytes.Equal(before, now), err
}

// copyEntry copies a file or a link.
func copyEntry(to, from string, entry fs.DirEntry) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if entry.Type() == fs.ModeSymlink {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
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

// applyChanges makes the kept changes in the layer of packages, but those of packages that are only for development.
func applyChanges(to, changes, install string, t tree) error {
	err := fs.WalkDir(os.DirFS(changes), ".", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == "." {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		if at := packageOf(name); t.owner(name) == "" && !strings.HasPrefix(path.Base(at), ".") {
			if _, err := os.Lstat(filepath.Join(install, at)); err == nil {
				return nil
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
		return t.linkToApp(target, name)
	})
	if err != nil {
		return fmt.Errorf("taking what scripts changed in the packages: %w", err)
	}
	return nil
}

// linkToApp lets a link in the layer that led from the app's packages to the app lead there.
func (t tree) linkToApp(link, name string) error {
	target, err := os.Readlink(link)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(t.app, path.Dir(name), target)
	}
	within, err := filepath.Rel(t.app, target)
	if err != nil || !filepath.IsLocal(within) || !ours(filepath.ToSlash(within)) {
		return err
	}
	return errors.Join(os.Remove(link), os.Symlink(target, link))
}
