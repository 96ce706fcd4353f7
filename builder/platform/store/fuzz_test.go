package store_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// beside has a store in which a good image is beside what is not trusted, and checks afterwards that it still is.
func beside(t *testing.T, use func(*store.Store)) {
	t.Helper()
	s := platformtest.Store(t)
	platformtest.Put(t, s, "good:1", platformImage(t, "amd64", "good"))
	use(s)
	again, err := store.Open(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	good, err := again.Image(platformtest.Parse(t, "good:1"))
	if err == nil {
		err = again.Blobs().CheckAll(good)
	}
	if err != nil {
		t.Errorf("the image beside it: %v", err)
	}
	platformtest.CheckBlobs(t, s.Dir())
}

// readWhole reads all of an image.
func readWhole(t *testing.T, s *store.Store, image v1.Image) {
	t.Helper()
	_, err := image.ConfigFile() // what is wrong with it is said, and harms nothing else
	if err = errors.Join(err, s.Blobs().CheckAll(image)); err != nil && strings.Contains(err.Error(), "moved aside") {
		t.Error(err)
	}
	_, _ = store.ReadArtifact(image)
	layers, _ := image.Layers()
	for _, layer := range layers {
		if stream, err := layer.Compressed(); err == nil {
			_, _ = io.Copy(io.Discard, stream)
			_ = stream.Close()
		}
	}
}

const (
	empty64 = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	layer64 = `{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "` + empty64 + `", "size": 0}`
)

// FuzzManifest stores manifests of images: whatever one says, the other images of the store stay whole.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"schemaVersion": 2, "config": ` + layer64 + `, "layers": [` + layer64 + `]}`))
	f.Add([]byte(`{"schemaVersion": 2, "config": {"size": 1}, "layers": [{}, {"size": -1, "data": "e30="}]}`))
	f.Add([]byte(`{"config": {"digest": "sha512:` + strings.Repeat("00", 64) + `"}, "layers": null, "subject": {}}`))
	f.Add([]byte(`{"config": {"digest": ""}}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		beside(t, func(s *store.Store) {
			if image, err := s.Loose(manifest); err == nil {
				readWhole(t, s, image)
			}
			if _, err := s.PutManifest(platformtest.Parse(t, "hostile:1"), types.OCIManifestSchema1, manifest); err != nil {
				return
			}
			if image, err := s.Image(platformtest.Parse(t, "hostile:1")); err == nil {
				readWhole(t, s, image)
			}
		})
	})
}

// FuzzImageIndex stores indexes of images in the same way.
func FuzzImageIndex(f *testing.F) {
	const platform = `"platform": {"os": "linux", "architecture": "amd64"}`
	f.Add([]byte(`{"schemaVersion": 2, "manifests": [{"digest": "` + empty64 + `", "size": 0, ` + platform + `}]}`))
	f.Add([]byte(`{"manifests": [{` + platform + `}]}`))
	f.Add([]byte(`{"manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", ` + platform + `}, null]}`))
	f.Fuzz(func(t *testing.T, index []byte) {
		beside(t, func(s *store.Store) {
			hostile := platformtest.Parse(t, "hostile:1")
			if _, err := s.PutManifest(hostile, types.OCIImageIndex, index); err != nil {
				return
			}
			if image, err := s.Image(hostile); err == nil {
				readWhole(t, s, image)
			}
			if _, err := s.Images(); err != nil && strings.Contains(err.Error(), "good:1") {
				t.Error(err)
			}
			_ = s.CheckApp(hostile)
		})
	})
}

// FuzzIndex reads the store's own index, which may be damaged: it is a fault, or its images can be listed and read.
func FuzzIndex(f *testing.F) {
	const named = `"annotations": {"org.opencontainers.image.ref.name": "index.docker.io/library/a:1"}`
	f.Add([]byte(`{"schemaVersion": 2, "manifests": [{"digest": "` + empty64 + `", "size": 0, ` + named + `}]}`))
	f.Add([]byte(`{"schemaVersion": 2, "manifests": [{` + named + `}, {"annotations": {"io.strata.subject": "x"}}]}`))
	f.Add([]byte(`{"schemaVersion": 2, "manifests": [{"digest": "sha256:../../x"}]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, index []byte) {
		s := platformtest.Store(t)
		digest := platformtest.Digest(t, platformImage(t, "amd64", "good"))
		platformtest.Put(t, s, "good:1", platformImage(t, "amd64", "good"))
		if err := os.WriteFile(filepath.Join(s.Dir(), "index.json"), index, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Images(); err == nil {
			for _, text := range []string{"a:1", "good:1"} {
				if image, err := s.Image(platformtest.Parse(t, text)); err == nil {
					readWhole(t, s, image)
				}
			}
		}
		if _, err := s.Find("none:1", "make it"); err != nil {
			kittest.Fault(t, err)
		}
		if _, err := s.Blobs().Check(digest); err != nil {
			t.Errorf("the manifest that is in no index: %v", err)
		}
	})
}
