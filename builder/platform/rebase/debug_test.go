package rebase_test

import (
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestDebug puts an app on the debug twin and leaves the store as it is.
func TestDebug(t *testing.T) {
	t.Parallel()
	h := open(t)
	base, twin := platformtest.Run{}.Image(t), platformtest.Run{Debug: true}.Image(t)
	app := platformtest.App(t, base, runName, "app", nil)
	platformtest.Put(t, h.Store, "app", app)
	_, err := rebase.Debug(t.Context(), h, "app")
	kittest.Golden(t, "debug-twin-missing.txt", platformtest.Fault(t, err, h.Store.Dir(), "<store>"))
	_, err = rebase.Debug(t.Context(), h, "other")
	kittest.Golden(t, "debug-missing.txt", platformtest.Fault(t, err, h.Store.Dir(), "<store>"))
	platformtest.Put(t, h.Store, "strata/run-static-debug:13", twin)
	for _, name := range []string{"app", "app@" + platformtest.Digest(t, app).String()} {
		got, err := rebase.Debug(t.Context(), h, name)
		if err != nil {
			t.Fatal(err)
		}
		want := platformtest.App(t, twin, "strata/run-static-debug:13", "app", nil)
		if platformtest.Digest(t, got) != platformtest.Digest(t, want) {
			t.Errorf("%s on the twin is %s, want %s", name, platformtest.Digest(t, got), platformtest.Digest(t, want))
		}
	}
	if now := platformtest.DigestIn(t, h.Store, "app"); now != platformtest.Digest(t, app) {
		t.Errorf("the app in the store is %s", now)
	}
}
