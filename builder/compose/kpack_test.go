package compose_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/strata-buildpacks/strata/builder/compose"
)

// TestConfigured has tools at the path that they have in strata build.
func TestConfigured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, folder := range []string{"go1/bin", "node-1/lib"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "go1/bin/go", "#!/bin/sh\n")
	write(t, dir, "node-1/lib/a", "a")
	if err := os.Chmod(filepath.Join(dir, "go1/bin/go"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("lib/a", filepath.Join(dir, "node-1/b")); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GOPROXY.override": "https://proxy.example.test"}
	tools, err := compose.PackTools(filepath.Join(dir, "node-1"), filepath.Join(dir, "go1"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := compose.Configured(empty.Image, env, tools)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "configured.txt", describe(t, img))
	if len(env) != 1 {
		t.Errorf("the variables of the caller have become %v", env)
	}
}
