package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// ownStack is a stack without packages: it needs no mirror.
const ownStack = `image = "acme/run:13"
description = "Acme"
codename = "trixie"
version = "13"
user = "1002:1000"
[[layer]]
  name = "acme"
  comment = "Acme"
  [[layer.text]]
    path = "/etc/acme"
    text = "acme\n"
`

// stacks writes a folder with that stack and its locks, and returns the arguments that name it.
func stacks(t *testing.T) (dir string, args []string) {
	t.Helper()
	t.Setenv("STRATA_HOME", t.TempDir())
	t.Setenv("STRATA_CACHE", t.TempDir())
	dir = t.TempDir()
	files := map[string]string{"acme/stack.toml": ownStack}
	for _, arch := range architectures {
		lock, err := os.ReadFile("../../stacks/images/static/lock-" + arch + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		files["acme/lock-"+arch+".toml"], _, _ = strings.Cut(string(lock), "[[package]]")
	}
	kittest.Write(t, dir, files)
	return dir, []string{"stack", "build", "--config", "../../builder.toml", "--dir", dir}
}

// execute runs the command line and returns what it prints.
func execute(args ...string) (string, error) {
	var out bytes.Buffer
	cmd := command()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	err := cmd.Execute()
	return out.String(), err
}

// TestStackBuildAll builds for all architectures: the store has one index of both, the folder the bills of materials of
// each, which are those that builds for one architecture write.
func TestStackBuildAll(t *testing.T) {
	_, args := stacks(t)
	bills := filepath.Join(t.TempDir(), "not/yet there")
	out, err := execute(append(args, "--arch", "all", "--sbom", bills)...)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, d := range storedIndex(t, out).Manifests {
		digests[d.Platform.String()] = d.Digest.String()
	}
	apart := t.TempDir()
	for _, arch := range architectures {
		one, err := execute(append(args, "--arch", arch, "--sbom", apart)...)
		if err != nil {
			t.Fatal(err)
		}
		if digest := digests["linux/"+arch]; digest == "" || !strings.HasSuffix(strings.TrimSpace(one), " "+digest) {
			t.Errorf("for %s alone it prints %q; the index has %v", arch, one, digests)
		}
	}
	if diff := cmp.Diff(kittest.Tree(t, apart), kittest.Tree(t, bills)); diff != "" {
		t.Errorf("bills of materials (-apart +together):\n%s", diff)
	}
	found, err := filepath.Glob(filepath.Join(bills, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range found {
		found[i] = filepath.Base(file)
	}
	want := []string{"acme-amd64.sbom.cdx.json", "acme-amd64.sbom.spdx.json", "acme-arm64.sbom.cdx.json", "acme-arm64.sbom.spdx.json"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("files of --sbom:\n%s", diff)
	}
}

// storedIndex returns the index that is in the store under the digest which a line of output ends with.
func storedIndex(t *testing.T, line string) *v1.IndexManifest {
	t.Helper()
	store, err := layout.ImageIndexFromPath(filepath.Join(os.Getenv("STRATA_HOME"), "store"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := store.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all.Manifests, func(d v1.Descriptor) bool {
		return d.MediaType.IsIndex() && strings.HasSuffix(strings.TrimSpace(line), " "+d.Digest.String())
	})
	if i < 0 {
		t.Fatalf("the store has no such index: %q", line)
	}
	index, err := store.ImageIndex(all.Manifests[i].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

func TestStackBuildErrors(t *testing.T) {
	dir, args := stacks(t)
	if err := os.Remove(filepath.Join(dir, "acme/lock-arm64.toml")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string][]string{
		"one-arch-unlocked": {"--arch", "all"},
		"output-all":        {"--arch", "all", "--output", "oci:" + dir + "/oci"},
		"sbom-file":         {"--arch", "amd64", "--sbom", file},
	} {
		_, err := execute(append(args, more...)...)
		kittest.Golden(t, "error-stack-"+name+".txt", strings.ReplaceAll(fmt.Sprintln(err), dir, "DIR"))
	}
}

// TestPackagesOfBuildpacks finds the packages of a language by its file alone.
func TestPackagesOfBuildpacks(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	kittest.Write(t, root, map[string]string{
		"buildpacks/python/stack.toml": "", "buildpacks/golang/lock.toml": "", "buildpacks/kit/compiler/stack.toml": "",
		"buildpacks/ruby/runtime/one/stack.toml": "", "buildpacks/ruby/runtime/two/stack.toml": "",
		"buildpacks/kit/testdata/x/stack.toml": "",
	})
	got, err := packagesOfBuildpacks(root)
	want := []string{root + "/buildpacks", root + "/buildpacks/kit", root + "/buildpacks/ruby/runtime"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if of, err := packagesOfBuildpacks("../.."); len(of) == 0 || err != nil {
		t.Errorf("the suite has none: %v", err)
	}
}
