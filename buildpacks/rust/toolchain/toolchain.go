// Package toolchain installs Rust: the compiler, cargo and the standard library, as Debian has them or as they are
// published.
package toolchain

import (
	"context"
	"embed"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

//go:embed lock-*.toml
var locks embed.FS

// recipe changes when the same packages give another folder.
const recipe = "2"

// debians are the layers of stack.toml that are a Rust each, with the packages that have the compiler and the standard library, the default
// first.
var debians = []struct{ layer, compiler, standard string }{
	{"web", "rustc-web", "libstd-rust-web-dev"}, {"release", "rustc", "libstd-rust-dev"},
}

// Rust is a compiler with its cargo and standard library, for the machine and for what it compiles for.
type Rust struct {
	Version  string       // as its authors have it: "1.96.0"
	target   string       // the architecture that it compiles for
	packages []deb.Locked // of Debian
	server   Server       // of the release, if it is none of Debian
}

// Debian returns the Rusts that Debian has for this machine and that compile for an architecture, the default first, none for one that is
// not locked.
func Debian(target string) ([]Rust, error) {
	packages, err := locked(runtime.GOARCH)
	there := packages
	if err == nil && target != runtime.GOARCH {
		there, err = locked(target)
	}
	if err != nil || len(there) == 0 {
		return nil, err
	}
	var found []Rust
	for _, d := range debians {
		r := Rust{target: target}
		for _, one := range packages {
			if one.Layer == d.layer || one.Layer == "libraries" {
				r.packages = append(r.packages, one)
			}
			if one.Name == d.compiler {
				r.Version = upstream(one.Version)
			}
		}
		for _, one := range there {
			if target != runtime.GOARCH && one.Name == d.standard {
				r.packages = append(r.packages, one)
			}
		}
		found = append(found, r)
	}
	return found, nil
}

// locked returns the packages of an architecture, none for one that is not locked.
func locked(arch string) ([]deb.Locked, error) {
	text, err := locks.ReadFile("lock-" + arch + ".toml")
	if err != nil {
		return nil, nil
	}
	return deb.ReadLock(string(text))
}

// upstream returns the version that Debian's is of: "1.96.0" of "1.96.0+dfsg1-1~deb13u1".
func upstream(version string) string {
	return version[:len(version)-len(strings.TrimLeft(version, "0123456789."))]
}

// Named returns the Rust of a tool's folder, which compiles for an architecture.
func Named(target, folder string) (Rust, error) {
	all, err := Debian(target)
	if err != nil {
		return Rust{}, err
	}
	at := slices.IndexFunc(all, func(r Rust) bool { return r.Folder() == folder })
	if at < 0 {
		return Rust{}, fault.Fault{ID: "rust-tool-unknown", What: folder + " is no Rust that is locked", Do: "leave it to the app's build"}
	}
	return all[at], nil
}

// Folder names the Rust: another name for other files.
func (r Rust) Folder() string {
	if len(r.packages) == 0 {
		name := "rust-" + r.Version + "-published-" + recipe // it has one manifest that is signed and names it
		if r.target != runtime.GOARCH {
			name += "-" + r.target
		}
		return name
	}
	return "rust-" + r.Version + "-" + deb.Digest(recipe, r.packages)
}

// Triples are Rust's names of targets, by architecture.
var Triples = map[string]string{"amd64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}

// Tool returns the tool that the Rust is: a folder whose folder bin has cargo and rustc. It is made in a cache.
func (r Rust) Tool(mirrors deb.Mirrors, cache string) tool.Tool {
	if len(r.packages) == 0 {
		return r.distTool()
	}
	t := tool.Tool{Folder: r.Folder(), Title: deb.Title("Rust "+r.Version, r.packages)}
	t.Fill = func(ctx context.Context, client *fetch.Client, dir string) error {
		if err := deb.Unpack(ctx, client, mirrors, r.packages, dir, unpack.Options{Want: wanted}); err != nil {
			return err
		}
		return writePrograms(dir, filepath.Join(cache, t.Folder), deb.Triplets[runtime.GOARCH])
	}
	return t
}

// wanted leaves out what no compilation reads, and cargo's and Rust's programs for people.
func wanted(path string) bool {
	if inner, found := strings.CutPrefix(path, "usr/bin/"); found {
		return inner == "cargo" || inner == "rustc"
	}
	return strings.HasPrefix(path, "usr/lib/")
}

// writePrograms makes the folder bin of a Rust that will be at a path: scripts, as the programs do not know where their libraries are. What
// build scripts call has libraries elsewhere.
func writePrograms(dir, at, triplet string) error {
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		return err
	}
	for _, name := range []string{"cargo", "rustc"} {
		script := "#!/bin/sh\nexport LD_LIBRARY_PATH=" + filepath.Join(at, "usr/lib", triplet) +
			"${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\nexec " +
			filepath.Join(at, "usr/bin", name) + ` "$@"` + "\n"
		if err := os.WriteFile(filepath.Join(dir, "bin", name), []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}
