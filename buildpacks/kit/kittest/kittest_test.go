package kittest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

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
