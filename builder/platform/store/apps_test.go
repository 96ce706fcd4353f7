package store_test

import (
	"errors"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// described are the images of an app for two architectures in a store, with what is to be attached to each.
func described(t *testing.T, s *store.Store, archs ...string) []store.Described {
	t.Helper()
	var apps []store.Described
	for _, arch := range archs {
		app := platformtest.App(t, platformtest.Run{Arch: arch}.Image(t), platformtest.RunName, "app for "+arch, nil)
		platformtest.Put(t, s, "blobs-"+arch, app) // an export has left the blobs
		apps = append(apps, store.Described{Image: app, Attached: []store.Artifact{
			{Type: bills[0].Type, Title: bills[0].Title, Content: []byte(arch)},
		}})
	}
	return apps
}

// TestPutApps gives one name to the images of several architectures. Each keeps what is attached to it, and the digest does not depend on
// the order in which they were made.
func TestPutApps(t *testing.T) {
	t.Parallel()
	s, ref := platformtest.Store(t), platformtest.Parse(t, "app")
	apps := described(t, s, "arm64", "amd64")
	digest, err := s.PutApps(ref, apps...)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.PutApps(platformtest.Parse(t, "turned"), apps[1], apps[0]); err != nil || again != digest {
		t.Errorf("in another order it is %s, not %s (%v)", again, digest, err)
	}
	for _, app := range apps {
		config, err := app.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		image, err := s.On(config.Architecture).Image(ref)
		if err != nil || digestOf(t, image) != digestOf(t, app) {
			t.Errorf("for %s the name stands for %v, %v", config.Architecture, image, err)
		}
		attached, err := s.Artifacts(digestOf(t, app))
		if err != nil || len(attached) != 1 || string(attached[0].Content) != config.Architecture {
			t.Errorf("%s has attached %v, %v", config.Architecture, attached, err)
		}
	}
	if i, err := s.On("s390x").Image(ref); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("for another architecture it stands for %v, %v", i, err)
	}
	var missing fault.Fault
	_, err = s.On("s390x").Find("app", "remedy")
	if want := "app in " + s.Dir() + " has no image for linux/s390x"; !errors.As(err, &missing) || missing.What != want {
		t.Errorf("a person is told %v", err)
	}
	images, err := s.Platforms("app", "")
	if err != nil || len(images) != 2 || digestOf(t, images[0]) != digestOf(t, apps[1]) || digestOf(t, images[1]) != digestOf(t, apps[0]) {
		t.Errorf("the platforms are %v, %v", images, err)
	}
	if images, err := s.Platforms("blobs-arm64", ""); err != nil || len(images) != 1 {
		t.Errorf("an image is %d platforms, %v", len(images), err)
	}
	root, err := layout.ImageIndexFromPath(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(root); err != nil {
		t.Error(err)
	}
}

// TestPutAppsOverAnother does not let an index of apps take the name of an image that is none.
func TestPutAppsOverAnother(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	run := platformtest.Run{Arch: runtime.GOARCH}.Image(t)
	platformtest.Put(t, s, platformtest.RunName, run)
	apps := described(t, s, "amd64", "arm64")
	var reserved fault.Fault
	_, err := s.PutApps(platformtest.Parse(t, platformtest.RunName), apps...)
	if !errors.As(err, &reserved) || reserved.ID != "image-reserved" {
		t.Errorf("got %v", err)
	}
	if _, err := s.PutApps(platformtest.Parse(t, "app"), apps...); err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(platformtest.Parse(t, "app"), platformtest.Parse(t, platformtest.RunName)); !errors.As(err, &reserved) {
		t.Errorf("as another name of the app: %v", err)
	}
	if got := platformtest.DigestIn(t, s, platformtest.RunName); got != digestOf(t, run) {
		t.Errorf("the run image is %s now", got)
	}
}

// TestTag gives an index another name, which keeps it when the first one is gone, with what is attached.
func TestTag(t *testing.T) {
	t.Parallel()
	s, first, second := platformtest.Store(t), platformtest.Parse(t, "app:1"), platformtest.Parse(t, "app:2")
	apps := described(t, s, "amd64", "arm64")
	if _, err := s.PutApps(first, apps...); err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(first, second); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"app:1", "blobs-amd64", "blobs-arm64"} {
		platformtest.Put(t, s, ref, platformtest.Random(t))
	}
	for _, app := range apps {
		config, err := app.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		var image v1.Image
		if image, err = s.On(config.Architecture).Image(second); err != nil || digestOf(t, image) != digestOf(t, app) {
			t.Errorf("for %s: %v, %v", config.Architecture, image, err)
		}
		if attached, err := s.Artifacts(digestOf(t, app)); err != nil || len(attached) != 1 {
			t.Errorf("%s has attached %v, %v", config.Architecture, attached, err)
		}
	}
	if err := s.Tag(platformtest.Parse(t, "none"), second); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
}
