package rebase

import (
	"runtime"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase/internal/swap"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestIndexInTheStore leaves an index as it is: one of its images on a newer run image would take the name of all.
func TestIndexInTheStore(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var apps []store.Described
	for _, arch := range []string{"amd64", "arm64"} {
		app := platformtest.App(t, platformtest.Run{Arch: arch}.Image(t), platformtest.RunName, "app", nil)
		platformtest.Put(t, h.Store, "one-"+arch, app)
		apps = append(apps, store.Described{Image: app})
	}
	if _, err := h.Store.PutApps(platformtest.Parse(t, "app"), apps...); err != nil {
		t.Fatal(err)
	}
	_, err = (&inTheStore{home: h}).read(t.Context(), platformtest.Parse(t, "app"))
	kittest.Golden(t, "rebase-index-in-store.txt", platformtest.Fault(t, err))
	image, err := (&inTheStore{home: h, here: true}).read(t.Context(), platformtest.Parse(t, "app"))
	if err != nil {
		t.Fatal(err)
	}
	if config, err := image.ConfigFile(); err != nil || config.Architecture != runtime.GOARCH {
		t.Errorf("to be looked at, it is the image for %v, %v", config, err)
	}
}

// TestReplacedInTheStore gives the app's name to another image between the reading and the writing of a rebase, as a build
// does that ends meanwhile.
func TestReplacedInTheStore(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	app := platformtest.App(t, old, platformtest.RunName, "app", nil)
	platformtest.Put(t, h.Store, platformtest.RunName, newer)
	platformtest.Put(t, h.Store, "app", app)
	m := move{
		ref: platformtest.Parse(t, "app"), old: platformtest.Digest(t, app),
		image: platformtest.App(t, newer, platformtest.RunName, "app", nil),
		base:  swap.Base{Ref: platformtest.Parse(t, platformtest.RunName), Image: newer},
	}
	where := &inTheStore{home: h}

	built := platformtest.App(t, old, platformtest.RunName, "a newer app", nil)
	platformtest.Put(t, h.Store, "app", built)
	_, err = where.replace(t.Context(), m)
	kittest.Golden(t, "rebase-replaced-in-store.txt", platformtest.Fault(t, err))
	if got := platformtest.DigestIn(t, h.Store, "app"); got != platformtest.Digest(t, built) {
		t.Errorf("the app is %s, what was built meanwhile is %s", got, platformtest.Digest(t, built))
	}

	m.old = platformtest.Digest(t, built)
	if _, err := where.replace(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := platformtest.DigestIn(t, h.Store, "app"); got != platformtest.Digest(t, m.image) {
		t.Errorf("the app is %s, rebased it is %s", got, platformtest.Digest(t, m.image))
	}
}
