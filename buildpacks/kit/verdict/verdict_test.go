package verdict_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/verdict"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, why := range []string{"there is no go.mod", "go.mod does not parse"} { // the second in the place of the first
		if err := verdict.Write(dir, "strata/go", why); err != nil {
			t.Fatal(err)
		}
		if got, err := verdict.Read(dir, "strata/go"); err != nil || got != why {
			t.Errorf("got %q (%v), want %q", got, err, why)
		}
	}
	if got, err := verdict.Read(dir, "strata/node"); err != nil || got != "" {
		t.Errorf("of a buildpack that left nothing: %q (%v)", got, err)
	}
	if err := verdict.Write(dir, "strata/long", strings.Repeat("x", 10_000)); err != nil {
		t.Fatal(err)
	}
	if got, err := verdict.Read(dir, "strata/long"); err != nil || len(got) != 4096 {
		t.Errorf("read %d bytes (%v), want 4096", len(got), err)
	}
	if err := verdict.Write(filepath.Join(dir, "none"), "strata/go", "x"); err == nil {
		t.Error("wrote into a folder that is not there")
	}
}

// TestHostile reads what a buildpack left to be read by mistake: files outside, and things that never end.
func TestHostile(t *testing.T) {
	t.Parallel()
	secret := t.TempDir()
	if err := verdict.Write(secret, "strata/go", "secret"); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(parent string) error{
		"a link to a file": func(parent string) error {
			return os.Symlink(filepath.Join(secret, "strata_go"), filepath.Join(parent, "verdicts", "strata_go"))
		},
		"a link in the place of the folder": func(parent string) error {
			verdicts := filepath.Join(parent, "verdicts")
			if err := os.Remove(verdicts); err != nil {
				return err
			}
			return os.Symlink(secret, verdicts)
		},
		"a link to a device": func(parent string) error {
			return os.Symlink("/dev/zero", filepath.Join(parent, "verdicts", "strata_go"))
		},
		"a pipe": func(parent string) error {
			return syscall.Mkfifo(filepath.Join(parent, "verdicts", "strata_go"), 0o644)
		},
		"a folder": func(parent string) error { return os.Mkdir(filepath.Join(parent, "verdicts", "strata_go"), 0o755) },
	}
	for name, leave := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			verdicts := filepath.Join(parent, "verdicts")
			if err := os.Mkdir(verdicts, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := leave(parent); err != nil {
				t.Fatal(err)
			}
			if got, _ := verdict.Read(verdicts, "strata/go"); got != "" {
				t.Errorf("read %q", got)
			}
		})
	}
}
