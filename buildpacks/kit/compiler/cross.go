package compiler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
)

// crossRecipe changes when the same packages give another folder of a compiler for another architecture alone.
const crossRecipe = "cross 1"

// lockedCross returns the packages of a compiler on one architecture that compiles for another one: its programs of the first, and what
// they compile with and link of the second.
func lockedCross(host, target string) ([]deb.Locked, error) {
	here, err := readLock("cross/lock-" + host + ".toml")
	if err != nil {
		return nil, err
	}
	there, err := readLock("cross/lock-" + target + ".toml")
	if err != nil {
		return nil, err
	}
	packages := slices.DeleteFunc(here, func(p deb.Locked) bool {
		return p.Layer == "sysroot" || p.Layer == "programs" && !strings.HasSuffix(p.Name, platforms[target].packages())
	})
	there = slices.DeleteFunc(there, func(p deb.Locked) bool { return p.Layer != "sysroot" })
	return append(packages, there...), nil
}

// Workspaces returns those that a build needs compilers for which starts programs that it makes: the app's, and this machine's, if that is
// another one.
func Workspaces(in bp.Workspace) []bp.Workspace {
	if in.Target.Foreign() {
		return []bp.Workspace{in, in.Here()}
	}
	return []bp.Workspace{in}
}

// Here installs this machine's compiler for a build for another architecture, as Install does.
func Here(ctx context.Context, in bp.BuildContext, mirrors deb.Mirrors, m Mode) (string, error) {
	c := Compiler{In: in.Here(), Mirrors: mirrors, Mode: m}
	var err error
	if c.Dir, err = in.Cache(ctx, "compiler-here"); err != nil {
		return "", err
	}
	return c.Install(ctx)
}

// packages is how the names of Debian's packages end that have programs for the architecture.
func (p platform) packages() string { return "-" + strings.ReplaceAll(p.triplet, "_", "-") }

// searching is the part of a cross compiler's script that passes on what a native one reads itself: LIBRARY_PATH, for what is linked and
// for what that needs.
const searching = `if [ "$file" ] && [ "$link" ]; then
  IFS=:
  for folder in $LIBRARY_PATH; do set -- "$@" "-L$folder" "-Wl,-rpath-link,$folder"; done
  unset IFS
fi
`

// cross returns what the scripts of a compiler at a path start, which runs on one platform and compiles for another.
func (p platform) cross(at string, target platform) set {
	return set{
		platform: target, search: searching,
		names:  slices.DeleteFunc(slices.Clone(programs), func(name string) bool { return name == "make" || name == "python3" }),
		start:  "#!/bin/sh\nexport LD_LIBRARY_PATH=" + filepath.Join(at, "usr/lib", p.triplet) + "\n",
		prefix: at + "/usr/bin/" + target.triplet + "-", compile: "-14 --sysroot=" + at,
	}
}

// completeCross turns the files of the packages into a root folder for a compiler on one platform that compiles for another. The compiler
// looks for the parts that Debian's cross packages would have in other folders than packages of the target's architecture have them.
func completeCross(dir, at string, host, target platform) error {
	links := map[string]string{"lib": "usr/lib", "lib64": "usr/lib64"}
	parts, err := linksTo(dir, filepath.Join("usr/lib/gcc", target.triplet, "14"), filepath.Join("usr/lib/gcc-cross", target.triplet, "14"))
	maps.Copy(links, parts)
	if err == nil {
		headers := filepath.Join("usr", target.triplet, "include/c++/14")
		parts, err = linksTo(dir, "usr/include/c++/14", headers)
		maps.Copy(links, parts)
		links[filepath.Join(headers, target.triplet)] = filepath.Join(strings.Repeat("../", 4), "include", target.triplet, "c++/14")
	}
	if err == nil {
		err = writeLinks(dir, links)
	}
	if err != nil {
		return fmt.Errorf("preparing a compiler for another architecture: %w", err)
	}
	return writePrograms(dir, host.cross(at, target))
}

// linksTo returns links to the entries of a folder in another one, which both are below dir, by their paths. It leaves out names that are
// there already.
func linksTo(dir, from, in string) (map[string]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, from))
	if err != nil {
		return nil, err
	}
	up, err := filepath.Rel(in, from)
	if err != nil {
		return nil, err
	}
	links := map[string]string{}
	for _, entry := range entries {
		link := filepath.Join(in, entry.Name())
		switch _, err := os.Lstat(filepath.Join(dir, link)); {
		case errors.Is(err, fs.ErrNotExist):
			links[link] = filepath.Join(up, entry.Name())
		case err != nil:
			return nil, err
		}
	}
	return links, nil
}
