package platformtest

import (
	"io"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/publish"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// Bills returns bills of materials of one Debian package in a version.
func Bills(t *testing.T, version string) []store.Artifact {
	t.Helper()
	bills, err := attest.Bills("run", sbom.Document{
		Subject:    sbom.Component{Type: "container", Name: "run"},
		Components: []sbom.Component{{Name: "tzdata", Version: version, PURL: "pkg:deb/debian/tzdata@" + version}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return bills
}

// Described stores an image under a name, with bills of materials of one package in a version.
func Described(t *testing.T, s *store.Store, ref string, image v1.Image, version string) {
	t.Helper()
	if _, err := s.Put(Parse(t, ref), image, Bills(t, version)...); err != nil {
		t.Fatal(err)
	}
}

// Attached returns what is attached to an image of a store, by the names of the files.
func Attached(t *testing.T, s *store.Store, ref string) map[string]string {
	t.Helper()
	artifacts, err := s.Artifacts(DigestIn(t, s, ref))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, a := range artifacts {
		files[a.Title] = string(a.Content)
	}
	return files
}

// Publish pushes an image to a registry with what is attached to it. signer may be nil.
func Publish(t *testing.T, ref string, image v1.Image, attached []store.Artifact, signer *attest.Signer) {
	t.Helper()
	client, err := registry.New(Fast)
	if err != nil {
		t.Fatal(err)
	}
	i := publish.Image{Image: image, Attached: attached, Signer: signer}
	if err := i.Push(t.Context(), client, []name.Reference{Parse(t, ref)}); err != nil {
		t.Fatal(err)
	}
}

// Referrers returns what a registry has attached to an image, by media type.
func Referrers(t *testing.T, ref string) map[string]string {
	t.Helper()
	image := Parse(t, ref).Context().Digest(Digest(t, Pull(t, ref)).String())
	index, err := remote.Referrers(image)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, d := range list.Manifests {
		artifact := Pull(t, image.Digest(d.Digest.String()).String())
		manifest, err := artifact.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		found[manifest.ArtifactType] = Contents(t, artifact)[0]
	}
	return found
}

// Contents returns the layers of an image as they are kept.
func Contents(t *testing.T, image v1.Image) []string {
	t.Helper()
	return contents(t, image, v1.Layer.Compressed)
}

// Uncompressed returns the layers of an image, uncompressed.
func Uncompressed(t *testing.T, image v1.Image) []string {
	t.Helper()
	return contents(t, image, v1.Layer.Uncompressed)
}

func contents(t *testing.T, image v1.Image, open func(v1.Layer) (io.ReadCloser, error)) []string {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	contents := make([]string, len(layers))
	for i, layer := range layers {
		stream, err := open(layer)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		contents[i] = string(content)
	}
	return contents
}

// Statement returns an in-toto statement as what is attached to an image.
func Statement(content string) []store.Artifact {
	return []store.Artifact{{Type: attest.StatementType, Title: "app.provenance.json", Content: []byte(content)}}
}
