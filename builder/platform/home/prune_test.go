package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestPrune replaces an image, then removes what the old one leaves, with a builder and caches that belong to no image.
func TestPrune(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h, err := home.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	run := platformtest.Run{Release: "1"}.Image(t)
	old, kept := platformtest.App(t, run, platformtest.RunName, "old", nil), platformtest.App(t, run, platformtest.RunName, "kept", nil)
	platformtest.Described(t, h.Store, "app", old, "2024a")
	platformtest.Described(t, h.Store, "app", kept, "2025b")
	builder := platformtest.Digest(t, kept).Hex // any image of the store
	kittest.Write(t, dir, map[string]string{
		"builders/lock": "", "builders/" + builder + "/bin": "x", "builders/0123/bin": "12345",
		"tools/" + builder + "/go/bin": "x", "tools/" + builder + "/go.lock": "", "tools/4567/go/bin": "123",
		"apps/89ab/build/cache": "1234567", "store/.new-1": "12", "store/blobs/sha256/.new-2": "1",
	})
	before := kittest.Tree(t, dir)

	told, err := h.Prune(true, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, dir)); diff != "" {
		t.Errorf("a dry run changes the home (-before +after):\n%s", diff)
	}
	done, err := h.Prune(false, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(told, done); diff != "" {
		t.Errorf("another thing was done (+) than told (-):\n%s", diff)
	}
	// Two files of killed commands; of the old image two layers, configuration and manifest, and two bills of materials
	// with their manifests.
	blobs := 2 + 4 + 4
	if got := []int{done[0].Count, done[1].Count, done[2].Count, done[3].Count}; !cmp.Equal(got, []int{blobs, 1, 1, 1}) {
		t.Errorf("removed %v, want %v", got, []int{blobs, 1, 1, 1})
	}
	if done[1].Bytes != 5 || done[2].Bytes != 3 || done[3].Bytes != 7 {
		t.Errorf("removed %+v, want 5, 3 and 7 bytes of builders, tools and caches", done)
	}
	after := kittest.Tree(t, dir)
	for _, path := range []string{"builders/lock", "builders/" + builder + "/bin", "tools/" + builder + "/go/bin"} {
		if after[path] == "" {
			t.Errorf("%s is gone", path)
		}
	}
	if files, err := h.Store.Artifacts(platformtest.Digest(t, kept)); err != nil || len(files) != 2 {
		t.Errorf("attached are %d files (%v), want 2", len(files), err)
	}
	left, err := h.Store.Find("app", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(left); err != nil {
		t.Errorf("the image that is left is not whole: %v", err)
	}
	if again, err := h.Prune(false, false); err != nil || again[0].Count+again[1].Count+again[2].Count+again[3].Count != 0 {
		t.Errorf("the second time removed %+v (%v), want nothing", again, err)
	}
}

// TestPruneCaches removes caches of apps whose images are there, too.
func TestPruneCaches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h, err := home.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	platformtest.Put(t, h.Store, "app", platformtest.App(t, platformtest.Run{}.Image(t), platformtest.RunName, "app", nil))
	caches, unlock, err := h.App(t.Context(), platformtest.Parse(t, "app"), nil)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	kittest.Write(t, caches, map[string]string{"build/x": "1234"})
	for _, test := range []struct {
		caches bool
		bytes  int64
	}{{false, 0}, {true, 4}} {
		pruned, err := h.Prune(false, test.caches)
		if err != nil {
			t.Fatal(err)
		}
		if pruned[3].Bytes != test.bytes {
			t.Errorf("caches of all apps %t: removed %+v, want %d bytes of caches", test.caches, pruned, test.bytes)
		}
	}
	if _, err := os.Stat(caches); !os.IsNotExist(err) {
		t.Errorf("the caches are there: %v", err)
	}
}

// TestPruneInUse prunes while another command uses the home.
func TestPruneInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h, err := home.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	other, err := home.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Prune(false, false)
	if f := (fault.Fault{}); !errors.As(err, &f) || f.ID != "prune-in-use" {
		t.Errorf("got %v, want a refusal", err)
	}
	if _, err := os.Stat(filepath.Join(other.Store.Dir(), "index.json")); err != nil {
		t.Error(err)
	}
}
