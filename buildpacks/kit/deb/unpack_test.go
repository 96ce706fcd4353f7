package deb_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/unpack"
)

// published puts a package into an archive and returns it as a lock has it.
func published(t *testing.T, a *debtest.Archive, files map[string]string) deb.Locked {
	t.Helper()
	a.Publish(t, debtest.Born, debtest.Deb{Name: "tool", Version: "2", Files: files})
	const path = "pool/main/t/tool/tool_2_amd64.deb"
	sum := sha256.Sum256(a.Get("/debian/" + path))
	return deb.Locked{Purl: "pkg:deb/debian/tool@2", SHA256: hex.EncodeToString(sum[:]), Archive: deb.Main, Path: path}
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	locked := published(t, a, map[string]string{
		"/usr/bin/tool": "program", "/usr/bin/alias": "-> tool", "/usr/share/doc/tool/copyright": "", "/usr/lib/empty/": "",
	})
	mirrors := deb.Mirrors{deb.Main: {a.URL + "-gone", a.URL}}
	dir := filepath.Join(t.TempDir(), "new")
	wanted := func(path string) bool { return !strings.HasPrefix(path, "usr/share/") }
	if err := deb.Unpack(t.Context(), fetch.New(t.TempDir()), mirrors, []deb.Locked{locked}, dir, unpack.Options{Want: wanted}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"usr/": "dir 0755", "usr/bin/": "dir 0755", "usr/bin/alias": "symlink tool", "usr/bin/tool": "file 0644 1310ca2c",
	}
	if diff := cmp.Diff(want, kittest.Tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	program, err := os.ReadFile(filepath.Join(dir, "usr/bin/alias"))
	if string(program) != "program" || err != nil {
		t.Errorf("the alias has %q, %v", program, err)
	}
}

// TestUnpackRefuses has packages that must not reach the folder.
func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	a := debtest.NewArchive(t)
	locked := published(t, a, map[string]string{"/usr/bin/tool": "program"})
	other, gone := locked, locked
	other.SHA256, gone.Path = strings.Repeat("0", 64), "pool/gone.deb"
	for _, test := range []struct {
		name   string
		locked deb.Locked
		gone   bool
	}{{"another hash", other, false}, {"gone", gone, true}} {
		dir := t.TempDir()
		client := fetch.New(t.TempDir(), fetch.WithBackoff(time.Microsecond))
		mirrors := deb.Mirrors{deb.Main: {a.URL}}
		err := deb.Unpack(t.Context(), client, mirrors, []deb.Locked{test.locked}, dir, unpack.Options{})
		if err == nil || errors.Is(err, fetch.ErrGone) != test.gone {
			t.Errorf("%s: %v", test.name, err)
		}
		if tree := kittest.Tree(t, dir); len(tree) > 0 {
			t.Errorf("%s: there is %v", test.name, tree)
		}
	}
	mirrors := deb.Mirrors{deb.Main: {a.URL}}
	twice := []deb.Locked{locked, locked}
	if err := deb.Unpack(t.Context(), fetch.New(t.TempDir()), mirrors, twice, t.TempDir(), unpack.Options{}); err == nil {
		t.Error("a file of two packages is no error")
	}
}

// TestUnpackStaysInside follows a link of one package, which leads out of the folder, with a file of another.
func TestUnpackStaysInside(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	a, b := debtest.NewArchive(t), debtest.NewArchive(t)
	link := published(t, a, map[string]string{"/usr/lib": "-> " + outside})
	through := published(t, b, map[string]string{"/usr/lib/x": "escaped"})
	dir := t.TempDir()
	for i, p := range []deb.Locked{link, through} {
		mirrors := deb.Mirrors{deb.Main: {[]string{a.URL, b.URL}[i]}}
		err := deb.Unpack(t.Context(), fetch.New(t.TempDir()), mirrors, []deb.Locked{p}, dir, unpack.Options{})
		if (err != nil) != (i == 1) {
			t.Errorf("package %d: %v", i, err)
		}
	}
	if tree := kittest.Tree(t, outside); len(tree) > 0 {
		t.Errorf("outside is %v", tree)
	}
}

// TestUnpackWithoutMirror says what to set, before anything is fetched.
func TestUnpackWithoutMirror(t *testing.T) {
	t.Parallel()
	packages := []deb.Locked{{Purl: "pkg:deb/debian/tool@2", Archive: deb.Security, Path: "pool/x.deb"}}
	mirrors := deb.Mirrors{deb.Main: {"http://127.0.0.1:1"}}
	err := deb.Unpack(t.Context(), fetch.New(t.TempDir()), mirrors, packages, t.TempDir(), unpack.Options{})
	f, is := errors.AsType[fault.Fault](err)
	if !is || f.ID != "deb-mirror-unset" || !strings.Contains(f.Error(), "STRATA_DEBIAN_SECURITY_MIRROR") {
		t.Errorf("got %v", err)
	}
	mirrors[deb.Snapshot] = []string{"http://127.0.0.1:1"} // has the files of both archives
	if err := mirrors.Known(packages); err != nil {
		t.Error(err)
	}
}

func TestReadMirrors(t *testing.T) {
	t.Parallel()
	env := map[string]string{deb.Variables[deb.Main]: "http://a.example.test/debian/  https://b.example.test", deb.Variables[deb.Snapshot]: ""}
	got, err := deb.ReadMirrors(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(deb.Mirrors{deb.Main: {"http://a.example.test/debian", "https://b.example.test"}}, got); diff != "" {
		t.Error(diff)
	}
	got[deb.Snapshot] = []string{"http://old.example.test"}
	want := fetch.Artifact{Name: "pkg:deb/debian/x@1", Sum: "sha256:00", Size: 5, URLs: []string{
		"http://a.example.test/debian/pool/x.deb", "https://b.example.test/pool/x.deb", "http://old.example.test/pool/x.deb",
	}}
	locked := deb.Locked{Purl: "pkg:deb/debian/x@1", SHA256: "00", Size: 5, Archive: deb.Main, Path: "pool/x.deb"}
	if diff := cmp.Diff(want, got.Artifact(locked)); diff != "" {
		t.Error(diff)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	packages := []deb.Locked{{SHA256: "aa", Size: 1_000_000}, {SHA256: "bb", Size: 600_000}}
	first := deb.Digest("1", packages)
	for name, other := range map[string]string{
		"recipe": deb.Digest("2", packages), "package": deb.Digest("1", packages[:1]),
		"order": deb.Digest("1", []deb.Locked{packages[1], packages[0]}),
	} {
		if other == first || len(other) != 16 {
			t.Errorf("another %s has the digest %s, and so have the first packages", name, other)
		}
	}
	if got, want := deb.Title("Rust 1.96.0", packages), "Rust 1.96.0: 2 packages of Debian, 2 MB"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
}
