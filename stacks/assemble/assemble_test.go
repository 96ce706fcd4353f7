package assemble

import (
	"archive/tar"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/debtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// The tests are in the package itself because the archive they publish is signed by a key of their own, which no
// option lets a user do.

const (
	lowStack = `image = "strata/low:13"
description = "low"
codename = "trixie"
version = "13"
distro = "strata-low"
id = "io.strata.stacks.low"
user = "1002:1000"
workdir = "/"
[env]
  PATH = "/usr/bin"
[[layer]]
  name = "one"
  comment = "Low: one"
  packages = ["certs", "base-files"]
  [[layer.bundle]]
    path = "/etc/bundle"
    package = "certs"
    from = "/usr/share/certs/*.crt"
  [[layer.dir]]
    path = "/tmp"
    mode = 0o1777
  [[layer.text]]
    path = "/etc/passwd"
    text = "root:x:0:0::/root:\n"
`
	highStack = `image = "strata/high:13"
description = "high"
base = "low"
codename = "trixie"
version = "13"
user = "1002:1000"
[[layer]]
  name = "two"
  comment = "High: two"
  packages = ["lib"]
  [[layer.link]]
    path = "/usr/lib/lib.so"
    target = "lib.so.1"
`
	wholeStack = `image = "strata/whole:13"
description = "whole"
codename = "trixie"
version = "13"
user = "1001:1000"
whole = true
[env]
  PATH = "/usr/bin"
  CNB_USER_ID = "1001"
[[layer]]
  name = "base"
  comment = "Whole: base"
  packages = ["base-files"]
[[layer]]
  name = "tools"
  comment = "Whole: tools"
  packages = ["tool"]
  omit = ["debconf"]
`
)

func stackFiles() map[string]string {
	return map[string]string{
		"low/stack.toml": lowStack, "high/stack.toml": highStack, "whole/stack.toml": wholeStack,
		"slices/base-files.toml": `files = ["/bin", "/tmp"]`,
		"slices/certs.toml":      `files = ["/etc/certs.conf"]`,
		"slices/lib.toml":        "files = [\"/usr/lib/{triplet}/*.so.1\", \"/usr/share/lib/**\", \"!/usr/share/lib/big\"]\n[arch]\n  amd64 = [\"/usr/lib/only-amd64\"]\n  arm64 = [\"/usr/lib/only-arm64\"]",
	}
}

const dep5 = "Format: copyright-format/1.0\n\nFiles: *\nLicense: GPL-2+ or Artistic\n\nFiles: x\nLicense: Expat\n"

func debs() []debtest.Deb {
	return []debtest.Deb{
		{Name: "base-files", Version: "13", Files: map[string]string{"/bin": "-> usr/bin", "/tmp/": "", "/usr/bin/": "", "/etc/debian_version": "13\n"}},
		{Name: "certs", Version: "1", Files: map[string]string{"/usr/share/certs/b.crt": "B", "/usr/share/certs/a.crt": "A\n\n", "/etc/certs.conf": "conf\n"}},
		{Name: "lib", Version: "1.0-1", Files: map[string]string{"/usr/lib/x86_64-linux-gnu/lib.so.1": "ELF", "/usr/lib/only-amd64": "x",
			"/usr/share/lib/small": "s", "/usr/share/lib/big": "b", "/usr/share/doc/lib/changelog": "long", "/usr/share/doc/lib/copyright": dep5}},
		{Name: "tool", Version: "2", Depends: "lib (>= 1), debconf | debconf-2.0", Files: map[string]string{"/usr/bin/tool": "t", "/usr/share/doc/tool": "-> lib"}},
		{Name: "debconf", Version: "1"},
	}
}

// setup publishes the packages and returns options for a fresh copy of the stacks and an empty cache.
func setup(t *testing.T) (*debtest.Archive, Options) {
	t.Helper()
	a := debtest.NewArchive(t)
	a.Publish(t, debtest.Born, debs()...)
	return a, options(t, a)
}

func options(t *testing.T, a *debtest.Archive) Options {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, stackFiles())
	env := map[string]string{"STRATA_DEBIAN_MIRROR": a.URL, "STRATA_DEBIAN_SECURITY_MIRROR": a.URL + "-security"}
	return Options{Dir: dir, Names: []string{"low", "high", "whole"}, Cache: t.TempDir(), Etc: t.TempDir(), Now: debtest.Born.Add(time.Hour),
		Getenv: func(k string) string { return env[k] }, keys: openpgp.EntityList{a.Key}}
}

func locked(t *testing.T) (*debtest.Archive, Options) {
	t.Helper()
	a, o := setup(t)
	if _, err := Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	a.Asked()
	return a, o
}

func digests(t *testing.T, images []Image) []string {
	t.Helper()
	var out []string
	for _, i := range images {
		d, err := i.Image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, i.Name+" "+d.String())
	}
	return out
}

// list returns what tar -t would show of an image, each line with its layer's number.
func list(t *testing.T, img v1.Image) string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, l := range layers {
		b.WriteString("layer\n")
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for tr := tar.NewReader(r); ; {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("  " + h.FileInfo().Mode().String() + " " + h.Name)
			if h.Linkname != "" {
				b.WriteString(" -> " + h.Linkname)
			}
			if h.Typeflag == tar.TypeReg {
				b.WriteString(" " + strings.ReplaceAll(string(body), "\n", "⏎"))
			}
			b.WriteString("\n")
		}
		r.Close()
	}
	return b.String()
}

func TestUpdateAndBuild(t *testing.T) {
	t.Parallel()
	_, o := locked(t)
	images, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range o.Names {
		for _, file := range []string{"lock-amd64.toml", "contents-amd64.txt"} {
			b, err := os.ReadFile(filepath.Join(o.Dir, name, file))
			if err != nil {
				t.Fatal(err)
			}
			// Keys are made anew for every run, and so are what they sign and their fingerprints.
			kittest.Golden(t, name+"-"+file, unsign(string(b)))
		}
	}
	for _, i := range images {
		if err := validate.Image(i.Image); err != nil {
			t.Errorf("image %s: %v", i.Name, err)
		}
		config, err := i.Image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		kittest.Golden(t, i.Name+"-config.json", string(config)+"\n")
		kittest.Golden(t, i.Name+"-files.txt", list(t, i.Image))
		bills(t, i)
		b, err := os.ReadFile(filepath.Join(o.Dir, i.Name, "digests-amd64.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if want := "image " + strings.Fields(digests(t, []Image{i})[0])[1] + " " + i.Ref + "\n"; !strings.Contains(string(b), want) {
			t.Errorf("digests of %s are %s, want in it %s", i.Name, b, want)
		}
	}
	low, high := images[0].Layers, images[1].Layers
	if diff := cmp.Diff(low, high[:len(low)]); diff != "" {
		t.Errorf("high does not begin with the layers of low:\n%s", diff)
	}
}

// bills compares the bills of materials of an image with golden files.
func bills(t *testing.T, i Image) {
	t.Helper()
	cdx, err := i.SBOM.CycloneDX()
	if err != nil {
		t.Fatal(err)
	}
	spdx, err := i.SBOM.SPDX()
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, i.Name+".cdx.json", string(cdx))
	kittest.Golden(t, i.Name+".spdx.json", string(spdx))
}

func unsign(lock string) string {
	var out []string
	suite := false
	for line := range strings.Lines(lock) {
		if strings.HasPrefix(line, "[[") {
			suite = line == "[[suite]]\n"
		}
		if suite && (strings.HasPrefix(line, "sha256") || strings.HasPrefix(line, "signers")) {
			line, _, _ = strings.Cut(line, "=")
			line += "= …\n"
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

// TestBuildAnywhere is not parallel: the umask belongs to the process.
func TestBuildAnywhere(t *testing.T) {
	a, o := locked(t)
	first, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	other := options(t, a)
	if err := os.CopyFS(filepath.Join(other.Dir, "copy"), os.DirFS(o.Dir)); err != nil {
		t.Fatal(err)
	}
	other.Dir = filepath.Join(other.Dir, "copy")
	old := syscall.Umask(0o077)
	second, err := Build(t.Context(), other)
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(digests(t, first), digests(t, second)); diff != "" {
		t.Error(diff)
	}
}

// TestBuildBoth builds for two architectures at a time: the images are those that builds of one give, nothing is
// downloaded twice, and how much it will be is told before the first byte comes.
func TestBuildBoth(t *testing.T) {
	t.Parallel()
	a, o := setup(t)
	a.Publish(t, debtest.Born, both()...)
	o.Archs = []string{"amd64", "arm64"}
	if _, err := Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	apart := map[string][]string{}
	for _, arch := range o.Archs {
		one := o
		one.Archs, one.Cache = []string{arch}, t.TempDir()
		images, err := Build(t.Context(), one)
		if err != nil {
			t.Fatal(err)
		}
		apart[arch] = digests(t, images)
	}
	var want []string
	for i := range o.Names {
		want = append(want, apart["amd64"][i], apart["arm64"][i])
	}

	var mu sync.Mutex
	expected, started := map[string]int64{}, false
	o.Progress = func(name string, done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if done == 0 && !started {
			expected[name] = total
			return
		}
		if started = true; expected[name] != total {
			t.Errorf("%s has %d bytes, %d were expected", name, total, expected[name])
		}
	}
	o.Cache = t.TempDir()
	a.Asked()
	images, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, digests(t, images)); diff != "" {
		t.Error(diff)
	}
	asked := a.Asked()
	slices.Sort(asked)
	// base-files, lib and tool of each architecture, certs once, and no debconf.
	if len(slices.Compact(slices.Clone(asked))) != 7 || len(asked) != 7 || len(expected) != 7 {
		t.Errorf("asked for %q, expected %v", asked, expected)
	}
}

// TestBuildWarm needs no mirror at all, not even a configured one.
func TestBuildWarm(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	o.Getenv = func(string) string { return "" }
	if _, err := Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if asked := a.Asked(); len(asked) > 0 {
		t.Errorf("the mirror was asked for %v", asked)
	}
	o.Cache = t.TempDir()
	_, err := Build(t.Context(), o)
	var f fault.Fault
	if !errors.As(err, &f) || f.ID != "mirror-missing" {
		t.Errorf("got %v", err)
	}
}

// point publishes a point release: lib has a new version, and the old file is no longer there.
func point(t *testing.T, a *debtest.Archive) {
	t.Helper()
	next := debs()
	next[2].Version = "1.0-1+deb13u1"
	a.Publish(t, debtest.Born.Add(time.Minute), next...)
}

func TestBuildDrift(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	point(t, a)
	o.Cache = t.TempDir()
	var log []string
	o.Names, o.Log = []string{"low", "high"}, func(s string) { log = append(log, s) }
	images, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []Drift{{Package: "lib", Locked: "1.0-1", Used: "1.0-1+deb13u1"}}
	if diff := cmp.Diff(want, images[1].Drift); diff != "" || len(images[0].Drift) > 0 {
		t.Errorf("low drifted by %v, high:\n%s", images[0].Drift, diff)
	}
	if diff := cmp.Diff([]string{"warning: the mirror no longer has lib 1.0-1: using 1.0-1+deb13u1, so the digest is not the locked one"}, log); diff != "" {
		t.Error(diff)
	}
	for i, want := range []string{"", "lib 1.0-1 -> 1.0-1+deb13u1"} {
		m, err := images[i].Image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Annotations["io.strata.drift"]; got != want {
			t.Errorf("the manifest of %s records the drift %q, want %q", images[i].Name, got, want)
		}
	}
	o.Locked = true
	_, err = Build(t.Context(), o)
	kittest.Golden(t, "error-lock-gone.txt", fmt.Sprintln(err))
}

// Differences compares an image with the committed digests of its stack. Of an image whose packages have drifted it
// compares the layers that have not: what a mirror drops is no fault of what is committed.
func Differences(t *testing.T, i Image, committed string) []string {
	t.Helper()
	digest, err := i.Image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	if len(i.Drift) == 0 {
		want = append(want, "image "+digest.String()+" "+i.Ref+"\n")
	}
	layers, err := i.Image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for n, l := range i.Layers {
		diff, err := layers[n].DiffID()
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Drift) == 0 {
			want = append(want, "layer "+l.Digest.String()+" "+diff.String()+" "+l.Name+"\n")
		}
	}
	return slices.DeleteFunc(want, func(line string) bool { return strings.Contains(committed, line) })
}

// Given builds the stacks that the mirror can still give. Of each other it returns why its newest packages do not fit:
// what somebody else has released is no fault of what is committed.
func Given(ctx context.Context, o Options) (images []Image, unfit map[string]error, err error) {
	images, err = Build(ctx, o)
	if f, ok := errors.AsType[fault.Fault](err); !ok || f.ID != "lock-drift" {
		return images, nil, err
	}
	if len(o.Names) == 1 {
		return nil, map[string]error{o.Names[0]: err}, nil
	}
	if o.Names, err = o.Stacks(); err != nil {
		return nil, nil, err
	}
	unfit = map[string]error{}
	for _, name := range o.Names {
		o.Names = []string{name}
		one, not, err := Given(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		images = append(images, one...)
		maps.Copy(unfit, not)
	}
	return images, unfit, nil
}

// shrink publishes a point release in which lib lacks a file that its slice takes.
func shrink(t *testing.T, a *debtest.Archive) {
	t.Helper()
	next := debs()
	next[2].Version = "1.0-1+deb13u1"
	delete(next[2].Files, "/usr/lib/only-amd64")
	a.Publish(t, debtest.Born.Add(time.Minute), next...)
}

// TestBuildUnfit builds from locks whose package is gone from the mirror and where nothing can replace it: the stacks
// that do without can be had, and the error of the others says what to do.
func TestBuildUnfit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		publish func(*testing.T, *debtest.Archive)
		want    []string
	}{
		{"drift", shrink, []string{"low", "whole"}},
		{"vanished", func(t *testing.T, a *debtest.Archive) {
			a.Publish(t, debtest.Born.Add(time.Minute), slices.Delete(debs(), 2, 3)...)
		}, []string{"low"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, o := locked(t)
			test.publish(t, a)
			o.Cache = t.TempDir()
			images, unfit, err := Given(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, i := range images {
				names = append(names, i.Name)
			}
			if diff := cmp.Diff(test.want, names); diff != "" || len(unfit) != len(o.Names)-len(names) {
				t.Fatalf("of the others %v; given:\n%s", unfit, diff)
			}
			kittest.Golden(t, "error-lock-"+test.name+".txt", fmt.Sprintln(unfit["high"]))
		})
	}
}

// TestDifferences checks what continuous integration says after a point release: that nothing is wrong, and still
// that something is if a layer of packages which have not moved is another one than committed.
func TestDifferences(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	point(t, a)
	o.Cache, o.Names = t.TempDir(), []string{"low", "high"}
	images, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if images[1].Drift == nil {
		t.Fatal("high has not drifted")
	}
	for _, i := range images {
		b, err := os.ReadFile(filepath.Join(o.Dir, i.Name, "digests-amd64.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := Differences(t, i, string(b)); len(diff) > 0 {
			t.Errorf("of %s the committed digests lack %q", i.Name, diff)
		}
		low := i.Layers[0].Digest.Hex
		if diff := Differences(t, i, strings.ReplaceAll(string(b), low, strings.Repeat("0", len(low)))); len(diff) != 1 {
			t.Errorf("another layer low/one of %s is not noticed: %q", i.Name, diff)
		}
	}
}

// snapshot configures an archive of old files at /old.
func snapshot(a *debtest.Archive, env func(string) string) func(string) string {
	return func(k string) string {
		if k == "STRATA_DEBIAN_SNAPSHOT_MIRROR" {
			return strings.TrimSuffix(a.URL, "/debian") + "/old"
		}
		return env(k)
	}
}

// TestBuildSnapshot checks that a file which the mirror has dropped is taken from an archive of old files, so that
// nothing drifts.
func TestBuildSnapshot(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	before, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const path = "pool/main/l/lib/lib_1.0-1_amd64.deb"
	old := a.Get("/debian/" + path)
	point(t, a)
	a.Set("/old/"+path, old)
	o.Getenv = snapshot(a, o.Getenv)
	o.Cache, o.Names, o.Locked = t.TempDir(), []string{"high"}, true
	after, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(digests(t, before[1:2]), digests(t, after)); diff != "" || after[0].Drift != nil {
		t.Errorf("drifted by %v, digests:\n%s", after[0].Drift, diff)
	}
}

// TestUpdate polls an archive with a security update, a package that is new and one that goes.
func TestUpdate(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	next := debs()
	next[2].Version, next[2].Security = "1.0-1+deb13u1", true
	next[3].Depends = "lib, debconf, more"
	next = append(next, debtest.Deb{Name: "more", Version: "3"})
	a.Publish(t, debtest.Born.Add(time.Minute), next...)
	edit("low/stack.toml", `["certs", "base-files"]`, `["certs", "base-files", "debconf"]`)(t, a, &o)
	kittest.Write(t, o.Dir, map[string]string{"slices/debconf.toml": "files = []"})
	want := Due{
		Changes: []Change{
			{Stack: "low", Arch: "amd64", Package: "debconf", New: "1"},
			{Stack: "high", Arch: "amd64", Package: "lib", Old: "1.0-1", New: "1.0-1+deb13u1", Security: true},
			{Stack: "whole", Arch: "amd64", Package: "lib", Old: "1.0-1", New: "1.0-1+deb13u1", Security: true},
			{Stack: "whole", Arch: "amd64", Package: "more", New: "3"},
		},
		Files: []string{
			"high/digests-amd64.txt", "high/lock-amd64.toml",
			"low/contents-amd64.txt", "low/digests-amd64.txt", "low/lock-amd64.toml",
			"whole/contents-amd64.txt", "whole/digests-amd64.txt", "whole/lock-amd64.toml",
		},
	}
	before := kittest.Tree(t, o.Dir)
	o.Check = true
	due, err := Update(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" {
		t.Errorf("--check wrote:\n%s", diff)
	}
	kittest.Golden(t, "error-stack-due.txt", fmt.Sprintln(due.Err()))
	o.Check = false
	if due, err = Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Error(diff)
	}
	if due, err = Update(t.Context(), o); err != nil || due.Files != nil || due.Changes != nil || due.Err() != nil {
		t.Errorf("after an update %v and %v are due, %v", due.Changes, due.Files, err)
	}
	// The archive takes both back.
	a.Publish(t, debtest.Born.Add(2*time.Minute), debs()...)
	due, err = Update(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Change{
		{Stack: "high", Arch: "amd64", Package: "lib", Old: "1.0-1+deb13u1", New: "1.0-1"},
		{Stack: "whole", Arch: "amd64", Package: "lib", Old: "1.0-1+deb13u1", New: "1.0-1"},
		{Stack: "whole", Arch: "amd64", Package: "more", Old: "3"},
	}, due.Changes); diff != "" {
		t.Error(diff)
	}
}

// TestUpdateOfNothing checks that an index which is signed anew changes no lock, and a slice nothing but what it must.
func TestUpdateOfNothing(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	a.Publish(t, debtest.Born.Add(time.Minute), debs()...)
	before := kittest.Tree(t, o.Dir)
	due, err := Update(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" || due.Files != nil {
		t.Errorf("due %v:\n%s", due.Files, diff)
	}
	edit("slices/lib.toml", `, "!/usr/share/lib/big"`, "")(t, a, &o)
	if due, err = Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := Due{Files: []string{"high/contents-amd64.txt", "high/digests-amd64.txt", "high/lock-amd64.toml"}}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Error(diff)
	}
	lock, err := loadLock(&Stack{Name: "high", dir: o.Dir}, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if !lock.Date.Equal(debtest.Born) {
		t.Errorf("the lock of the same packages is now of %s", lock.Date)
	}
}

func TestBuildDriftWhenStale(t *testing.T) {
	t.Parallel()
	a, o := locked(t)
	point(t, a)
	var log []string
	o.Names, o.Cache, o.Now, o.Log = []string{"high"}, t.TempDir(), debtest.Born.Add(30*24*time.Hour), func(s string) { log = append(log, s) }
	if _, err := Build(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(log, "warning: the mirror's index of trixie-security was valid until 9 January 2030: it may lack security updates") {
		t.Errorf("log: %q", log)
	}
}

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
		{name: "inrelease-expired", relock: true, after: func(_ *testing.T, _ *debtest.Archive, o *Options) { o.Now = debtest.Born.Add(30 * 24 * time.Hour) }},
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

// both returns the packages for amd64 and for arm64; certs is one package for both.
func both() []debtest.Deb {
	out := debs()
	for _, d := range debs() {
		d.Arch = "arm64"
		for _, path := range slices.Collect(maps.Keys(d.Files)) {
			body := d.Files[path]
			delete(d.Files, path)
			d.Files[strings.NewReplacer("x86_64", "aarch64", "amd64", "arm64").Replace(path)] = body
		}
		out = append(out, d)
	}
	out[1].Arch = "all"
	return slices.Delete(out, 6, 7)
}

// TestUpdateIsAllOrNothing checks that a stack that cannot be made leaves the locks of all as they are, also if it
// can be made for the other architecture.
func TestUpdateIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		arch string
		lib  int
	}{{"amd64", 2}, {"arm64", 6}} {
		t.Run(test.arch, func(t *testing.T) {
			t.Parallel()
			a, o := setup(t)
			a.Publish(t, debtest.Born, both()...)
			o.Archs = []string{"amd64", "arm64"}
			if _, err := Update(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			next := both()
			next[2].Version, next[6].Version = "1.0-1+deb13u1", "1.0-1+deb13u1"
			delete(next[test.lib].Files, "/usr/lib/only-"+test.arch)
			a.Publish(t, debtest.Born.Add(time.Minute), next...)
			before := kittest.Tree(t, o.Dir)
			_, err := Update(t.Context(), o)
			kittest.Golden(t, "error-update-"+test.arch+".txt", fmt.Sprintln(err))
			if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestUpdateCannotWrite lets writing fail at the last moment, before any file has its new content and after some have.
func TestUpdateCannotWrite(t *testing.T) {
	t.Parallel()
	a, o := setup(t)
	a.Publish(t, debtest.Born, both()...)
	o.Archs = []string{"amd64", "arm64"}
	// A folder where a lock is to be written aside.
	kittest.Write(t, o.Dir, map[string]string{"whole/lock-arm64.toml.new/in the way": ""})
	before := kittest.Tree(t, o.Dir)
	_, err := Update(t.Context(), o)
	if f, ok := errors.AsType[fault.Fault](err); !ok || f.ID != "lock-write" {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, o.Dir)); diff != "" {
		t.Error(diff)
	}

	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"a": "old", "c/in the way": ""})
	before = kittest.Tree(t, dir)
	var files []file
	for name, old := range map[string][]byte{"a": []byte("old"), "b": nil, "c": nil} {
		files = append(files, file{filepath.Join(dir, name), old, []byte("new")})
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	err = replaceAll(files)
	kittest.Golden(t, "error-lock-write.txt", strings.ReplaceAll(fmt.Sprintln(err), dir, "DIR"))
	if diff := cmp.Diff(before, kittest.Tree(t, dir)); diff != "" {
		t.Error(diff)
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
