package build

import (
	"errors"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestDamagedImages builds on what is damaged: an app's previous image is passed over with a word, a run image ends the build
// with what makes it again.
func TestDamagedImages(t *testing.T) {
	t.Parallel()
	run := platformtest.Run{}.Image(t)
	app := platformtest.App(t, run, platformtest.RunName, "app", nil)
	damages := map[string]func(image v1.Image, manifest *v1.Manifest) v1.Hash{
		"manifest":      func(image v1.Image, _ *v1.Manifest) v1.Hash { return platformtest.Digest(t, image) },
		"configuration": func(_ v1.Image, manifest *v1.Manifest) v1.Hash { return manifest.Config.Digest },
		"last layer":    func(_ v1.Image, manifest *v1.Manifest) v1.Hash { return manifest.Layers[len(manifest.Layers)-1].Digest },
	}
	for what, of := range damages {
		for _, image := range []v1.Image{run, app} {
			s := platformtest.Store(t)
			platformtest.Put(t, s, platformtest.RunName, run)
			platformtest.Put(t, s, "app", app)
			manifest, err := image.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(s.Blobs().Path(of(image, manifest)), 1); err != nil {
				t.Fatal(err)
			}
			var notes []string
			b := build{store: s, arch: "amd64", image: platformtest.Parse(t, "app")}
			b.Note = func(text string) { notes = append(notes, text) }
			before := b.earlierImage()
			if image == app && (before != nil || len(notes) != 1 || !strings.Contains(notes[0], of(image, manifest).String())) {
				t.Errorf("%s: the previous image is %v, the notes are %q", what, before, notes)
			}
			_, err = newTarget(s, platformtest.Parse(t, "app"), platformtest.RunName, "amd64")
			switch f := (fault.Fault{}); {
			case image == app && err != nil:
				t.Errorf("%s of the app: %v", what, err)
			case image == run && (!errors.As(err, &f) || f.ID != "image-damaged" || !strings.Contains(f.Do, "`strata stack build static`")):
				t.Errorf("%s of the run image: got %v, want what makes it again", what, err)
			}
		}
	}
}
