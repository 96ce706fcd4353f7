package rebase_test

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestRebaseKpack has apps as kpack exports them and rebases them: the run image's name keeps the digest of the first build.
func TestRebaseKpack(t *testing.T) {
	t.Parallel()
	h := open(t)
	const tag = "registry.example.com/builder:clusterbuilder-static-run-image"
	run := func(release string) v1.Image { return platformtest.Run{Release: release}.Image(t) }
	old, newer, newest := run("1"), run("2"), run("3")
	repository := strings.TrimSuffix(tag, ":clusterbuilder-static-run-image")
	platformtest.Put(t, h.Store, tag, newest)
	platformtest.Put(t, h.Store, repository+":other", old)
	for name, on := range map[string]v1.Image{"first": old, "moved": newer, "newest": newest} {
		platformtest.Put(t, h.Store, name, platformtest.App(t, on, tag+"@"+platformtest.Digest(t, old).String(), name, nil))
	}
	for _, got := range rebased(t, h, rebase.Options{Images: []string{"first", "moved", "newest"}}) {
		want := tag + "@" + platformtest.Digest(t, newest).Hex[:12]
		if got.New != want || !strings.HasPrefix(got.Old, tag+"@") || len(got.Old) != len(want) {
			t.Errorf("%s went from %s to %s, want to %s", got.Image, got.Old, got.New, want)
		}
		if !got.ByKpack || got.Current != (got.Image == "newest") {
			t.Errorf("%s: by kpack %v, up to date %v", got.Image, got.ByKpack, got.Current)
		}
	}

	pinned := repository + "@" + platformtest.Digest(t, old).String()
	platformtest.Put(t, h.Store, "pinned", platformtest.App(t, newer, pinned, "pinned", nil))
	for _, to := range []string{"", "debug"} {
		results, err := rebase.Images(t.Context(), h, rebase.Options{Images: []string{"pinned"}, To: to})
		if err != nil {
			t.Fatal(err)
		}
		kittest.Golden(t, "fails-pinned.txt", platformtest.Fault(t, results[0].Err))
	}
	if got := rebased(t, h, rebase.Options{Images: []string{"pinned"}, RunImage: tag})[0]; got.New == "" || got.Current {
		t.Errorf("with --run-image: %+v", got)
	}
}
