package store

import (
	"bytes"
	"fmt"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// PutIndex stores the images of an index, one per platform, and gives the index a name.
func (s *Store) PutIndex(ref name.Reference, index v1.ImageIndex) (v1.Hash, error) {
	list, err := index.IndexManifest()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the index %s: %w", ref, err)
	}
	for _, d := range list.Manifests {
		image, err := index.Image(d.Digest)
		if err != nil {
			return v1.Hash{}, fmt.Errorf("reading the index %s: %w", ref, err)
		}
		manifest, err := s.putImage(ref, image)
		if err != nil {
			return v1.Hash{}, err
		}
		if _, _, err := s.blobs.PutBytes(manifest); err != nil {
			return v1.Hash{}, err
		}
	}
	content, err := index.RawManifest()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the index %s: %w", ref, err)
	}
	return s.PutManifest(ref, types.OCIImageIndex, content)
}

// resolve returns an image as it is, and of an index the image for this machine's architecture.
func (s *Store) resolve(d v1.Descriptor) (v1.Descriptor, error) {
	if !d.MediaType.IsIndex() {
		return d, nil
	}
	platforms, err := s.platforms(d)
	if err != nil {
		return v1.Descriptor{}, err
	}
	for _, p := range platforms {
		if p.Platform != nil && p.Platform.OS == "linux" && p.Platform.Architecture == runtime.GOARCH {
			return p, nil
		}
	}
	return v1.Descriptor{}, fmt.Errorf("the index %s has no image for linux/%s: %w", d.Digest, runtime.GOARCH, ErrNotFound)
}

// platforms returns the images of an index.
func (s *Store) platforms(d v1.Descriptor) ([]v1.Descriptor, error) {
	content, err := s.blobs.read(d)
	if err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", d.Digest, err)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", d.Digest, err)
	}
	return index.Manifests, nil
}
