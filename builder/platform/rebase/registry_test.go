package rebase_test

import (
	"net/http"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestAsksNamedRegistries has an app whose run image is in another registry. Only if the user names that one, it is asked.
func TestAsksNamedRegistries(t *testing.T) {
	t.Parallel()
	h, own, other := open(t), platformtest.Serve(t, nil), platformtest.Serve(t, nil)
	run, app := other.Host+"/run:13", own.Host+"/app"
	platformtest.Push(t, run, platformtest.Run{Release: "2"}.Image(t))
	platformtest.Push(t, other.Host+"/app", platformtest.App(t, platformtest.Run{Release: "1"}.Image(t), run, "app", nil))
	platformtest.Push(t, app, platformtest.App(t, platformtest.Run{Release: "1"}.Image(t), run, "app", nil))
	other.Forget()
	dry := rebase.Options{Images: []string{app}, DryRun: true, Registry: platformtest.Fast}
	results, err := rebase.Images(t.Context(), h, dry)
	if err != nil || results[0].Err == nil {
		t.Fatalf("got %v and %v, want an error of the image", results, err)
	}
	kittest.Golden(t, "rebase-not-asked.txt", own.Fault(t, results[0].Err, other.Host, "<other registry>", h.Store.Dir(), "<store>"))
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if count := other.Count(method); count > 0 {
			t.Errorf("the other registry was asked %d times by %s", count, method)
		}
	}
	named, both := dry, dry
	named.RunImage = run
	both.Images = append(both.Images, other.Host+"/app")
	for _, options := range []rebase.Options{named, both} {
		results, err := rebase.Images(t.Context(), h, options)
		if err != nil || results[0].Err != nil || results[0].New == "" {
			t.Errorf("%v: got %v and %v", options.Images, results, err)
		}
	}
}
