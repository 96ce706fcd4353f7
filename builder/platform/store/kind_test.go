package store_test

import (
	"os"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestAppTakesNoOtherName stores apps under the names of images that are none, however they are written. Nothing loses its name.
func TestAppTakesNoOtherName(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	run := platformtest.Run{}.Image(t)
	app := platformtest.App(t, run, platformtest.RunName, "app", nil)
	platformtest.Put(t, s, "acme/run:13", run)
	platformtest.Put(t, s, "base", run)
	foreign := platformtest.Run{Arch: "s390x"}.Image(t) // this machine has no image in the index
	index := mutate.IndexMediaType(mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: foreign}), types.OCIImageIndex)
	if _, err := s.PutIndex(platformtest.Parse(t, "acme/all:13"), index); err != nil {
		t.Fatal(err)
	}
	for text, file := range map[string]string{
		"acme/run:13": "run", "docker.io/acme/run:13": "docker-io", "index.docker.io/acme/run:13": "index-docker-io",
		"base": "library", "docker.io/library/base:latest": "docker-io-library", "acme/all:13": "index",
	} {
		ref := platformtest.Parse(t, text)
		_, err := s.Put(ref, app)
		kittest.Golden(t, "reserved-"+file+".txt", platformtest.Fault(t, err))
		if checked := s.CheckApp(ref); checked == nil || checked.Error() != err.Error() {
			t.Errorf("%s: checked before, it is %v", text, checked)
		}
	}
	for _, text := range []string{"acme/run:13", "base"} {
		if platformtest.DigestIn(t, s, text) != platformtest.Digest(t, run) {
			t.Errorf("%s is another image now", text)
		}
	}
	platformtest.Put(t, s, "acme/run:14", app)
	platformtest.Put(t, s, "acme/run:14", platformtest.App(t, run, platformtest.RunName, "next", nil))
	platformtest.Put(t, s, "acme/run:14", run) // made again, it takes its name from an app
}

// TestAppThatCannotBeRead gives the name of a damaged app to the next build of it.
func TestAppThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	app := platformtest.App(t, platformtest.Run{}.Image(t), platformtest.RunName, "app", nil)
	platformtest.Put(t, s, "app", app)
	config, err := app.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Blobs().Path(config)); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckApp(platformtest.Parse(t, "app")); err != nil {
		t.Error(err)
	}
}

func TestCheckBase(t *testing.T) {
	t.Parallel()
	run := platformtest.Run{}.Image(t)
	if err := store.CheckBase("acme/run:13", run); err != nil {
		t.Error(err)
	}
	err := store.CheckBase("acme/run:13", platformtest.App(t, run, platformtest.RunName, "app", nil))
	kittest.Golden(t, "base-is-app.txt", platformtest.Fault(t, err))
}
