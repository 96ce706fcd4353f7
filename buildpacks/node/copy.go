package node

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// copyModules copies the packages of a tree that are below a node_modules folder, the links to them and to parts of the
// app, and nothing else: no packages for development, no list of the package manager's, no caches of build tools.
func copyModules(to string, t tree, folder string) error {
	root, err := os.OpenRoot(t.root)
	if err != nil {
		return err
	}
	defer root.Close()
	parents := t.parents()
	return fs.WalkDir(root.FS(), folder, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == folder {
			return nil
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(name))
		owner := t.owner(name)
		inAddon := owner != "" && owner != name && t.packages[owner].addon
		switch {
		case inAddon && forCompiling(name[len(owner)+1:]):
			return skip(entry)
		case entry.IsDir() && owner == "":
			if name == folder || parents[name] || linksOnly(name) {
				return nil
			}
			return fs.SkipDir
		case entry.IsDir():
			if foreign(name, t.arch) {
				return fs.SkipDir
			}
			if name == owner {
				return os.MkdirAll(target, 0o755)
			}
			return nil // it is made for what is in it
		case entry.Type() == fs.ModeSymlink:
			return t.copyLink(root, target, name, owner)
		case entry.Type().IsRegular() && owner != "" && !foreignAddon(name, t.arch):
			return t.copyPackageFile(root, target, name, owner)
		}
		return nil // beside packages, or a socket or a pipe, which holds nothing
	})
}

// copyPackageFile copies a file of a package, or counts it as left out.
func (t tree) copyPackageFile(root *os.Root, to, name, owner string) error {
	if kind := t.kind(owner, name); kind != "" {
		info, err := root.Lstat(name)
		if err == nil {
			t.slim.bytes[kind] += info.Size()
		}
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return copyFile(root, to, name)
}

// parents are the folders that packages of the tree are in.
func (t tree) parents() map[string]bool {
	found := map[string]bool{}
	for at := range t.packages {
		for dir := path.Dir(at); dir != "." && !found[dir]; dir = path.Dir(dir) {
			found[dir] = true
		}
	}
	return found
}

// linksOnly tells whether a folder may hold links to packages and no packages: of programs, of a scope, pnpm's of all,
// those of a package in Yarn's store.
func linksOnly(name string) bool {
	base, parent := path.Base(name), path.Base(path.Dir(name))
	return base == ".bin" || base == project.ModulesDir && strings.Contains(name, "/.store/") || parent == project.ModulesDir && strings.HasPrefix(base, "@") || strings.HasSuffix(name, project.ModulesDir+"/.pnpm/"+project.ModulesDir)
}

// owner returns the package of the tree that a file or folder belongs to, "" if none does.
func (t tree) owner(name string) string {
	for at := name; at != "."; at = path.Dir(at) {
		if t.packages[at] != nil {
			return at
		}
		// Package managers make folders of packages in the app's own and at the top of a package; one that is deeper is the package's.
		if in := path.Dir(at); path.Base(at) == project.ModulesDir && (ours(in) || packageOf(in) == in) {
			return ""
		}
	}
	return ""
}

// copyLink copies a link to or into a package of the tree or to a part of the app, or one inside a package.
func (t tree) copyLink(root *os.Root, to, name, owner string) error {
	target, err := root.Readlink(name)
	if err != nil {
		return err
	}
	if owner == "" {
		end, err := t.inside(name, target)
		if err != nil {
			return err
		}
		if end == "" || t.owner(end) == "" && t.packages[end] == nil {
			return nil
		}
		if _, err := os.Stat(filepath.Join(t.root, filepath.FromSlash(name))); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Symlink(target, to)
}

// architectures are words for them in names of addons, by what Node.js calls them.
var architectures = map[string]string{
	"x64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64", "arm": "arm", "armhf": "arm", "armv7": "arm", "armv7l": "arm", "ia32": "ia32", "i686": "ia32",
	"s390x": "s390x", "ppc64": "ppc64", "ppc64le": "ppc64", "riscv64": "riscv64", "loong64": "loong64",
}

// foreignAddon tells by the words of its name whether an addon is for musl, another system or another architecture.
func foreignAddon(name, arch string) bool {
	stem, addon := strings.CutSuffix(path.Base(name), ".node")
	if !addon {
		return false
	}
	own, others := false, false
	for word := range strings.FieldsFuncSeq(strings.ReplaceAll(stem, "x86_64", "x64"), func(r rune) bool { return strings.ContainsRune("._-+", r) }) {
		switch word {
		case "musl", "linuxmusl", "darwin", "win32", "freebsd", "android":
			return true
		}
		own = own || architectures[word] == arch
		others = others || architectures[word] != ""
	}
	return others && !own
}

var otherPlatform = regexp.MustCompile(`/prebuilds/(aix|android|darwin|freebsd|ios|linux|linuxglibc|linuxmusl|openbsd|sunos|win32)-([a-z0-9+]+)$`)

// foreign tells whether a folder holds addons that are built for another kind of machine, as prebuildify lays them out.
func foreign(name, arch string) bool {
	parts := otherPlatform.FindStringSubmatch(name)
	return parts != nil && (parts[1] != "linux" && parts[1] != "linuxglibc" || !slices.Contains(strings.Split(parts[2], "+"), arch))
}

// skip leaves out a file or a folder with all that is in it.
func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func copyFile(root *os.Root, to, name string) error {
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
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, modeOf(info))
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// modeOf returns the mode of a file without what differs from one checkout of it to another.
func modeOf(info fs.FileInfo) fs.FileMode {
	if info.Mode()&0o100 != 0 {
		return 0o755
	}
	return 0o644
}
