package output_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// TestZstd pushes one image from two stores: it has the files of the store's image, one digest, and what is attached is about that.
func TestZstd(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	image := platformtest.App(t, platformtest.Run{}.Image(t), platformtest.RunName, strings.Repeat("app", 1000), nil)
	var digests []v1.Hash
	for _, ref := range []string{server.Host + "/one/app", server.Host + "/two/app"} {
		h := open(t)
		platformtest.Described(t, h.Store, ref, image, "2025b")
		to, err := output.Parse("registry", []string{ref})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time the layers are there
			if err := to.Write(t.Context(), h, []string{ref}, output.Options{Registry: platformtest.Fast, Zstd: true}); err != nil {
				t.Fatal(err)
			}
			digests = append(digests, platformtest.Digest(t, platformtest.Pull(t, ref)))
		}
		checkZstd(t, ref, image)
		if got := platformtest.DigestIn(t, h.Store, ref); got != platformtest.Digest(t, image) {
			t.Errorf("the store's image became %s", got)
		}
	}
	for _, digest := range digests {
		if digest != digests[0] {
			t.Errorf("the digests are %v, want one", digests)
		}
	}
}

func checkZstd(t *testing.T, ref string, image v1.Image) {
	t.Helper()
	pulled := platformtest.Pull(t, ref)
	if diff := cmp.Diff(platformtest.Uncompressed(t, image), platformtest.Uncompressed(t, pulled)); diff != "" {
		t.Errorf("layers (-store +registry):\n%s", diff)
	}
	manifest, err := pulled.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range manifest.Layers {
		if layer.MediaType != types.OCILayerZStd {
			t.Errorf("a layer is %s, want %s", layer.MediaType, types.OCILayerZStd)
		}
	}
	want, err := image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	got, err := pulled.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("configuration (-store +registry):\n%s", diff)
	}
	bill := platformtest.Referrers(t, ref)[sbom.TypeCycloneDX]
	if digest := platformtest.Digest(t, pulled); !strings.Contains(bill, digest.Hex) || !strings.Contains(bill, "tzdata@2025b") {
		t.Errorf("the bill of materials is not about %s:\n%s", digest, bill)
	}
}
