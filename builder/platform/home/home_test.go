package home_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/home"
)

// TestHomeIsPrivate looks for folders that other users of the machine may enter.
func TestHomeIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "home")
	if _, err := home.Open(dir); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{".", "apps", "builders", "tmp"} {
		info, err := os.Stat(filepath.Join(dir, folder))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o700 {
			t.Errorf("%s has mode %o, want 700", folder, mode)
		}
	}
}
