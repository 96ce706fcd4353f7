package rust

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/rust/cargo"
)

// TestDate gives files the time of the build in which they changed last, whatever times the platform gave them.
func TestDate(t *testing.T) {
	t.Parallel()
	app, file := t.TempDir(), filepath.Join(t.TempDir(), "times.json")
	kittest.Write(t, app, map[string]string{"src/main.rs": "a", "src/lib.rs": "b", "build.rs": "c"})
	if err := os.Symlink("src", filepath.Join(app, "link")); err != nil {
		t.Fatal(err)
	}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	build := func(n int) {
		t.Helper()
		s, err := readSource(app)
		if err == nil {
			err = s.date(app, file, start.Add(time.Duration(n)*time.Hour))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(times map[string]int) {
		t.Helper()
		for name, n := range times {
			info, err := os.Stat(filepath.Join(app, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.ModTime().Sub(start); got != time.Duration(n)*time.Hour {
				t.Errorf("%s is of hour %v, want %d", name, got.Hours(), n)
			}
		}
	}
	build(1)
	want(map[string]int{".": 1, "src": 1, "src/main.rs": 1, "src/lib.rs": 1, "build.rs": 1})
	kittest.Write(t, app, map[string]string{"src/main.rs": "changed"}) // and an old time, as of an archive
	if err := os.Chtimes(filepath.Join(app, "src/main.rs"), start.Add(-time.Hour), start.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	build(2)
	want(map[string]int{".": 1, "src": 1, "src/main.rs": 2, "src/lib.rs": 1, "build.rs": 1})
	kittest.Write(t, app, map[string]string{"src/main.rs": "a", "src/new.rs": ""}) // as before, and another file
	build(3)
	want(map[string]int{".": 1, "src": 3, "src/main.rs": 3, "src/lib.rs": 1, "src/new.rs": 3})
	if err := os.WriteFile(file, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	build(4)
	want(map[string]int{".": 4, "src/lib.rs": 4})
	build(2) // the clock goes back
	want(map[string]int{"src/lib.rs": 2})
	build(5)
	want(map[string]int{"src/lib.rs": 2})
	if err := os.Remove(filepath.Join(app, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("build.rs", filepath.Join(app, "link")); err != nil {
		t.Fatal(err)
	}
	build(6)
	want(map[string]int{"link": 6, "build.rs": 6, "src/lib.rs": 6})
}

// TestLater has a time after that of the newest unit, if the clock went back.
func TestLater(t *testing.T) {
	t.Parallel()
	target, start := t.TempDir(), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, name := range []string{"x86_64-unknown-linux-gnu/release/.fingerprint/a-1/dep-a", "release/.fingerprint/b-1/invoked.timestamp"} {
		kittest.Write(t, target, map[string]string{name: ""})
		at := start.Add(time.Duration(i+1) * time.Hour)
		if err := os.Chtimes(filepath.Join(target, name), at, at); err != nil {
			t.Fatal(err)
		}
		for now, want := range map[time.Time]time.Time{start: at.Add(time.Second), at: at.Add(time.Second), at.Add(1): at.Add(1)} {
			if got, err := later(target, now); err != nil || !got.Equal(want) {
				t.Errorf("at %v it is %v, %v, want %v", now, got, err, want)
			}
		}
	}
}

// TestTarget reads a folder of the name that cargo's has, unless cargo made it.
func TestTarget(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	hash := func(content string) string {
		t.Helper()
		kittest.Write(t, app, map[string]string{"target/mod.rs": content})
		s, err := readSource(app)
		if err != nil {
			t.Fatal(err)
		}
		return s.hash()
	}
	if hash("a") == hash("b") {
		t.Error("a changed file of the app is not seen")
	}
	kittest.Write(t, app, map[string]string{"target/.rustc_info.json": "{}"})
	if hash("a") != hash("b") {
		t.Error("what cargo made counts as source")
	}
}

// TestSweep keeps what this build and the last one have used.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := &builder{target: t.TempDir(), home: t.TempDir()}
	hash := func(n string) string { return "00000000000000" + n }
	unit := func(n string) cargo.Unit {
		return cargo.Unit{Files: []string{filepath.Join(b.target, "triple/release/deps/liba-"+hash(n)+".rlib")},
			OutDir: filepath.Join(b.target, "triple/release/build/a-"+hash(n)+"/out")}
	}
	crate := func(version string) {
		b.project.Locked = []cargo.Locked{{Name: "a", Version: version}}
		kittest.Write(t, b.home, map[string]string{
			"registry/cache/index-1/a-" + version + ".crate": "", "registry/src/index-1/a-" + version + "/lib.rs": "",
			"registry/index/index-1/.cache/a": "",
		})
	}
	build := func(n, program string) {
		t.Helper()
		release := filepath.Join(b.target, "triple/release")
		kittest.Write(t, release, map[string]string{
			"deps/liba-" + hash(n) + ".rlib": n, ".fingerprint/a-" + hash(n) + "/x": n, "build/a-" + hash(n) + "/out/x": n, "deps/liba.d": "",
			"deps/web-" + hash(program): program,
		})
		if err := os.RemoveAll(filepath.Join(release, "web")); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(release, "deps/web-"+hash(program)), filepath.Join(release, "web")); err != nil {
			t.Fatal(err)
		}
		crate("1.0." + n)
		if err := b.sweep(cargo.Made{unit(n), {Executable: filepath.Join(release, "web")}}); err != nil {
			t.Fatal(err)
		}
	}
	count := func(pattern string, want int) {
		t.Helper()
		for _, root := range []string{b.target, b.home} {
			found, err := filepath.Glob(filepath.Join(root, pattern))
			if err != nil || len(found) > 0 && len(found) != want {
				t.Errorf("%s: %v, want %d; %v", pattern, found, want, err)
			}
			want -= len(found)
		}
		if want > 0 {
			t.Errorf("%s: %d are missing", pattern, want)
		}
	}
	build("01", "11")
	build("02", "12")
	count("triple/release/deps/*.rlib", 2)
	count("triple/release/deps/web-*", 2)
	count("registry/src/index-1/*", 2)
	build("03", "12")
	for _, pattern := range []string{
		"triple/release/deps/*.rlib", "triple/release/.fingerprint/*", "triple/release/build/*", "registry/cache/index-1/*",
		"registry/src/index-1/*",
	} {
		count(pattern, 2)
	}
	count("triple/release/deps/web-*", 1)
	count("triple/release/deps/liba-"+hash("01")+".rlib", 0)
	count("triple/release/deps/liba.d", 1)
	count("registry/index/index-1/.cache/a", 1)
}
