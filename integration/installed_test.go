package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstalled builds an app with what scripts/dist packs, far from any checkout, without the go command and without images: the first
// build makes those. The builder is the same as that of a checkout.
func TestInstalled(t *testing.T) {
	t.Parallel()
	suite(t, anyUser)
	dir := t.TempDir()
	if outcome := strata(t, "builder", "compile", "--config", "../builder.toml", filepath.Join(dir, "share", "strata")); outcome.status != 0 {
		t.Fatal(outcome.stderr)
	}
	program, err := exec.LookPath("strata")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(dir, "bin", "strata")
	if err := os.Mkdir(filepath.Dir(installed), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(installed, content, 0o755); err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(dir, "app")
	if err := os.CopyFS(app, os.DirFS("testdata/web/plain")); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) outcome {
		cmd := exec.CommandContext(t.Context(), installed, args...)
		cmd.Dir = app
		cmd.Env = append(os.Environ(), "PATH=/usr/bin:/bin", "STRATA_HOME="+filepath.Join(dir, "home"))
		return finish(t, cmd)
	}
	first := run("build", "-q", "-t", "site")
	if first.status != 0 || !strings.HasPrefix(first.stdout, "site@sha256:") || strings.Contains(first.stdout, "\nstrata/") {
		t.Errorf("first build: %+v", first)
	}
	if !strings.Contains(first.stderr, "making the run images, the build image and the builder, once") {
		t.Errorf("the first build says %s", first.stderr)
	}
	if second := run("build", "-q", "-t", "site"); second.stdout != first.stdout || second.stderr != "" {
		t.Errorf("second build: %+v, the first one made %s", second, first.stdout)
	}
	if asked := run("run", "site", "--ask", "/"); asked.status != 0 {
		t.Errorf("the image does not answer: %s", asked.stderr)
	}
	// What a newer archive brings is another suite.
	if err := os.WriteFile(filepath.Join(dir, "home", "suite"), []byte("older\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if newer := run("build", "-q", "-t", "site"); newer.stdout != first.stdout || !strings.Contains(newer.stderr, "strata/builder:latest") {
		t.Errorf("with a newer suite: %+v", newer)
	}
	if asked := run("version"); asked.status != 0 || !strings.Contains(asked.stdout, "suite     0.1.") {
		t.Errorf("strata version: %+v", asked)
	}
}
