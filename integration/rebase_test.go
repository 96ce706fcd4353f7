package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestRebaseToOwnStack moves an app from glibc to a stack of one's own that stands on it, and back.
func TestRebaseToOwnStack(t *testing.T) {
	suite(t)
	t.Parallel()
	const glibc, acme = "strata/run-glibc:13", "acme/run-glibc:13"
	name := image(t)
	build(t, sample(t, "hello"), name, "--run-image", glibc)
	built := diffIDs(t, name)
	base := diffIDs(t, glibc)

	example, err := filepath.Abs("../stacks/example")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"stack", "build", "--dir", example, "--config", filepath.Join(example, "../../builder.toml"), "acme"},
		{"rebase", name, "--run-image", acme},
	} {
		if got := strata(t, args...); got.status != 0 {
			t.Fatalf("strata %v: status %d\n%s%s", args, got.status, got.stdout, got.stderr)
		}
	}
	own := diffIDs(t, acme)
	if len(own) <= len(base) || cmp.Diff(base, own[:len(base)]) != "" {
		t.Errorf("%s has the layers %v, which do not begin with those of its base %v", acme, own, base)
	}
	if diff := cmp.Diff(append(own, built[len(base):]...), diffIDs(t, name)); diff != "" {
		t.Errorf("layers of the app on %s (-want +got):\n%s", acme, diff)
	}
	if body := strings.TrimSpace(ask(t, name, "/")); body != "Hello from Strata." {
		t.Errorf("on %s it answers %q", acme, body)
	}
	if got := strata(t, "rebase", name, "--run-image", glibc); got.status != 0 {
		t.Fatalf("back: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	if diff := cmp.Diff(built, diffIDs(t, name)); diff != "" {
		t.Errorf("layers of the app back on %s (-want +got):\n%s", glibc, diff)
	}
}

// diffIDs returns the uncompressed digests of the layers of an image of the store.
func diffIDs(t *testing.T, image string) []v1.Hash {
	t.Helper()
	config, err := stored(t, image).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.RootFS.DiffIDs
}
