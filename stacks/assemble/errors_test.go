package assemble

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	const inRelease = "/debian/dists/trixie/InRelease"
	tests := []struct {
		name   string
		after  func(t *testing.T, a *debtest.Archive, o *Options)
		relock bool
	}{
		{name: "deb-wrong-hash", after: func(t *testing.T, a *debtest.Archive, o *Options) {
			o.Cache, o.Names = t.TempDir(), []string{"high"}
			path := "/debian/pool/main/l/lib/lib_1.0-1_amd64.deb"
			b := slices.Clone(a.Get(path))
			b[100] ^= 1
			a.Set(path, b)
		}},
		{name: "deb-snapshot-wrong-hash", after: func(t *testing.T, a *debtest.Archive, o *Options) {
			o.Cache, o.Names = t.TempDir(), []string{"high"}
			const path = "pool/main/l/lib/lib_1.0-1_amd64.deb"
			b := slices.Clone(a.Get("/debian/" + path))
			b[100] ^= 1
			point(t, a)
			a.Set("/old/"+path, b)
			o.Getenv = snapshot(a, o.Getenv)
		}},
		{name: "inrelease-tampered", relock: true, after: func(_ *testing.T, a *debtest.Archive, _ *Options) {
			a.Set(inRelease, []byte(strings.Replace(string(a.Get(inRelease)), "Origin: Debian", "Origin: Nobody", 1)))
		}},
		{name: "inrelease-expired", relock: true, after: func(_ *testing.T, _ *debtest.Archive, o *Options) {
			o.Now = debtest.Born.Add(30 * 24 * time.Hour)
		}},
		{name: "inrelease-rollback", relock: true, after: func(t *testing.T, a *debtest.Archive, _ *Options) {
			a.Publish(t, debtest.Born.Add(-time.Hour), debs()...)
		}},
		{name: "stack-unknown", after: func(_ *testing.T, _ *debtest.Archive, o *Options) { o.Names = []string{"none"} }},
		{name: "stack-unknown-key", after: edit("low/stack.toml", "distro =", "distribution =")},
		{name: "stack-not-toml", after: edit("low/stack.toml", "distro =", "distro")},
		{name: "stack-no-user", after: edit("low/stack.toml", `user = "1002:1000"`, "")},
		{name: "stack-point-release", after: edit("low/stack.toml", `version = "13"`, `version = "13.7"`)},
		{name: "stack-relative-path", after: edit("low/stack.toml", `path = "/tmp"`, `path = "tmp"`)},
		{name: "stack-cycle", after: edit("low/stack.toml", `id =`, "base = \"high\"\nid =")},
		{name: "lock-missing", after: func(t *testing.T, _ *debtest.Archive, o *Options) {
			if err := os.Remove(filepath.Join(o.Dir, "low/lock-amd64.toml")); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "lock-stale", after: edit("low/stack.toml", `["certs", "base-files"]`, `["certs", "base-files", "lib"]`)},
		{name: "lock-too-much", after: edit("low/stack.toml", `["certs", "base-files"]`, `["certs"]`)},
		{name: "slice-missing", relock: true, after: func(t *testing.T, _ *debtest.Archive, o *Options) {
			if err := os.Remove(filepath.Join(o.Dir, "slices/lib.toml")); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "slice-stale", after: edit("slices/lib.toml", "/usr/share/lib/**", "/usr/share/libs/**")},
		{name: "slice-no-match", relock: true, after: edit("slices/lib.toml", "/usr/share/lib/**", "/usr/share/libs/**")},
		{name: "layer-unknown", after: edit("high/stack.toml", "[[layer]]", "[[layer]]\nuse = \"none\"")},
		{name: "stack-other-release", after: edit("high/stack.toml", `version = "13"`, `version = "14"`)},
		{name: "package-twice", relock: true, after: edit("high/stack.toml", `["lib"]`, `["lib", "certs"]`)},
		{name: "bundle-empty", after: edit("low/stack.toml", "*.crt", "*.pem")},
		{name: "conflict-stack", after: edit("high/stack.toml", `"/usr/lib/lib.so"`, `"/usr/lib/only-amd64"`)},
		{name: "conflict-below", after: edit("high/stack.toml", `"/usr/lib/lib.so"`, `"/etc/passwd"`)},
		{name: "not-merged", after: edit("high/stack.toml", `"/usr/lib/lib.so"`, `"/bin/lib.so"`)},
		{name: "package-unknown", relock: true, after: edit("low/stack.toml", `"certs", "base-files"`, `"certs", "base-file"`)},
		{name: "package-omit", relock: true, after: edit("whole/stack.toml", `["debconf"]`, `["debconf", "perl"]`)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, o := locked(t)
			test.after(t, a, &o)
			var err error
			if test.relock {
				_, err = Update(t.Context(), o)
			} else {
				o.Locked = true
				_, err = Build(t.Context(), o)
			}
			var f fault.Fault
			if !errors.As(err, &f) {
				t.Fatalf("got %v, want a fault", err)
			}
			line := strings.ReplaceAll(err.Error(), o.Dir, "DIR")
			line = strings.ReplaceAll(line, strings.ToUpper(hex.EncodeToString(a.Key.PrimaryKey.Fingerprint)), "KEY")
			kittest.Golden(t, "error-"+test.name+".txt", f.ID+": "+line+"\n")
		})
	}
}

func edit(path, old, replacement string) func(*testing.T, *debtest.Archive, *Options) {
	return func(t *testing.T, _ *debtest.Archive, o *Options) {
		t.Helper()
		file := filepath.Join(o.Dir, path)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), old) {
			t.Fatalf("%s has no %q", path, old)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(b), old, replacement, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for pattern, paths := range map[string]map[string]bool{
		"/a/*.so.?":   {"/a/x.so.1": true, "/a/.so.1": true, "/a/b/x.so.1": false, "/a/x.so.12": false, "/a/xaso.1": false},
		"/a/**":       {"/a/b": true, "/a/b/c": true, "/a": false, "/ab": false},
		"/a/**/c":     {"/a/b/c": true, "/a/b/b/c": true, "/a/c": false},
		"/a/libé+[*]": {"/a/libé+[x]": true, "/a/libe+[x]": false},
	} {
		for path, want := range paths {
			if got := glob(pattern).MatchString(path); got != want {
				t.Errorf("%s matches %s: %v, want %v", pattern, path, got, want)
			}
		}
	}
}
