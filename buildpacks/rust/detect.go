package rust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/rust/cargo"
	"github.com/strata-buildpacks/strata/buildpacks/rust/toolchain"
)

// Detect takes part in apps that have a Cargo.toml at their root, with a program or a workspace. Packages of other languages have one for
// what they compile of themselves.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	info, err := os.Stat(filepath.Join(in.AppDir, cargo.Manifest))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bp.Fail("no Cargo.toml" + elsewhere(in.AppDir)), nil
	case err != nil:
		return bp.DetectResult{}, fmt.Errorf("looking for Cargo.toml: %w", err)
	case !info.Mode().IsRegular():
		return bp.Fail("Cargo.toml is no file"), nil
	}
	if why := notApp(in.AppDir); why != "" {
		return bp.Fail("Cargo.toml found, but " + why), nil
	}
	var tools []string
	if p, err := cargo.Read(in.AppDir, toolchain.Triples[in.Target.Arch]); err == nil { // the build says what is wrong with the app
		if r, _, err := choose(in.Workspace, p); err == nil {
			tools = append(tools, r.Folder())
		}
		for _, of := range compiler.Workspaces(in.Workspace) {
			if folder, err := (compiler.Compiler{In: of}).Folder(); err == nil {
				tools = append(tools, folder)
			}
		}
	}
	return bp.Pass("Cargo.toml found", bp.Plan{Provides: []string{"rust"}, Requires: []bp.Entry{bp.Tools("rust", tools...)}}), nil
}

// elsewhere names a folder of the app that has a Cargo.toml.
func elsewhere(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, "*", cargo.Manifest))
	if err != nil || len(found) == 0 {
		return ""
	}
	folder := filepath.Base(filepath.Dir(found[0]))
	return ", but " + folder + "/Cargo.toml; build that folder"
}

// notApp returns why the Cargo.toml of an app is not of a program, "" if it is. A file that does not parse is the build's to refuse.
func notApp(dir string) string {
	read := func(name string) fields.Object {
		data, err := tree.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil
		}
		o, err := fields.TOML(name, data)
		if err != nil {
			return fields.Object{"workspace": []byte("{}")}
		}
		return o
	}
	for _, need := range read("pyproject.toml").Object("build-system").List("requires") {
		if strings.HasPrefix(need, "maturin") || strings.HasPrefix(need, "setuptools-rust") || strings.HasPrefix(need, "setuptools_rust") {
			return "pyproject.toml makes a package of Python of it"
		}
	}
	manifest := read(cargo.Manifest)
	if manifest["workspace"] != nil || len(manifest.Objects("bin")) > 0 {
		return ""
	}
	for _, name := range []string{"src/main.rs", "src/bin"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return ""
		}
	}
	return "it has no program: no src/main.rs, no src/bin and no [[bin]]"
}
