package builderimage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestOpen unpacks a builder once, with the places on which phases mount something. It is on the disk before it has its name.
func TestOpen(t *testing.T) { // not parallel: it watches package whole
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	platformtest.Put(t, h.Store, "builder", platformtest.Builder(t, map[string]string{"bin/sh": "sh"}))
	root := h.Builder(platformtest.DigestIn(t, h.Store, "builder"))
	var synced []string
	whole.Watch = func(c whole.Change) {
		_, err := os.Stat(root)
		synced = append(synced, fmt.Sprintf("%s, it has its name: %t", filepath.Base(c.Path), err == nil))
	}
	b, err := builderimage.Open(t.Context(), h, "builder")
	whole.Watch = nil
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"root, it has its name: false", "root, it has its name: true", "builders, it has its name: true"}
	if !slices.Equal(synced, want) {
		t.Errorf("synced are %q, want %q", synced, want)
	}
	if b.UID != 1001 || b.GID != 1000 || b.Digest != platformtest.DigestIn(t, h.Store, "builder") || b.Root != h.Builder(b.Digest) {
		t.Errorf("opened %+v", b)
	}
	for _, path := range []string{"bin/sh", "workspace", "cache/tools", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"} {
		if _, err := os.Stat(filepath.Join(b.Root, path)); err != nil {
			t.Error(err)
		}
	}
	mark := filepath.Join(b.Root, "mark")
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := builderimage.Open(t.Context(), h, "builder"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("it was unpacked again: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	platformtest.Put(t, h.Store, "without", platformtest.Builder(t, map[string]string{"cnb/run.toml": ""}))
	for file, name := range map[string]string{"builder-missing.txt": "missing", "builder-without-run-image.txt": "without"} {
		_, err := builderimage.Open(t.Context(), h, name)
		kittest.Golden(t, file, platformtest.Fault(t, err, h.Store.Dir(), "<store>"))
	}
}

// TestRunImages reads what --run-image may say.
func TestRunImages(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"acme/one:13", "acme/two:13"}
	platformtest.Put(t, h.Store, all[0], platformtest.Run{}.Image(t))
	platformtest.Put(t, h.Store, all[1], platformtest.Run{Variant: "glibc"}.Image(t))
	run := "[[images]]\nimage = \"acme/one:13\"\n[[images]]\nimage = \"acme/two:13\"\n"
	platformtest.Put(t, h.Store, "builder", platformtest.Builder(t, map[string]string{"cnb/run.toml": run}))
	b, err := builderimage.Open(t.Context(), h, "builder")
	if err != nil {
		t.Fatal(err)
	}
	for wanted, want := range map[string][]string{
		"auto": all, "": all, "static": all[:1], "glibc": all[1:], "other:1": {"other:1"}, "team/other": {"team/other"},
	} {
		if got, err := b.RunImages(h.Store, wanted); err != nil || !slices.Equal(got, want) {
			t.Errorf("--run-image %s: got %v (%v), want %v", wanted, got, err, want)
		}
	}
	_, err = b.RunImages(h.Store, "musl")
	kittest.Golden(t, "run-image-unknown.txt", platformtest.Fault(t, err))
}

// TestNamesForApps refuses the names that an app would take from the builder.
func TestNamesForApps(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run := "[[images]]\nimage = \"acme/one:13\"\n[[images]]\nimage = \"acme/two\"\n"
	image := platformtest.Builder(t, map[string]string{"cnb/run.toml": run})
	platformtest.Put(t, h.Store, "acme/builder", image)
	platformtest.Put(t, h.Store, "acme/build:13", platformtest.Run{}.Image(t))
	for _, named := range []string{"acme/builder", "docker.io/acme/builder@" + platformtest.Digest(t, image).String()} {
		b, err := builderimage.Open(t.Context(), h, named)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]bool{
			"acme/builder": true, "docker.io/acme/builder:latest": true, "acme/build:13": true,
			"acme/one:13": true, "index.docker.io/acme/one:13": true, "acme/one-debug:13": true, "acme/two:latest": true,
			"acme/builder:2": false, "acme/one": false, "registry.example.com/acme/one:13": false, "acme/build": false, "one:13": false,
		} {
			if err := b.CheckApp(h.Store, platformtest.Parse(t, text)); (err != nil) != want {
				t.Errorf("the app %s, built with %s: %v", text, named, err)
			}
		}
	}
}

// TestAppAsBuilder opens no app.
func TestAppAsBuilder(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run := platformtest.Run{}.Image(t)
	platformtest.Put(t, h.Store, "acme/builder", platformtest.App(t, run, platformtest.RunName, "app", nil))
	_, err = builderimage.Open(t.Context(), h, "acme/builder")
	kittest.Golden(t, "builder-is-app.txt", platformtest.Fault(t, err))
}
