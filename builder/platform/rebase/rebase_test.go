package rebase_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

const runName = platformtest.RunName

func TestRebaseInTheStore(t *testing.T) {
	t.Parallel()
	h := open(t)
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Put(t, h.Store, runName, newer)
	for _, app := range []string{"one", "two"} {
		platformtest.Put(t, h.Store, app, platformtest.App(t, old, runName, app, nil))
	}
	options := rebase.Options{Images: []string{"one", "two"}, DryRun: true}
	before := platformtest.DigestIn(t, h.Store, "one")
	planned := rebased(t, h, options)
	if after := platformtest.DigestIn(t, h.Store, "one"); after != before {
		t.Errorf("a dry run changed the image from %s to %s", before, after)
	}
	options.DryRun = false
	done := rebased(t, h, options)
	if planned[0].Moved != done[0].Moved || done[0].Moved == 0 {
		t.Errorf("planned to write %d bytes, wrote %d", planned[0].Moved, done[0].Moved)
	}
	for _, app := range options.Images {
		want := platformtest.Digest(t, platformtest.App(t, newer, runName, app, nil))
		if got := platformtest.DigestIn(t, h.Store, app); got != want {
			t.Errorf("%s is %s, built again it is %s", app, got, want)
		}
	}
	for _, again := range rebased(t, h, options) {
		if !again.Current || again.Moved != 0 {
			t.Errorf("a second time: %+v", again)
		}
	}
}

func TestRebaseToTheTwin(t *testing.T) {
	t.Parallel()
	h := open(t)
	base, debug := platformtest.Run{}.Image(t), platformtest.Run{Debug: true}.Image(t)
	platformtest.Put(t, h.Store, runName, base)
	platformtest.Put(t, h.Store, "strata/run-static-debug:13", debug)
	app := platformtest.App(t, base, runName, "app", nil)
	platformtest.Put(t, h.Store, "app", app)
	got := rebased(t, h, rebase.Options{Images: []string{"app"}, To: "debug"})[0]
	want := rebase.Result{
		Image: "app", In: "store", Moved: got.Moved, Took: got.Took,
		Old: runName + "@" + platformtest.Digest(t, base).Hex[:12], New: "strata/run-static-debug:13@" + platformtest.Digest(t, debug).Hex[:12],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("to debug (-want +got):\n%s", diff)
	}
	rebased(t, h, rebase.Options{Images: []string{"app"}, To: "base"})
	if got := platformtest.DigestIn(t, h.Store, "app"); got != platformtest.Digest(t, app) {
		t.Errorf("back on the base the app is %s, it was %s", got, platformtest.Digest(t, app))
	}
}

// TestRebaseMany moves a hundred apps in a registry that has both bases, and
// looks at what goes over the wire: the configuration and the manifest.
func TestRebaseMany(t *testing.T) {
	t.Parallel()
	h, server := open(t), platformtest.Serve(t, nil)
	run := server.Host + "/strata/run-static:13"
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Push(t, run, newer)
	var images []string
	for i := range 100 {
		images = append(images, fmt.Sprintf("%s/app%d", server.Host, i))
		platformtest.Push(t, images[i], platformtest.App(t, old, run, images[i], nil))
	}
	server.Forget()
	start := time.Now()
	results := rebased(t, h, rebase.Options{Images: images, Registry: platformtest.Fast})
	t.Logf("100 images took %s, %d bytes sent for the last", time.Since(start), results[99].Moved)
	for i, result := range results {
		if result.Moved == 0 || result.Moved > 10_000 {
			t.Errorf("%s: %d bytes moved, want at most 10 kB", result.Image, result.Moved)
		}
		want := platformtest.Digest(t, platformtest.App(t, newer, run, images[i], nil))
		if got := platformtest.Digest(t, platformtest.Pull(t, images[i])); got != want {
			t.Errorf("%s is %s, built again it is %s", images[i], got, want)
		}
	}
	if sent := server.Count(http.MethodPatch); sent != len(images) {
		t.Errorf("%d blobs were sent, want one configuration for each of %d images", sent, len(images))
	}
}

// TestRebaseInterrupted stops after some images and finishes with a second run.
func TestRebaseInterrupted(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var manifests atomic.Int64
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			if manifests.Add(1) > 30 {
				stop()
				panic(http.ErrAbortHandler) // the connection breaks
			}
		}
		return false
	})
	run := server.Host + "/strata/run-static:13"
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Push(t, run, newer)
	var images []string
	for i := range 20 {
		images = append(images, fmt.Sprintf("%s/app%d", server.Host, i))
		platformtest.Push(t, images[i], platformtest.App(t, old, run, images[i], nil))
	}
	options := rebase.Options{Images: images, Registry: platformtest.Fast}
	results, err := rebase.Images(ctx, h, options)
	if err != nil {
		t.Fatal(err)
	}
	server.Pass()
	isNew := make([]bool, len(images))
	done := 0
	for i, result := range results {
		got := platformtest.Digest(t, platformtest.Pull(t, images[i]))
		isNew[i] = got == platformtest.Digest(t, platformtest.App(t, newer, run, images[i], nil))
		if isNew[i] {
			done++
		}
		switch {
		case !isNew[i] && got != platformtest.Digest(t, platformtest.App(t, old, run, images[i], nil)):
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
	for i, result := range rebased(t, h, options) {
		if result.Current != isNew[i] {
			t.Errorf("%s: up to date is %t in the second run, it was new: %t", images[i], result.Current, isNew[i])
		}
	}
}

// TestRebaseOntoTheStoresBase has the run image in the store only: its layers have to be pushed.
func TestRebaseOntoTheStoresBase(t *testing.T) {
	t.Parallel()
	h, server := open(t), platformtest.Serve(t, nil)
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Put(t, h.Store, runName, newer)
	app := server.Host + "/app"
	platformtest.Push(t, app, platformtest.App(t, old, runName, "app", nil))
	options := rebase.Options{Images: []string{app}, DryRun: true, Registry: platformtest.Fast}
	planned := rebased(t, h, options)[0]
	options.DryRun = false
	done := rebased(t, h, options)[0]
	if planned.Moved != done.Moved {
		t.Errorf("planned to move %d bytes, moved %d", planned.Moved, done.Moved)
	}
	got := platformtest.Pull(t, app)
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	if want := platformtest.Digest(t, platformtest.App(t, newer, runName, "app", nil)); platformtest.Digest(t, got) != want {
		t.Errorf("the app is %s, built again it is %s", platformtest.Digest(t, got), want)
	}
}

// TestRebaseMounts has base and app in repositories of one registry that do not see each other's blobs.
func TestRebaseMounts(t *testing.T) {
	t.Parallel()
	h := open(t)
	var mounted atomic.Int64
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
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
	run := server.Host + "/strata/run-static:13"
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Push(t, run, newer)
	platformtest.Push(t, server.Host+"/app", platformtest.App(t, old, run, "app", nil))
	server.Forget()
	result := rebased(t, h, rebase.Options{Images: []string{server.Host + "/app"}, Registry: platformtest.Fast})[0]
	if sent := server.Count(http.MethodPatch); mounted.Load() != 2 || sent != 1 {
		t.Errorf("%d layers mounted, %d blobs sent (%d bytes); want 2 and the configuration", mounted.Load(), sent, result.Moved)
	}
}

// TestRebaseIsNotABuildsUndoing replaces the app while it is rebased.
func TestRebaseIsNotABuildsUndoing(t *testing.T) {
	t.Parallel()
	h := open(t)
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	var replace func()
	server := platformtest.Serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/app/manifests/latest") {
			replace()
		}
		return false
	})
	run, app := server.Host+"/run:13", server.Host+"/app"
	platformtest.Push(t, run, newer)
	replace = func() {}
	platformtest.Push(t, app, platformtest.App(t, old, run, "app", nil))
	built := platformtest.App(t, old, run, "a newer app", nil)
	replace = func() {
		replace = func() {}
		platformtest.Push(t, app, built)
	}
	results, err := rebase.Images(t.Context(), h, rebase.Options{Images: []string{app}, Registry: platformtest.Fast})
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "rebase-replaced.txt", server.Fault(t, results[0].Err))
	if got := platformtest.Digest(t, platformtest.Pull(t, app)); got != platformtest.Digest(t, built) {
		t.Errorf("the app is %s, what was built meanwhile is %s", got, platformtest.Digest(t, built))
	}
}

// TestRebaseNotOntoAnother has a registry that does not say whether it has the run image. The store's run image is no
// substitute, even if the registry lacks the run image's mirror.
func TestRebaseNotOntoAnother(t *testing.T) {
	t.Parallel()
	h := open(t)
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/v2/run/manifests/") && r.Method == http.MethodGet {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		return false
	})
	run, app, mirrored := server.Host+"/run:13", server.Host+"/app", server.Host+"/mirrored"
	platformtest.Put(t, h.Store, run, platformtest.Run{Release: "2"}.Image(t))
	old := platformtest.Run{Release: "1"}.Image(t)
	platformtest.Push(t, app, platformtest.App(t, old, run, "app", nil))
	platformtest.Push(t, mirrored, platformtest.App(t, old, run, "app", func(c *v1.ConfigFile) {
		const label = "io.buildpacks.lifecycle.metadata"
		c.Config.Labels[label] = strings.Replace(c.Config.Labels[label], `"image":"`+run+`"},"stack"`,
			`"image":"`+run+`","mirrors":["`+server.Host+`/none:13"]},"stack"`, 1)
	}))
	results, err := rebase.Images(t.Context(), h, rebase.Options{Images: []string{app, mirrored}, Registry: platformtest.Fast})
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "rebase-base-broken.txt", server.Fault(t, results[0].Err))
	kittest.Golden(t, "rebase-mirror-missing.txt", server.Fault(t, results[1].Err))
}

func TestRebaseRefused(t *testing.T) {
	t.Parallel()
	h, server := open(t), platformtest.Serve(t, nil)
	base := platformtest.Run{}.Image(t)
	platformtest.Put(t, h.Store, runName, base)
	platformtest.Put(t, h.Store, "app", platformtest.App(t, base, runName, "app", nil))
	platformtest.Put(t, h.Store, "no-run-image", platformtest.App(t, base, runName, "app", func(c *v1.ConfigFile) {
		c.Config.Labels["io.buildpacks.lifecycle.metadata"] = `{"runImage":{"topLayer":"sha256:0"}}`
	}))
	platformtest.Push(t, server.Host+"/app", platformtest.App(t, base, server.Host+"/nowhere:13", "app", nil))
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: base})
	if err := remote.WriteIndex(platformtest.Parse(t, server.Host+"/index"), index); err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string]rebase.Options{
		"to":           {Images: []string{"app"}, To: "musl"},
		"in":           {Images: []string{"app"}, In: "docker"},
		"both":         {Images: []string{"app"}, To: "debug", RunImage: runName},
		"name":         {Images: []string{"App"}},
		"digest":       {Images: []string{"app@sha256:" + strings.Repeat("0", 64)}},
		"missing":      {Images: []string{"other"}},
		"no-run-image": {Images: []string{"no-run-image"}},
		"base-missing": {Images: []string{"app"}, To: "debug"},
		"base-nowhere": {Images: []string{server.Host + "/app"}},
		"unknown":      {Images: []string{server.Host + "/other"}},
		"index":        {Images: []string{server.Host + "/index"}},
	} {
		options.Registry = platformtest.Fast
		results, err := rebase.Images(t.Context(), h, options)
		if err == nil {
			err = results[0].Err
		}
		digest := platformtest.DigestIn(t, h.Store, "app").String()
		kittest.Golden(t, "rebase-"+name+".txt", server.Fault(t, err, h.Store.Dir(), "<store>", digest, "<digest>"))
	}
}

// TestNamedByDigest rebases what `strata build -q` prints.
func TestNamedByDigest(t *testing.T) {
	t.Parallel()
	h := open(t)
	older := platformtest.Run{Release: "1"}.Image(t)
	platformtest.Put(t, h.Store, runName, platformtest.Run{Release: "2"}.Image(t))
	platformtest.Put(t, h.Store, "app:1", platformtest.App(t, older, runName, "app", nil))
	built := platformtest.DigestIn(t, h.Store, "app:1")
	rebased(t, h, rebase.Options{Images: []string{"app:1@" + built.String()}})
	if platformtest.DigestIn(t, h.Store, "app:1") == built {
		t.Error("the tag still has the image on the old run image")
	}
}

func rebased(t *testing.T, h *home.Home, options rebase.Options) []rebase.Result {
	t.Helper()
	results, err := rebase.Images(t.Context(), h, options)
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

func open(t *testing.T) *home.Home {
	t.Helper()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return h
}
