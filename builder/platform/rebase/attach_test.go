package rebase_test

import (
	"encoding/json"
	"io"
	"log"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	inprocess "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// TestRebaseTellsTheTruth looks at what is attached to an image before and after it moves: to another run image and back.
func TestRebaseTellsTheTruth(t *testing.T) {
	t.Parallel()
	h := open(t)
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Described(t, h.Store, runName, newer, "2025b")
	app := platformtest.App(t, old, runName, "app", nil)
	platformtest.Described(t, h.Store, "app", app, "2024a")
	rebased(t, h, rebase.Options{Images: []string{"app"}})

	files := platformtest.Attached(t, h.Store, "app")
	for _, file := range []string{"app.sbom.cdx.json", "app.sbom.spdx.json"} {
		if !strings.Contains(files[file], "tzdata@2025b") || strings.Contains(files[file], "2024a") {
			t.Errorf("%s does not list the package of the new run image alone:\n%s", file, files[file])
		}
	}
	kittest.Golden(t, "rebase-provenance.json", indented(t, files["app.provenance.json"]))
	platformtest.Put(t, h.Store, "app", app)
	if left := platformtest.Attached(t, h.Store, "app"); len(left) != 0 {
		t.Errorf("an image that has nothing attached got %v of the one that had its name", left)
	}
}

// TestRebaseAttachesInRegistry has the same in a registry, where the image and its bases were pushed with what was attached.
func TestRebaseAttachesInRegistry(t *testing.T) {
	t.Parallel()
	for name, hasReferrers := range map[string]bool{"with the referrers API": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := platformtest.Serve(t, nil)
			server.Handler = inprocess.New(inprocess.WithReferrersSupport(hasReferrers), inprocess.Logger(log.New(io.Discard, "", 0)))
			rebaseAttached(t, open(t), server)
		})
	}
}

func rebaseAttached(t *testing.T, h *home.Home, server *platformtest.Registry) {
	t.Helper()
	run, app := server.Host+"/strata/run-static:13", server.Host+"/app:latest"
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Described(t, h.Store, run, newer, "2025b")
	platformtest.Described(t, h.Store, app, platformtest.App(t, old, run, "app", nil), "2024a")
	rebased(t, h, rebase.Options{Images: []string{app}, In: "store"}) // gives it provenance
	moved := stored(t, h.Store, app)
	attached, err := h.Store.Artifacts(platformtest.Digest(t, moved))
	if err != nil {
		t.Fatal(err)
	}
	platformtest.Publish(t, app, moved, attached, nil)
	platformtest.Publish(t, run, old, platformtest.Bills(t, "2023c"), nil)
	rebased(t, h, rebase.Options{Images: []string{app}, In: "registry", Registry: platformtest.Fast})

	found := platformtest.Referrers(t, app)
	types := slices.Sorted(maps.Keys(found))
	const provenance = "application/vnd.in-toto+json"
	if want := []string{sbom.TypeSPDX, sbom.TypeCycloneDX, provenance}; cmp.Diff(slices.Sorted(slices.Values(want)), types) != "" {
		t.Fatalf("attached are %v, want %v", types, want)
	}
	if bill := found[sbom.TypeCycloneDX]; !strings.Contains(bill, "tzdata@2023c") || strings.Contains(bill, "2025b") {
		t.Errorf("the bill of materials is not that of the image's new base:\n%s", bill)
	}
	statement, digest := found[provenance], platformtest.Digest(t, platformtest.Pull(t, app))
	if !strings.Contains(statement, digest.Hex) {
		t.Errorf("the provenance is not about %s:\n%s", digest, statement)
	}
}

func stored(t *testing.T, s *store.Store, ref string) v1.Image {
	t.Helper()
	image, err := s.Image(platformtest.Parse(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func indented(t *testing.T, content string) string {
	t.Helper()
	var parsed any
	if err := json.Unmarshal([]byte(content), &parsed); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(parsed, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out) + "\n"
}
