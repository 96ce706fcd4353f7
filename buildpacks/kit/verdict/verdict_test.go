package verdict_test

import (
	"path/filepath"
	"strings"
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
