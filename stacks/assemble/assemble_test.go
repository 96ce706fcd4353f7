package assemble

import (
	"archive/tar"
	"errors"
	"io"
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
		"slices/lib.toml": "files = [\"/usr/lib/{triplet}/*.so.1\", \"/usr/share/lib/**\", \"!/usr/share/lib/big\"]\n" +
			"[arch]\n  amd64 = [\"/usr/lib/only-amd64\"]\n  arm64 = [\"/usr/lib/only-arm64\"]",
	}
}

const dep5 = "Format: copyright-format/1.0\n\nFiles: *\nLicense: GPL-2+ or Artistic\n\nFiles: x\nLicense: Expat\n"

func debs() []debtest.Deb {
	return []debtest.Deb{
		{Name: "base-files", Version: "13", Files: map[string]string{
			"/bin": "-> usr/bin", "/tmp/": "", "/usr/bin/": "", "/etc/debian_version": "13\n",
		}},
		{Name: "certs", Version: "1", Files: map[string]string{
			"/usr/share/certs/b.crt": "B", "/usr/share/certs/a.crt": "A\n\n", "/etc/certs.conf": "conf\n",
		}},
		{Name: "lib", Version: "1.0-1", Files: map[string]string{"/usr/lib/x86_64-linux-gnu/lib.so.1": "ELF", "/usr/lib/only-amd64": "x",
			"/usr/share/lib/small": "s", "/usr/share/lib/big": "b", "/usr/share/doc/lib/changelog": "long", "/usr/share/doc/lib/copyright": dep5}},
		{Name: "tool", Version: "2", Depends: "lib (>= 1), debconf | debconf-2.0", Files: map[string]string{
			"/usr/bin/tool": "t", "/usr/share/doc/tool": "-> lib",
		}},
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
			// Every run makes new keys, so their fingerprints and what they sign are new, too.
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
