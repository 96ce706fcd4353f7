package rebase_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// moved returns the last letters of the names of images that were moved, in order, and of those that were left.
func moved(results []rebase.Result) (done, left []string) {
	for _, r := range results {
		switch last := r.Image[strings.LastIndex(r.Image, "/")+1:]; {
		case r.Left:
			left = append(left, last)
		case r.Moves():
			done = append(done, last)
		}
	}
	return done, left
}

// TestFirst moves the first images of many, and the others if a check allows it. Those that are up to date do not count.
func TestFirst(t *testing.T) {
	t.Parallel()
	var all []string
	for i := range 60 {
		if i%3 != 0 {
			all = append(all, fmt.Sprintf("app%02d", i))
		}
	}
	for name, test := range map[string]struct {
		limit      int
		check      error // none if it is nil
		allowed    bool  // a check that succeeds
		done, left []string
		fails      string
	}{
		"one":             {limit: 1, done: all[:1]},
		"over a batch":    {limit: 35, done: all[:35]},
		"all":             {limit: len(all), done: all},
		"more than all":   {limit: 1000, done: all},
		"then the rest":   {limit: 2, allowed: true, done: all},
		"the check fails": {limit: 2, check: errors.New("exit status 1"), done: all[:2], fails: "check-failed.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, server := open(t), platformtest.Serve(t, nil)
			run := server.Host + "/strata/run-static:13"
			old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
			platformtest.Push(t, run, newer)
			options := rebase.Options{Limit: test.limit, Registry: platformtest.Fast}
			for i := range 60 {
				on := old
				if i%3 == 0 {
					on = newer
				}
				options.Images = append(options.Images, fmt.Sprintf("%s/app%02d", server.Host, i))
				platformtest.Push(t, options.Images[i], platformtest.App(t, on, run, fmt.Sprint(i), nil))
			}
			var asked []string
			if test.check != nil || test.allowed {
				options.Check = func(_ context.Context, done []string) error {
					asked = slices.Clone(done)
					return test.check
				}
			}
			results, err := rebase.Images(t.Context(), h, options)
			if test.fails != "" {
				kittest.Golden(t, test.fails, platformtest.Fault(t, err))
			} else if err != nil {
				t.Fatal(err)
			}
			done, left := moved(results)
			if diff := cmp.Diff(test.done, done); diff != "" {
				t.Errorf("rebased (-want +got):\n%s", diff)
			}
			if len(done) < len(all) && !slices.Contains(left, all[len(all)-1]) {
				t.Errorf("left are %v", left)
			}
			if options.Check != nil && (len(asked) != 2 || !strings.HasSuffix(asked[1], "/"+all[1])) {
				t.Errorf("the check was asked about %v", asked)
			}
			for i, image := range options.Images {
				wanted := platformtest.Digest(t, platformtest.App(t, newer, run, fmt.Sprint(i), nil))
				isNew := platformtest.Digest(t, platformtest.Pull(t, image)) == wanted
				if want := i%3 == 0 || slices.Contains(test.done, fmt.Sprintf("app%02d", i)); isNew != want {
					t.Errorf("%s is on the new run image: %v, want %v", image, isNew, want)
				}
			}
		})
	}
}

// TestFirstFails has a registry that does not take the first image. The others are left, and nobody is asked.
func TestFirstFails(t *testing.T) {
	t.Parallel()
	h := open(t)
	server := platformtest.Serve(t, nil)
	run := server.Host + "/strata/run-static:13"
	platformtest.Push(t, run, platformtest.Run{Release: "2"}.Image(t))
	var images []string
	for _, name := range []string{"/denied", "/app"} {
		images = append(images, server.Host+name)
		platformtest.Push(t, server.Host+name, platformtest.App(t, platformtest.Run{Release: "1"}.Image(t), run, name, nil))
	}
	front := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		denied := r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/denied/manifests/")
		if denied {
			w.WriteHeader(http.StatusForbidden)
		}
		return denied
	})
	front.Handler = server.Handler
	for i := range images {
		images[i] = strings.Replace(images[i], server.Host, front.Host, 1)
	}
	asked := false
	results, err := rebase.Images(t.Context(), h, rebase.Options{
		Images: images, RunImage: front.Host + "/strata/run-static:13", Limit: 1, Registry: platformtest.Fast,
		Check: func(context.Context, []string) error { asked = true; return nil },
	})
	kittest.Golden(t, "first-failed.txt", front.Fault(t, err))
	if asked || len(results) != 2 || results[0].Err == nil || !results[1].Left {
		t.Errorf("asked %v, results %+v", asked, results)
	}
}
