package platform_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform"
	"github.com/strata-buildpacks/strata/builder/platform/internal/imagetest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const runName = "strata/run-static:13"

func TestRebaseInTheStore(t *testing.T) {
	t.Parallel()
	home := open(t)
	old, newer := imagetest.Run{Release: "1"}.Image(t), imagetest.Run{Release: "2"}.Image(t)
	put(t, home, runName, newer)
	for _, app := range []string{"one", "two"} {
		put(t, home, app, imagetest.App(t, old, runName, app, nil))
	}
	options := platform.RebaseOptions{Images: []string{"one", "two"}, DryRun: true}
	before := digestIn(t, home, "one")
	planned := rebased(t, home, options)
	if after := digestIn(t, home, "one"); after != before {
		t.Errorf("a dry run changed the image from %s to %s", before, after)
	}
	options.DryRun = false
	done := rebased(t, home, options)
	if planned[0].Moved != done[0].Moved || done[0].Moved == 0 {
		t.Errorf("planned to write %d bytes, wrote %d", planned[0].Moved, done[0].Moved)
	}
	for _, app := range options.Images {
		want := imagetest.Digest(t, imagetest.App(t, newer, runName, app, nil))
		if got := digestIn(t, home, app); got != want {
			t.Errorf("%s is %s, built anew it is %s", app, got, want)
		}
	}
	for _, again := range rebased(t, home, options) {
		if !again.Current || again.Moved != 0 {
			t.Errorf("a second time: %+v", again)
		}
	}
}

func TestRebaseToTheTwin(t *testing.T) {
	t.Parallel()
	home := open(t)
	base, debug := imagetest.Run{}.Image(t), imagetest.Run{Debug: true}.Image(t)
	put(t, home, runName, base)
	put(t, home, "strata/run-static-debug:13", debug)
	app := imagetest.App(t, base, runName, "app", nil)
	put(t, home, "app", app)
	got := rebased(t, home, platform.RebaseOptions{Images: []string{"app"}, To: "debug"})[0]
	want := platform.Rebased{
		Image: "app", In: "store", Moved: got.Moved, Took: got.Took,
		Old: runName + "@" + imagetest.Digest(t, base).Hex[:12], New: "strata/run-static-debug:13@" + imagetest.Digest(t, debug).Hex[:12],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("to debug (-want +got):\n%s", diff)
	}
	rebased(t, home, platform.RebaseOptions{Images: []string{"app"}, To: "base"})
	if got := digestIn(t, home, "app"); got != imagetest.Digest(t, app) {
		t.Errorf("back on the base the app is %s, it was %s", got, imagetest.Digest(t, app))
	}
}

// TestRebaseMany moves a hundred apps in a registry that has both bases, and
// looks at what goes over the wire: the configuration and the manifest.
func TestRebaseMany(t *testing.T) {
	t.Parallel()
	home, server := open(t), serve(t, nil)
	run := server.host + "/strata/run-static:13"
	old, newer := imagetest.Run{Release: "1"}.Image(t), imagetest.Run{Release: "2"}.Image(t)
	imagetest.Push(t, run, newer)
	var images []string
	for i := range 100 {
		images = append(images, fmt.Sprintf("%s/app%d", server.host, i))
		imagetest.Push(t, images[i], imagetest.App(t, old, run, images[i], nil))
	}
	server.forget()
	start := time.Now()
	results := rebased(t, home, platform.RebaseOptions{Images: images, Registry: fast})
	t.Logf("100 images took %s, %d bytes sent for the last", time.Since(start), results[99].Moved)
	for i, result := range results {
		if result.Moved == 0 || result.Moved > 10_000 {
			t.Errorf("%s: %d bytes moved, want at most 10 kB", result.Image, result.Moved)
		}
		want := imagetest.Digest(t, imagetest.App(t, newer, run, images[i], nil))
		if got := imagetest.Digest(t, imagetest.Pull(t, images[i])); got != want {
			t.Errorf("%s is %s, built anew it is %s", images[i], got, want)
		}
	}
	if sent := server.count(http.MethodPatch); sent != len(images) {
		t.Errorf("%d blobs were sent, want one configuration for each of %d images", sent, len(images))
	}
}

// TestCatalogue finds the app images among all that a registry has.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	home, server := open(t), serve(t, nil)
	run := imagetest.Run{}.Image(t)
	imagetest.Push(t, server.host+"/strata/run-static:13", run)
	want := []string{server.host + "/team/one:1", server.host + "/team/one:2", server.host + "/two:latest"}
	for _, ref := range want {
		described(t, home, ref, imagetest.App(t, run, runName, ref, nil), "2025b")
		pushed(t, home, ref, nil) // with referrers, which are not apps
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: run})
	if err := remote.WriteIndex(imagetest.Parse(t, server.host+"/index:1"), index); err != nil {
		t.Fatal(err)
	}
	got, err := home.Catalogue(t.Context(), server.host, fast)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("app images (-want +got):\n%s", diff)
	}
	none := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/_catalog") {
			return false
		}
		http.NotFound(w, r)
		return true
	})
	_, err = home.Catalogue(t.Context(), none.host, fast)
	golden(t, "rebase-no-catalogue.txt", err, none.host, "HOST")
	_, err = home.Catalogue(t.Context(), "registry.example.com/team", fast)
	golden(t, "rebase-no-registry.txt", err)
}

// TestRebaseInterrupted stops after some images and finishes with a second run.
func TestRebaseInterrupted(t *testing.T) {
	t.Parallel()
	home := open(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var manifests atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			if manifests.Add(1) > 30 {
				stop()
				panic(http.ErrAbortHandler) // the connection breaks
			}
		}
		return false
	})
	run := server.host + "/strata/run-static:13"
	old, newer := imagetest.Run{Release: "1"}.Image(t), imagetest.Run{Release: "2"}.Image(t)
	imagetest.Push(t, run, newer)
	var images []string
	for i := range 20 {
		images = append(images, fmt.Sprintf("%s/app%d", server.host, i))
		imagetest.Push(t, images[i], imagetest.App(t, old, run, images[i], nil))
	}
	options := platform.RebaseOptions{Images: images, Registry: fast}
	results, err := home.Rebase(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	server.pass()
	isNew := make([]bool, len(images))
	done := 0
	for i, result := range results {
		got := imagetest.Digest(t, imagetest.Pull(t, images[i]))
		isNew[i] = got == imagetest.Digest(t, imagetest.App(t, newer, run, images[i], nil))
		if isNew[i] {
			done++
		}
		switch {
		case !isNew[i] && got != imagetest.Digest(t, imagetest.App(t, old, run, images[i], nil)):
			t.Errorf("%s is neither old nor new: %s", images[i], got)
		case result.Err == nil && !isNew[i]:
			t.Errorf("%s is old, and was said to be rebased", images[i])
		case result.Err != nil && !errors.Is(result.Err, context.Canceled):
			t.Errorf("%s: %v, want it interrupted", images[i], result.Err)
		}
	}
	if done == 0 || done == len(images) {
		t.Fatalf("%d of %d images were done when it was interrupted", done, len(images))
	}
	for i, result := range rebased(t, home, options) {
		if result.Current != isNew[i] {
			t.Errorf("%s: up to date is %t in the second run, it was new: %t", images[i], result.Current, isNew[i])
		}
	}
}

// TestRebaseOntoTheStoresBase has the run image in the store only: its layers have to be pushed.
func TestRebaseOntoTheStoresBase(t *testing.T) {
	t.Parallel()
	home, server := open(t), serve(t, nil)
	old, newer := imagetest.Run{Release: "1"}.Image(t), imagetest.Run{Release: "2"}.Image(t)
	put(t, home, runName, newer)
	app := server.host + "/app"
	imagetest.Push(t, app, imagetest.App(t, old, runName, "app", nil))
	options := platform.RebaseOptions{Images: []string{app}, DryRun: true, Registry: fast}
	planned := rebased(t, home, options)[0]
	options.DryRun = false
	done := rebased(t, home, options)[0]
	if planned.Moved != done.Moved {
		t.Errorf("planned to move %d bytes, moved %d", planned.Moved, done.Moved)
	}
	got := imagetest.Pull(t, app)
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	if want := imagetest.Digest(t, imagetest.App(t, newer, runName, "app", nil)); imagetest.Digest(t, got) != want {
		t.Errorf("the app is %s, built anew it is %s", imagetest.Digest(t, got), want)
	}
}

// TestRebaseMounts has base and app in repositories of one registry that do not see each other's blobs.
func TestRebaseMounts(t *testing.T) {
	t.Parallel()
	home := open(t)
	var mounted atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v2/app/blobs/"):
			w.WriteHeader(http.StatusNotFound)
			return true
		case r.Method == http.MethodPost && r.URL.Query().Get("from") == "strata/run-static":
			mounted.Add(1)
			w.WriteHeader(http.StatusCreated)
			return true
		}
		return false
	})
	run := server.host + "/strata/run-static:13"
	old, newer := imagetest.Run{Release: "1"}.Image(t), imagetest.Run{Release: "2"}.Image(t)
	imagetest.Push(t, run, newer)
	imagetest.Push(t, server.host+"/app", imagetest.App(t, old, run, "app", nil))
	server.forget()
	result := rebased(t, home, platform.RebaseOptions{Images: []string{server.host + "/app"}, Registry: fast})[0]
	if mounted.Load() != 2 || server.count(http.MethodPatch) != 1 {
		t.Errorf("%d layers mounted, %d blobs sent (%d bytes); want 2 and the configuration", mounted.Load(), server.count(http.MethodPatch), result.Moved)
	}
}

// TestRebaseIsNotABuildsUndoing replaces the app while it is rebased.
func TestRebaseIsNotABuildsUndoing(t *testing.T) {
	t.Parallel()
	home := open(t)
	old, newer := imagetest.Run{Release: "1"}.Image(t), imagetest.Run{Release: "2"}.Image(t)
	var replace func()
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/app/manifests/latest") {
			replace()
		}
		return false
	})
	run, app := server.host+"/run:13", server.host+"/app"
	imagetest.Push(t, run, newer)
	replace = func() {}
	imagetest.Push(t, app, imagetest.App(t, old, run, "app", nil))
	built := imagetest.App(t, old, run, "a newer app", nil)
	replace = func() {
		replace = func() {}
		imagetest.Push(t, app, built)
	}
	results, err := home.Rebase(t.Context(), platform.RebaseOptions{Images: []string{app}, Registry: fast})
	if err != nil {
		t.Fatal(err)
	}
	server.golden(t, "rebase-replaced.txt", results[0].Err)
	if got := imagetest.Digest(t, imagetest.Pull(t, app)); got != imagetest.Digest(t, built) {
		t.Errorf("the app is %s, what was built meanwhile is %s", got, imagetest.Digest(t, built))
	}
}

// TestRebaseNotOntoAnother has a registry that does not say which run image it has: the store's is no substitute.
func TestRebaseNotOntoAnother(t *testing.T) {
	t.Parallel()
	home := open(t)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/v2/run/manifests/") && r.Method == http.MethodGet {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		return false
	})
	run, app := server.host+"/run:13", server.host+"/app"
	put(t, home, run, imagetest.Run{Release: "2"}.Image(t))
	imagetest.Push(t, app, imagetest.App(t, imagetest.Run{Release: "1"}.Image(t), run, "app", nil))
	results, err := home.Rebase(t.Context(), platform.RebaseOptions{Images: []string{app}, Registry: fast})
	if err != nil {
		t.Fatal(err)
	}
	server.golden(t, "rebase-base-broken.txt", results[0].Err)
}

func TestRebaseRefused(t *testing.T) {
	t.Parallel()
	home, server := open(t), serve(t, nil)
	base := imagetest.Run{}.Image(t)
	put(t, home, runName, base)
	put(t, home, "app", imagetest.App(t, base, runName, "app", nil))
	put(t, home, "no-run-image", imagetest.App(t, base, runName, "app", func(c *v1.ConfigFile) {
		c.Config.Labels["io.buildpacks.lifecycle.metadata"] = `{"runImage":{"topLayer":"sha256:0"}}`
	}))
	imagetest.Push(t, server.host+"/app", imagetest.App(t, base, server.host+"/nowhere:13", "app", nil))
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: base})
	if err := remote.WriteIndex(imagetest.Parse(t, server.host+"/index"), index); err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string]platform.RebaseOptions{
		"to":           {Images: []string{"app"}, To: "musl"},
		"in":           {Images: []string{"app"}, In: "docker"},
		"both":         {Images: []string{"app"}, To: "debug", RunImage: runName},
		"name":         {Images: []string{"App"}},
		"digest":       {Images: []string{"app@sha256:" + strings.Repeat("0", 64)}},
		"missing":      {Images: []string{"other"}},
		"no-run-image": {Images: []string{"no-run-image"}},
		"base-missing": {Images: []string{"app"}, To: "debug"},
		"base-nowhere": {Images: []string{server.host + "/app"}},
		"unknown":      {Images: []string{server.host + "/other"}},
		"index":        {Images: []string{server.host + "/index"}},
	} {
		options.Registry = fast
		results, err := home.Rebase(t.Context(), options)
		if err == nil {
			err = results[0].Err
		}
		server.golden(t, "rebase-"+name+".txt", err, home.Layout(), "<store>")
	}
}

func rebased(t *testing.T, home *platform.Home, options platform.RebaseOptions) []platform.Rebased {
	t.Helper()
	results, err := home.Rebase(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range results {
		if result.Err != nil {
			t.Fatalf("%s: %v", result.Image, result.Err)
		}
	}
	return results
}

func open(t *testing.T) *platform.Home {
	t.Helper()
	home, err := platform.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return home
}

func put(t *testing.T, home *platform.Home, ref string, image v1.Image) {
	t.Helper()
	if _, err := home.Put(ref, image); err != nil {
		t.Fatal(err)
	}
}

func digestIn(t *testing.T, home *platform.Home, ref string) v1.Hash {
	t.Helper()
	d, err := home.Digest(ref)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// golden compares the text of an error; what comes in pairs is hidden.
func golden(t *testing.T, file string, err error, hide ...string) {
	t.Helper()
	if f := (fault.Fault{}); !errors.As(err, &f) {
		t.Errorf("%s: want a fault, got %v", file, err)
		return
	}
	kittest.Golden(t, file, strings.NewReplacer(hide...).Replace(err.Error())+"\n")
}
