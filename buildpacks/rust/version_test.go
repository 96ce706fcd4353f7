package rust_test

import (
	"fmt"
	"maps"
	"regexp"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestVersion has where versions are asked for, in their order.
func TestVersion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		files files
		env   string
		want  string
	}{
		{nil, "", "1.96.0 (default)"},
		{nil, "1.85", "1.85.1 (BP_RUST_VERSION is 1.85)"},
		{nil, "stable", "1.96.0 (BP_RUST_VERSION is stable)"},
		{files{"rust-toolchain": "1.85.1\n"}, "1.96.0", "1.85.1 (rust-toolchain)"},
		{files{"rust-toolchain.toml": "[toolchain]\nchannel = \"1.85\"\ntargets = [\"x\"]\n"}, "",
			"1.85.1 (channel of rust-toolchain.toml is 1.85)"},
		{files{"rust-toolchain": "[toolchain]\nchannel = \"1.96.0\"\n", "rust-toolchain.toml": "[toolchain]\nchannel = \"1.85\"\n"}, "",
			"1.96.0 (channel of rust-toolchain)"},
		{files{"Cargo.toml": "[package]\nname = \"shop\"\nrust-version = \"1.70\"\n"}, "",
			"1.96.0 (default; rust-version of Cargo.toml needs at least 1.70)"},
		{files{"Cargo.toml": "[workspace]\n[workspace.package]\nrust-version = \"1.90\"\n"}, "1.85", "1.85.1 (BP_RUST_VERSION is 1.85)"},
	} {
		t.Run(fmt.Sprint(test.files, test.env), func(t *testing.T) {
			t.Parallel()
			app := shop()
			maps.Copy(app, test.files)
			c := given(t, app, cargo(t))
			c.Env["BP_RUST_VERSION"] = test.env
			found := regexp.MustCompile(`Rust  +(.*)`).FindStringSubmatch(built(t, c).Stdout)
			if found == nil || found[1] != test.want {
				t.Errorf("got %q, want %q", found, test.want)
			}
		})
	}
}

// TestDetect takes part in apps with a Cargo.toml, and names the Rust that the platform is to install.
func TestDetect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files files
		log   string
		tools int
	}{
		"app":     {shop(), "strata/rust pass: Cargo.toml found\n", 2},
		"no lock": {files{"Cargo.toml": "[package]\n", "src/main.rs": ""}, "strata/rust pass: Cargo.toml found\n", 0},
		"no TOML": {files{"Cargo.toml": "[package\n"}, "strata/rust pass: Cargo.toml found\n", 0},
		"named":   {files{"Cargo.toml": "[[bin]]\nname = \"a\"\npath = \"a.rs\"\n"}, "strata/rust pass: Cargo.toml found\n", 0},
		"members": {files{"Cargo.toml": "[workspace]\nmembers = [\"a\"]\n"}, "strata/rust pass: Cargo.toml found\n", 0},
		"library": {files{"Cargo.toml": "[package]\n", "src/lib.rs": "", "package.json": "{}"},
			"strata/rust fail: Cargo.toml found, but it has no program: no src/main.rs, no src/bin and no [[bin]]\n", 0},
		"Python": {files{"Cargo.toml": "[package]\n", "src/main.rs": "", "pyproject.toml": "[build-system]\nrequires = [\"maturin>=1\"]\n"},
			"strata/rust fail: Cargo.toml found, but pyproject.toml makes a package of Python of it\n", 0},
		"below":    {files{"backend/Cargo.toml": ""}, "strata/rust fail: no Cargo.toml, but backend/Cargo.toml; build that folder\n", 0},
		"folder":   {files{"Cargo.toml/x": ""}, "strata/rust fail: Cargo.toml is no file\n", 0},
		"no cargo": {files{"main.rs": ""}, "strata/rust fail: no Cargo.toml\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: test.files})
			if got.Log() != test.log || len(got.Tools()) != test.tools {
				t.Errorf("got %q and tools %v", got.Log(), got.Tools())
			}
		})
	}
}
