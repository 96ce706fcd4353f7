// Package compiler gives a build what the build image lacks: compilers of C and C++, make and Python. They are packages
// of the build image's Debian, exactly those of a lock, unpacked into a cache and never into an image.
package compiler

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

//go:embed lock-*.toml cross/lock-*.toml
var locks embed.FS

// recipe changes when the same packages give another folder, for any architecture.
const recipe = "4"

// Compiler is the compiler in a cache, which Install puts there.
type Compiler struct {
	In bp.Workspace
	// Dir is a cache for one compiler and nothing else.
	Dir     string
	Mirrors deb.Mirrors
	Mode    Mode
}

// platform is what Debian calls an architecture's folders and loader, and the option by which its processors guard branches.
type platform struct{ triplet, loader, branches string }

var platforms = map[string]platform{
	"amd64": {deb.Triplets["amd64"], "usr/lib64/ld-linux-x86-64.so.2", "-fcf-protection=full"},
	"arm64": {deb.Triplets["arm64"], "usr/lib/ld-linux-aarch64.so.1", "-mbranch-protection=standard"},
}

// recipeFor returns what changes when the same packages give another compiler for an architecture.
func recipeFor(arch string) string {
	if arch != runtime.GOARCH {
		return recipe + " " + crossRecipe
	}
	return recipe
}

// locked returns the packages of a compiler on this machine, which compiles for an architecture.
func locked(arch string) ([]deb.Locked, error) {
	if arch != runtime.GOARCH {
		return lockedCross(runtime.GOARCH, arch)
	}
	return readLock("lock-" + arch + ".toml")
}

func readLock(name string) ([]deb.Locked, error) {
	lock, err := locks.ReadFile(name)
	if err != nil {
		return nil, fault.Internal("no compiler is locked: there is no %s", name)
	}
	return deb.ReadLock(string(lock))
}

// decisive are the beginnings of the names of packages that change what is compiled. Python and the kernel's headers, which
// change every month, are not among them.
var decisive = []string{"binutils", "cpp", "g%2B%2B", "gcc", "libc6-dev", "libgcc", "libstdc"}

// Version names the compiler in a mode. Another version may compile to other bytes.
func Version(arch string, m Mode) (string, error) {
	packages, err := locked(arch)
	return version(recipeFor(arch), packages) + m.suffix(), err
}

func version(recipe string, packages []deb.Locked) string {
	sum := sha256.New()
	sum.Write([]byte(recipe))
	for _, p := range packages {
		for _, name := range decisive {
			if strings.HasPrefix(p.Purl, "pkg:deb/debian/"+name) {
				sum.Write([]byte(p.Purl + "\n"))
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// tool returns the tool that the packages make.
func (c Compiler) tool(packages []deb.Locked) tool.Tool {
	target := platforms[c.In.Target.Arch]
	t := tool.Tool{Folder: deb.Digest(recipeFor(c.In.Target.Arch), packages), Title: deb.Title("a C++ compiler", packages)}
	finish := func(dir, at string) error { return complete(dir, at, target) }
	if c.In.Target.Foreign() {
		t.Title = deb.Title("a C++ compiler for "+c.In.Target.Arch, packages)
		finish = func(dir, at string) error { return completeCross(dir, at, platforms[runtime.GOARCH], target) }
	}
	t.Fill = func(ctx context.Context, client *fetch.Client, dir string) error {
		if err := deb.Unpack(ctx, client, c.Mirrors, packages, dir, unpack.Options{Want: wanted}); err != nil {
			return err
		}
		return finish(dir, filepath.Join(c.Dir, t.Folder))
	}
	return t
}

// Folder returns the name of the compiler's folder, by which detection names a tool for all apps.
func (c Compiler) Folder() (string, error) {
	packages, err := locked(c.In.Target.Arch)
	return c.tool(packages).Folder, err
}

// Cached reports whether nothing has to be fetched.
func (c Compiler) Cached() (bool, error) {
	packages, err := locked(c.In.Target.Arch)
	if err != nil {
		return false, err
	}
	return tool.Cached(c.In, c.Dir, c.tool(packages))
}

// Install returns the folder of the programs, to be the first of PATH: cc, c++, gcc, g++, make, python3 and the binutils. One for another
// architecture has neither make nor python3, which are this machine's. It fetches them unless the cache has them.
func (c Compiler) Install(ctx context.Context) (string, error) {
	packages, err := locked(c.In.Target.Arch)
	if err != nil {
		return "", err
	}
	dir, err := tool.Replace(ctx, c.In, c.Dir, c.tool(packages))
	return filepath.Join(dir, "bin"+c.Mode.suffix()), err
}

// parts are the packages whose files become part of what is linked, by how the paths of their libraries begin below usr/lib.
var parts = []struct{ begin, name, licence string }{
	{"gcc/TRIPLET/14/libstdc++", "libstdc++-14-dev", "GPL-3.0-or-later WITH GCC-exception-3.1"},
	{"gcc/TRIPLET/14/libsupc++", "libstdc++-14-dev", "GPL-3.0-or-later WITH GCC-exception-3.1"},
	{"gcc/TRIPLET/14/", "libgcc-14-dev", "GPL-3.0-or-later WITH GCC-exception-3.1"},
	{"TRIPLET/lib", "libc6-dev", "LGPL-2.1-or-later"},
}

// Linked describes the package of the compiler that a static library is of, whose path may lead through links and "..". It reports whether
// it is one of the compiler's in a folder that Install returned.
func (c Compiler) Linked(programs, library string) (sbom.Component, bool) {
	packages, err := locked(c.In.Target.Arch)
	real, linkErr := filepath.EvalSymlinks(library)
	root, rootErr := filepath.EvalSymlinks(filepath.Dir(programs))
	if errors.Join(err, linkErr, rootErr) != nil {
		return sbom.Component{}, false
	}
	path, ok := strings.CutPrefix(real, filepath.Join(root, "usr/lib")+"/")
	for _, part := range parts {
		begin := strings.ReplaceAll(part.begin, "TRIPLET", platforms[c.In.Target.Arch].triplet)
		k := slices.IndexFunc(packages, func(p deb.Locked) bool { return p.Name == part.name })
		if ok && k >= 0 && strings.HasPrefix(path, begin) {
			p := packages[k]
			return sbom.Component{Name: p.Name, Version: p.Version, PURL: p.Purl, SHA256: p.SHA256, Licenses: []string{part.licence}}, true
		}
	}
	return sbom.Component{}, false
}

// wanted leaves out what no compilation reads: documentation, and lto-dump, which is as large as the compiler and prints
// intermediate code.
func wanted(path string) bool {
	return strings.HasPrefix(path, "usr/") && !strings.HasPrefix(path, "usr/share/") && !strings.Contains(path, "-lto-dump")
}

// complete turns the files of the packages into a root folder for the compiler. It adds links to the libraries of the build
// image, which the programs are linked against, and scripts that know the folder's final place.
func complete(dir, at string, p platform) error {
	links := map[string]string{"lib": "usr/lib", "lib64": "usr/lib64", p.loader: "/" + p.loader}
	if err := writeLinks(dir, links); err != nil {
		return err
	}
	libraries := filepath.Join("usr/lib", p.triplet)
	entries, err := os.ReadDir("/" + libraries)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		err := os.Symlink(filepath.Join("/", libraries, entry.Name()), filepath.Join(dir, libraries, entry.Name()))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return writePrograms(dir, p.native(at))
}

// writeLinks makes symbolic links by their paths below a folder.
func writeLinks(dir string, links map[string]string) error {
	for link, target := range links {
		file := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, file); err != nil {
			return err
		}
	}
	return nil
}
