package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLinkageOpened has in the image what an app opens by name: the library of a Python package, and a character set of iconv.
func TestLinkageOpened(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	name := image(t)
	app := filepath.Join(t.TempDir(), "magic")
	if err := os.CopyFS(app, os.DirFS("testdata/python/magic")); err != nil {
		t.Fatal(err)
	}
	packages := []string{"--env", "BP_DEBIAN_PACKAGES=libmagic1t64,libc6"}
	digest := build(t, app, name, packages...)
	if body := strings.TrimSpace(ask(t, name, "/")); body != "application/pdf True" {
		t.Errorf("it answers %q", body)
	}
	if again := build(t, app, name, packages...); again != digest {
		t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
	}
	if layers := sortedKeys(inspect(t, digest).layersOf(t, "strata/linkage")); !slices.Equal(layers, []string{"libraries"}) {
		t.Errorf("the layers are %v", layers)
	}
}
