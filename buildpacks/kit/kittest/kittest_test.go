package kittest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestMain(m *testing.M) { kittest.Main(m) }

func TestTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"bin/tool": "#!/bin/sh\n", "empty": "", "text": "hello"})
	if err := os.Symlink("../text", filepath.Join(dir, "bin", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"bin/": "dir 0755", "bin/tool": "file 0755 a8076d3d", "bin/link": "symlink ../text",
		"empty": "file 0644 empty", "text": "file 0644 2cf24dba", "tmp/": "dir 01777",
	}
	if diff := cmp.Diff(want, kittest.Tree(t, dir)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// TestCoverage measures the coverage of a buildpack whose code runs in phases only.
func TestCoverage(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-cover", "./testdata/covered").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "coverage: 100.0% of statements") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestRebuild looks at what is left of the layers of the build before.
func TestRebuild(t *testing.T) {
	t.Parallel()
	layers := t.TempDir()
	kittest.Write(t, layers, map[string]string{
		"launch.toml": "", "build.toml": "", "store.toml": "[metadata]\n",
		"run.toml": "[types]\nlaunch = true\n[metadata]\nkey = \"r\"\n", "run/file": "", "run.sbom.cdx.json": "{}",
		"kept.toml": "[types]\ncache = true\n", "kept/file": "",
		"once.toml": "[types]\nbuild = true\n", "once/file": "",
	})
	kittest.Rebuild(t, kittest.Result{AppDir: t.TempDir(), Layers: layers}, kittest.Case{})
	got := kittest.Files(t, layers)
	for name := range got {
		got[name] = strings.Join(strings.Fields(got[name]), " ")
	}
	want := map[string]string{"store.toml": "[metadata]", "run.toml": `[metadata] key = "r"`, "kept.toml": "", "kept/file": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}
