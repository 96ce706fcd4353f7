package kittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Builder lays out the buildpack of the test's folder as a builder does, and returns the folder. There, bin/build is a link
// to a file in the suite's folder. The program of a package is compiled into that folder as well.
func Builder(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "suite", filepath.Base(program)), program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file, err := os.ReadFile("buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	Write(t, dir, map[string]string{"suite/suite": "", "buildpack/buildpack.toml": string(file), "buildpack/bin/detect": ""})
	if err := os.Symlink("../../suite/suite", filepath.Join(dir, "buildpack", "bin", "build")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "buildpack")
}
