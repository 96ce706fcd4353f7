package rebase_test

import (
	"regexp"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// built is what is attached to an image that was built.
func built(t *testing.T) []store.Artifact {
	t.Helper()
	const statement = `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",` +
		`"subject":[],"predicate":{}}`
	return append(platformtest.Bills(t, "1"), platformtest.Statement(statement)...)
}

// TestUndo rebases an app twice and goes back twice: each time it is the image before, byte for byte, with what was attached to it.
func TestUndo(t *testing.T) {
	t.Parallel()
	h, server := open(t), platformtest.Serve(t, nil)
	run, app := server.Host+"/strata/run-static:13", server.Host+"/app:latest"
	release := func(number string) v1.Image { return platformtest.Run{Release: number}.Image(t) }
	platformtest.Publish(t, app, platformtest.App(t, release("1"), run, "app", nil), built(t), nil)
	now := func() v1.Hash { return platformtest.Digest(t, platformtest.Pull(t, app)) }
	digests := []v1.Hash{now()}
	for _, number := range []string{"2", "3"} {
		platformtest.Publish(t, run, release(number), platformtest.Bills(t, number), nil)
		rebased(t, h, rebase.Options{Images: []string{app}, Registry: platformtest.Fast})
		digests = append(digests, now())
	}
	undo := rebase.Options{Images: []string{app}, Undo: true, Registry: platformtest.Fast}
	dry := undo
	dry.DryRun = true
	if got := rebased(t, h, dry)[0]; !got.Moves() || now() != digests[2] {
		t.Errorf("a dry run: %+v", got)
	}
	for want := 1; want >= 0; want-- {
		attached := len(platformtest.Referrers(t, app))
		got := rebased(t, h, undo)[0]
		if now() != digests[want] || !got.Moves() || got.Old == got.New || attached < 2 || len(platformtest.Referrers(t, app)) < 2 {
			t.Fatalf("it is %s, was %v; %+v", now(), digests, got)
		}
	}
	results, err := rebase.Images(t.Context(), h, undo)
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "undo-built.txt", server.Fault(t, results[0].Err))
}

// TestUndoRefused has images that nothing can be taken back of, or that provenance lies about.
func TestUndoRefused(t *testing.T) {
	t.Parallel()
	h, server := open(t), platformtest.Serve(t, nil)
	run := server.Host + "/strata/run-static:13"
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Publish(t, run, newer, platformtest.Bills(t, "2"), nil)
	fault := func(file, app string) {
		t.Helper()
		results, err := rebase.Images(t.Context(), h, rebase.Options{Images: []string{app}, Undo: true, Registry: platformtest.Fast})
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(server.Fault(t, results[0].Err), "<digest>")
		kittest.Golden(t, file, strings.ReplaceAll(text, h.Store.Dir(), "<store>"))
	}
	platformtest.Put(t, h.Store, "app", platformtest.App(t, old, run, "app", nil))
	fault("undo-store.txt", "app")

	// The provenance of one image, which names the other's build as what it was before.
	one, other := platformtest.App(t, old, run, "one", nil), platformtest.App(t, old, run, "other", nil)
	lie := server.Host + "/lie:1"
	platformtest.Publish(t, lie, one, built(t), nil)
	rebased(t, h, rebase.Options{Images: []string{lie}, Registry: platformtest.Fast})
	truth := platformtest.Digest(t, one)
	platformtest.Push(t, server.Host+"/lie:other", other)
	for kind, content := range platformtest.Referrers(t, lie) {
		if strings.Contains(kind, "in-toto") {
			lying := strings.ReplaceAll(content, truth.Hex, platformtest.Digest(t, other).Hex)
			moved := platformtest.Pull(t, lie)
			fresh := server.Host + "/fresh:1"
			platformtest.Push(t, server.Host+"/fresh:other", other)
			platformtest.Publish(t, fresh, moved, platformtest.Statement(lying), nil)
			fault("undo-other.txt", fresh)
			gone := server.Host + "/gone:1"
			platformtest.Publish(t, gone, moved, platformtest.Statement(content), nil)
			fault("undo-gone.txt", gone)
		}
	}
	for file, options := range map[string]rebase.Options{
		"undo-to.txt":    {Images: []string{lie}, Undo: true, RunImage: run},
		"limit-none.txt": {Images: []string{lie}, Limit: -1},
	} {
		_, err := rebase.Images(t.Context(), h, options)
		kittest.Golden(t, file, server.Fault(t, err))
	}
}
