package cargo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestPURL has the places that packages of Cargo.lock are from.
func TestPURL(t *testing.T) {
	t.Parallel()
	const at = "pkg:cargo/a@1.0.0%2Bx"
	for source, want := range map[string]string{
		"": " local", cratesIO: at + " crates.io",
		"git+https://example.test/a.git?branch=b#0123abcd": at + "?vcs_url=git%2Bhttps%3A%2F%2Fexample.test%2Fa.git%400123abcd git",
		"registry+https://example.test/index":              at + "?repository_url=https%3A%2F%2Fexample.test%2Findex registry",
		"sparse+https://example.test/index/":               at + "?repository_url=https%3A%2F%2Fexample.test%2Findex%2F registry",
	} {
		one := Locked{Name: "a", Version: "1.0.0+x", Source: source}
		if got := one.purl() + " " + one.origin(); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

// TestOf has the ids that cargo of several versions gives packages.
func TestOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		cratesIO + "#serde@1.0.0": true, "path+file:///workspace/serde#1.0.0": true, "path+file:///workspace#serde@1.0.0": true,
		"git+https://example.test/serde?rev=1#1.0.0": true, "git+https://example.test/serde.git#1.0.0": true,
		"serde 1.0.0 (" + cratesIO + ")": true,
		cratesIO + "#serde@1.0.1":        false, "path+file:///serde/other#1.0.0": false, "other 1.0.0 (x)": false, "": false,
	} {
		u := Unit{Reason: "compiler-artifact", Package: id}
		if got := u.of(Locked{Name: "serde", Version: "1.0.0"}); got != want {
			t.Errorf("%s: got %v, want %v", id, got, want)
		}
	}
}

// TestPackages has what crates need of Debian, and nothing twice.
func TestPackages(t *testing.T) {
	t.Parallel()
	p := Project{Locked: []Locked{{Name: "openssl-sys"}, {Name: "pq-sys"}, {Name: "ring"}, {Name: "aws-lc-sys"}}}
	if diff := cmp.Diff([]string{"cmake", "libpq-dev", "libssl-dev", "libzstd-dev", "zlib1g-dev"}, p.Packages()); diff != "" {
		t.Error(diff)
	}
}

// TestFlags has the flags that those of the build would replace, and refuses none.
func TestFlags(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "[]", "[build]\nrustflags = \"--cfg tokio_unstable\"\n": "[--cfg tokio_unstable]",
		"[build]\nrustflags = [\"--cfg\", \"a\"]\n[target.wasm32-unknown-unknown]\nrustflags = \"-Cb\"\n": "[--cfg a]",
		"[target.'cfg(unix)']\nrustflags = [\"-Ca b\"]\n":                                                 "[]",
		"[source.crates-io]\nregistry = \"https://github.com/rust-lang/crates.io-index\"\n":               "[]",
		"[build]\nrustflags = [\"-Ca\"]\n[target.x86_64-unknown-linux-gnu]\nrustflags = \"-Cb\"\n":        "[]",
		"[registries.ours]\nindex = \"sparse+https://crates.example.test/\"\n[net]\nretry = 5\n":          "[]",
		"[source.crates-io]\nreplace-with = \"v\"\n[source.v]\ndirectory = \"vendor\"\n":                  "[]",
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{".cargo/config.toml": text})
		got, err := checkConfig(dir, "x86_64-unknown-linux-gnu")
		if fmt.Sprint(got) != want || err != nil {
			t.Errorf("%q: got %q, %v, want %s", text, got, err, want)
		}
	}
}

// TestConfig refuses what an app may not say, each in a line that names it.
func TestConfig(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"crates-io":       "[source.crates-io]\nregistry = \"https://crates.example.test\"\n",
		"crates-io-local": "[source.crates-io]\nlocal-registry = \"crates\"\n",
		"crates-io-git":   "[source.crates-io]\ngit = \"https://github.com/rust-lang/crates.io-index\"\n",
		"paths":           "paths = [\"patched/serde\"]\n",
		"flag-space":      "[build]\nrustflags = [\"--cfg\", \"a b\"]\n",
		"flag-one-space":  "[build]\nrustflags = [\"--cfg=a b\"]\n",
		"flags-cfg":       "[build]\nrustflags = \"-Ca\"\n[target.'cfg(target_env = \"musl\")']\nrustflags = [\"-Cb\"]\n",
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{".cargo/config.toml": text})
		flags, err := checkConfig(dir, "x86_64-unknown-linux-gnu")
		if err == nil {
			t.Errorf("%s: got %q", name, flags)
			continue
		}
		kittest.Fault(t, err)
		kittest.Golden(t, "fault-"+name+".txt", err.Error()+"\n")
	}
}

// FuzzRead reads the files of an app: an error is a fault, and what an app asks for has one line.
func FuzzRead(f *testing.F) {
	f.Add("[package]\nname = \"a\"\nrust-version = \"1.85\"\n", "[[package]]\nname = \"a\"\ndependencies = [\"b 1 (c)\"]\n", "1.85\n",
		"[build]\nrustflags = [\"-Ca\"]\n")
	f.Add("[workspace.package]\nrust-version = 1.85\n", "version = 4\n", "[toolchain]\nchannel = \"nightly\"\n", "[source.a]\ngit = \"b\"\n")
	f.Add("package = 1\n", "package = [1, 2]\n", "[toolchain]\npath = \"x\"\n", "[source]\na = 1\n[target]\nb = 2\n")
	f.Fuzz(func(t *testing.T, manifest, lock, channel, config string) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{
			Manifest: manifest, lockName: lock, "rust-toolchain": channel, ".cargo/config.toml": config,
		})
		p, err := Read(dir, "x86_64-unknown-linux-gnu")
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if p.Channel.From == "" && strings.TrimSpace(channel) != "" && !strings.Contains(channel, "[") && !strings.Contains(channel, "\n") {
			t.Errorf("%q asks for nothing", channel)
		}
		for _, one := range p.Parts(Made{{Reason: "compiler-artifact", Package: "a 1 "}}, "triple") {
			for _, need := range one.Needs {
				if need < 0 || need >= len(p.Locked) {
					t.Errorf("%+v needs %d", one, need)
				}
			}
		}
	})
}

// FuzzMessages reads what cargo, or a macro, prints.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"reason":"compiler-artifact","package_id":"x#a@1","filenames":["/t/triple/a"],"target":{"kind":["bin"]}}` + "\nx\n"))
	f.Add([]byte("{\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		made, err := ReadMessages(out)
		if err != nil {
			return
		}
		p := Project{Locked: []Locked{{Name: "a", Version: "1"}}}
		if parts := p.Parts(made, "triple"); len(parts) > 1 || len(parts) == 1 && parts[0].Name != "a" {
			t.Errorf("%+v", parts)
		}
	})
}
