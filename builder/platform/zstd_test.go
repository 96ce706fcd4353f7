package platform_test

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform"
	"github.com/strata-buildpacks/strata/builder/platform/internal/imagetest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// TestZstd pushes one image from two stores: it has the files of the store's image, one digest, and what is attached is about that.
func TestZstd(t *testing.T) {
	t.Parallel()
	server := serve(t, nil)
	image := imagetest.App(t, imagetest.Run{}.Image(t), runName, strings.Repeat("app", 1000), nil)
	var digests []v1.Hash
	for _, ref := range []string{server.host + "/one/app", server.host + "/two/app"} {
		home := open(t)
		described(t, home, ref, image, "2025b")
		output, err := platform.ParseOutput("registry", []string{ref})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time the layers are there
			if err := home.Write(t.Context(), output, []string{ref}, platform.WriteOptions{Registry: fast, Zstd: true}); err != nil {
				t.Fatal(err)
			}
			digests = append(digests, imagetest.Digest(t, imagetest.Pull(t, ref)))
		}
		checkZstd(t, ref, image)
		if got := digestIn(t, home, ref); got != imagetest.Digest(t, image) {
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
	pulled := imagetest.Pull(t, ref)
	if diff := cmp.Diff(contents(t, image), contents(t, pulled)); diff != "" {
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
	bill := referrers(t, ref)[sbom.TypeCycloneDX]
	if digest := imagetest.Digest(t, pulled); !strings.Contains(bill, digest.Hex) || !strings.Contains(bill, "tzdata@2025b") {
		t.Errorf("the bill of materials is not about %s:\n%s", digest, bill)
	}
}

// contents are the layers of an image, uncompressed.
func contents(t *testing.T, image v1.Image) []string {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, layer := range layers {
		stream, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(content))
	}
	return all
}
