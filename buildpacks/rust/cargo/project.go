// Package cargo reads what the files of an app say to cargo, and what cargo says of the app: which programs it has, what was compiled,
// and so what a program is made of.
package cargo

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// Manifest is the name of the file by which an app is one of cargo's.
const Manifest = "Cargo.toml"

const lockName = "Cargo.lock"

// Project is what files at the root of an app say, before cargo is asked.
type Project struct {
	Channel version.Ask // of rust-toolchain.toml or rust-toolchain
	Least   version.Ask // rust-version of Cargo.toml
	Locked  []Locked    // the packages of Cargo.lock
	Flags   []string    // rustflags of the app's .cargo/config.toml that others would replace
}

// Locked is a package of Cargo.lock.
type Locked struct {
	Name, Version, Source, Checksum string

	Dependencies []string // what it may need
}

// Read reads the files at the root of an app that is compiled for a target.
func Read(dir, triple string) (Project, error) {
	var p Project
	manifest, found, err := readTOML(dir, Manifest)
	if err != nil || !found {
		return p, err
	}
	for _, at := range []fields.Object{manifest.Object("package"), manifest.Object("workspace").Object("package")} {
		if text := at.Text("rust-version"); text != "" {
			p.Least = version.Ask{Text: text, From: "rust-version of " + Manifest}
		}
	}
	if p.Channel, err = readChannel(dir); err != nil {
		return p, err
	}
	lock, found, err := readTOML(dir, lockName)
	if err != nil {
		return p, err
	}
	if !found {
		return p, fault.Fault{ID: "rust-lock-missing", What: "the app has no " + lockName + ", which says the versions of all crates",
			Do: "run cargo generate-lockfile, and commit the file"}
	}
	for _, one := range lock.Objects("package") {
		p.Locked = append(p.Locked, Locked{
			one.Text("name"), one.Text("version"), one.Text("source"), one.Text("checksum"), one.List("dependencies"),
		})
	}
	p.Flags, err = checkConfig(dir, triple)
	return p, err
}

// readTOML reads a file of the app, and reports whether it is there.
func readTOML(dir, name string) (fields.Object, bool, error) {
	data, err := tree.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading %s: %w", name, err)
	}
	o, err := fields.TOML(name, data)
	return o, true, err
}

// readChannel reads rustup's file, which is TOML or a line with the channel.
func readChannel(dir string) (version.Ask, error) {
	for _, name := range []string{"rust-toolchain", "rust-toolchain.toml"} { // the first goes before the second, as in rustup
		data, err := tree.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return version.Ask{}, fmt.Errorf("reading %s: %w", name, err)
		}
		text := strings.TrimSpace(string(data))
		if name == "rust-toolchain" && !strings.Contains(text, "\n") && !strings.Contains(text, "[") {
			return version.Ask{Text: text, From: name}, nil
		}
		o, err := fields.TOML(name, data)
		if err != nil {
			return version.Ask{}, err
		}
		toolchain := o.Object("toolchain")
		if path := toolchain.Text("path"); path != "" {
			return version.Ask{}, fault.Fault{ID: "rust-toolchain-path",
				What: name + " names the toolchain in " + path + ", which a build does not have",
				Do:   "name a release with channel = \"1.96\""}
		}
		return version.Ask{Text: toolchain.Text("channel"), From: "channel of " + name}, nil
	}
	return version.Ask{}, nil
}

// checkConfig reads cargo's settings in the app. It refuses those that say where crates come from, except for a folder of the app, and
// returns the flags of the compiler that a build for the target would replace.
func checkConfig(dir, triple string) ([]string, error) {
	var config fields.Object
	name := ""
	for _, name = range []string{".cargo/config", ".cargo/config.toml"} { // the first goes before the second, as in cargo
		found, ok, err := readTOML(dir, name)
		if err != nil {
			return nil, err
		}
		if ok {
			config = found
			break
		}
	}
	for source := range config.Object("source") {
		o := config.Object("source").Object(source)
		for _, kind := range []string{"registry", "local-registry", "git"} {
			own := source == "crates-io" && kind == "registry" && "registry+"+o.Text(kind) == cratesIO
			if o.Text(kind) != "" && !own {
				return nil, elsewhere(name, "source."+source+"."+kind)
			}
		}
		if folder := o.Text("directory"); folder != "" && !filepath.IsLocal(folder) {
			return nil, elsewhere(name, "source."+source+".directory")
		}
	}
	for _, key := range []string{"proxy", "cainfo"} {
		if config.Object("http").Text(key) != "" {
			return nil, elsewhere(name, "http."+key)
		}
	}
	for _, key := range []string{"include", "paths"} { // paths puts folders in the place of locked crates
		if len(config[key]) > 0 {
			return nil, elsewhere(name, key)
		}
	}
	return flagsOf(config, name, triple)
}

// elsewhere is the fault of a setting that says where crates come from.
func elsewhere(file, setting string) error {
	return fault.Fault{
		ID: "rust-registry", What: fmt.Sprintf("%s has %s, and an app does not say where its crates come from", file, setting),
		Do: "remove it, and name a mirror of the registry in BP_CARGO_REGISTRY; a folder that cargo vendor made may be named",
	}
}

// flagsOf returns build.rustflags, which flags for a target would replace, unless the settings have flags for this target too. Cargo takes
// those for a cfg as well if it holds, and rustc alone knows that.
func flagsOf(config fields.Object, file, triple string) ([]string, error) {
	build := config.Object("build")
	flags := build.List("rustflags")
	if text := build.Text("rustflags"); text != "" {
		flags = strings.Fields(text)
	}
	targets := config.Object("target")
	if len(flags) == 0 || len(targets.Object(triple).List("rustflags")) > 0 {
		return nil, nil
	}
	f := fault.Fault{ID: "rust-flags", Do: "write them as target." + triple + ".rustflags, a list"}
	for target := range targets {
		if strings.HasPrefix(target, "cfg(") && len(targets.Object(target).List("rustflags")) > 0 {
			f.What = fmt.Sprintf("%s has build.rustflags and flags for %s, and a build does not know which of them count", file, target)
			return nil, f
		}
	}
	for _, flag := range flags {
		if strings.ContainsFunc(flag, unicode.IsSpace) {
			f.What = fmt.Sprintf("%s has the flag %q in build.rustflags, and what reaches cargo beside it has no spaces", file, flag)
			return nil, f
		}
	}
	return slices.Clip(flags), nil
}
