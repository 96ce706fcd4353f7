package compose_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/compose"
)

// TestCompile makes the builder of an installed suite, without the go command: it is that of the checkout.
func TestCompile(t *testing.T) {
	t.Parallel()
	root := copied(t)
	if err := os.MkdirAll(filepath.Join(root, "stacks", "images", "tiny"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, root, "stacks/images/tiny/stack.toml", "")
	o := options(t, root)
	installed := compileInto(t, o)
	want, err := image(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	there := options(t, installed)
	there.CacheDir, there.Environ = filepath.Join(t.TempDir(), "unused"), []string{"PATH=/nowhere"}
	got, err := image(t.Context(), there)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := digest(t, want), digest(t, got); a != b {
		t.Errorf("the checkout's builder is %s, that of the installed suite %s", a, b)
	}
	if _, err := os.Stat(there.CacheDir); err == nil {
		t.Error("an installed suite writes into a cache")
	}
	if found, err := os.ReadDir(filepath.Join(installed, "stacks", "images")); err != nil || len(found) != 1 {
		t.Errorf("stacks: %v, %v", found, err)
	}

	again := compileInto(t, o)
	if a, b := read(t, installed, "compiled/suite.json"), read(t, again, "compiled/suite.json"); a != b {
		t.Errorf("the same checkout gives the suites %s and %s", a, b)
	}
	write(t, root, "stacks/images/tiny/stack.toml", "# changed\n")
	if a, b := read(t, installed, "compiled/suite.json"), read(t, compileInto(t, o), "compiled/suite.json"); a == b {
		t.Error("another stack gives the same suite")
	}

	write(t, installed, "compiled/suite-amd64.tar", "damaged")
	_, err = image(t.Context(), there)
	if err == nil || !strings.HasSuffix(err.Error(), "is damaged; install it again") {
		t.Errorf("damaged: %v", err)
	}
}

// compileInto compiles the suite of a checkout into a new folder.
func compileInto(t *testing.T, o compose.Options) string {
	t.Helper()
	builder, err := compose.ReadFor(o, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := builder.Compile(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := builder.Compile(t.Context(), dir); err == nil {
		t.Error("a folder that is not empty was taken")
	}
	return dir
}
