package linkage_test

import (
	"debug/elf"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// library is a shared library that needs others.
func library(needed ...string) string { return elftest.Program(elf.EM_X86_64, "", needed...) }

// triplet is the folder of libraries in a package.
const triplet = "usr/lib/x86_64-linux-gnu/"

// chosen writes the cache of a build that has chosen packages before for names, and returns the environment of one that has no network.
// Files have the content that is given, and those of libraries the package that of names.
func chosen(t *testing.T, version, names string, files, links, of map[string]string) config.Environment {
	t.Helper()
	cache := t.TempDir()
	var packages debian.Packages
	purls, all := map[string]string{}, map[string]bool{"pkgconf": true}
	for path, name := range of {
		purls[path] = "pkg:deb/debian/" + name + "@" + version
		all[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		packages.Locked = append(packages.Locked, deb.Locked{
			Name: name, Version: version, Purl: "pkg:deb/debian/" + name + "@" + version, SHA256: name + version, Archive: deb.Main,
		})
	}
	root := filepath.Join(cache, "debian", "amd64", "packages", "debian-"+packages.Key())
	kittest.Write(t, root, files)
	for path, to := range links {
		if err := os.Symlink(to, filepath.Join(root, path)); err != nil {
			t.Fatal(err)
		}
	}
	encode := func(name string, value any) {
		data, err := json.Marshal(value)
		if err == nil {
			err = os.WriteFile(name, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	encode(filepath.Join(root, "libraries.json"), purls)
	encode(filepath.Join(cache, "debian", "amd64", "chosen.json"), map[string]any{
		"asked": strings.Split(names, ","), "arch": "amd64", "recipe": "4", "packages": packages.Locked,
	})
	return config.Environment{
		"BP_CACHE_DIR": cache, "BP_DEBIAN_PACKAGES": names,
		"STRATA_DEBIAN_MIRROR": "http://nowhere.invalid", "STRATA_DEBIAN_SECURITY_MIRROR": "http://nowhere.invalid",
	}
}

// closure is what a build has chosen that names libpq-dev.
func closure(t *testing.T, version string) config.Environment {
	t.Helper()
	return chosen(t, version, "libpq-dev", map[string]string{
		triplet + "libpq.so.5.17":                library("libldap.so.2", "libexpat.so.1", "libc.so.6"),
		triplet + "libldap.so.2":                 library("libssl.so.3"),
		triplet + "libexpat.so.1":                library("libc.so.6"),
		triplet + "unused/libpq.so.5":            library("libnowhere.so.1"),
		"usr/share/doc/libpq5/copyright":         "Format: copyright-format/1.0\n\nFiles: *\nLicense: MIT\n",
		"usr/share/doc/libldap2/copyright":       "nobody's\n",
		"usr/include/postgresql/pq.h":            "",
		triplet + "pkgconfig/libpq.pc":           "",
		"usr/lib/debug/.build-id/01/02.debug":    "",
		"usr/share/doc/libexpat1/changelog.html": "",
	}, map[string]string{triplet + "libpq.so.5": "libpq.so.5.17"}, map[string]string{
		triplet + "libpq.so.5": "libpq5", triplet + "libpq.so.5.17": "libpq5",
		triplet + "libldap.so.2": "libldap2", triplet + "libexpat.so.1": "libexpat1", triplet + "unused/libpq.so.5": "pkgconf",
	})
}

// TestBundle has the libraries that a layer lacks, those that these need, and nothing else, and the same again when that layer has no
// folder any more. Without the packages the second build ends.
func TestBundle(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	layers, other := filepath.Join(root, "layers", "strata_linkage"), filepath.Join(root, "layers", "strata_other")
	kittest.Write(t, layers, nil)
	kittest.Write(t, other, map[string]string{
		"modules/addon.node": library("libpq.so.5", "libc.so.6"), "modules.toml": "[types]\nlaunch = true\n",
		"runtime/lib/libexpat.so.1": library("libc.so.6"), "runtime.toml": "[types]\nlaunch = true\n",
		"launch.toml": "[[processes]]\ntype = \"web\"\ncommand = [\"/cnb/lifecycle/launcher\"]\n",
	})
	c := kittest.Case{Layers: layers, Distro: "strata-glibc", Arch: "amd64", Env: closure(t, "17.6")}
	first := kittest.Build(t, c)
	if first.Code != 0 {
		t.Fatal(first.Log())
	}
	kittest.Golden(t, "bundle.txt", strings.ReplaceAll(first.Log(), root, "<root>"))
	want := map[string]string{"lib/": "dir 0755", "lib/libldap.so.2": "", "lib/libpq.so.5": ""}
	bundled := func() map[string]string {
		found := kittest.Tree(t, filepath.Join(layers, "libraries"))
		for name := range found {
			if !strings.HasSuffix(name, "/") {
				found[name] = ""
			}
		}
		return found
	}
	if diff := cmp.Diff(want, bundled()); diff != "" {
		t.Errorf("the layer (-want +got):\n%s", diff)
	}
	bill, err := os.ReadFile(filepath.Join(layers, "libraries.sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "bundle.cdx.json", string(bill))

	// The other buildpack reuses both layers, of which the second tells what is in it.
	for _, name := range []string{"modules", "runtime"} {
		if err := os.RemoveAll(filepath.Join(other, name)); err != nil {
			t.Fatal(err)
		}
	}
	kittest.Write(t, other, map[string]string{
		"runtime.toml": "[types]\nlaunch = true\n[metadata.contents]\nknown = true\nlibraries = [\"libexpat.so.1\"]\n",
	})
	c.AppDir = first.AppDir
	again := kittest.Rebuild(t, first, c)
	if again.Code != 0 || !strings.Contains(again.Log(), "Layer libraries: reused") {
		t.Errorf("nothing changed, code %d:\n%s", again.Code, again.Log())
	}
	c.Env = closure(t, "17.7")
	newer := kittest.Rebuild(t, again, c)
	if diff := cmp.Diff(want, bundled()); newer.Code != 0 || diff != "" || strings.Contains(newer.Log(), "reused") {
		t.Errorf("with newer packages, code %d (-want +got):\n%s\n%s", newer.Code, diff, newer.Log())
	}
	c.Env = config.Environment{}
	without := kittest.Rebuild(t, newer, c)
	if without.Code != 1 || !strings.Contains(without.Stderr, filepath.Join(other, "modules")+" needs the library libpq.so.5") {
		t.Errorf("without packages, code %d:\n%s", without.Code, without.Log())
	}
}

// TestBundleRefuses ends where packages lack what one of their libraries needs, and where they lack what the app's file needs.
func TestBundleRefuses(t *testing.T) {
	t.Parallel()
	env := closure(t, "17.6")
	files, err := filepath.Glob(filepath.Join(env["BP_CACHE_DIR"], "debian/amd64/packages/*/usr/lib/*/libldap.so.2"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte(library("libsasl2.so.2")), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, needed := range map[string]string{"bundle-incomplete": "libpq.so.5", "bundle-lacks": "libxml2.so.2"} {
		got := kittest.Build(t, kittest.Case{App: map[string]string{"a.node": library(needed)}, Distro: "strata-glibc", Arch: "amd64", Env: env})
		if got.Code != 1 {
			t.Errorf("%s: code %d", name, got.Code)
		}
		kittest.Golden(t, name+".txt", got.Log())
	}
}
