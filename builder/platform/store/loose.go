package store

import (
	"bytes"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Loose returns the image of a manifest that has no name in the store but whose blobs are there.
func (s *Store) Loose(manifest []byte) (v1.Image, error) {
	parsed, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return nil, err
	}
	config, err := os.ReadFile(s.Blobs().Path(parsed.Config.Digest))
	if err != nil {
		return nil, err
	}
	layer := func(d v1.Descriptor) partial.CompressedLayer { return blobLayer{d, s.Blobs().Path(d.Digest)} }
	return partial.CompressedToImage(looseImage{manifest, config, layer})
}

// looseImage is an image that no index names. It implements partial.CompressedImageCore.
type looseImage struct {
	manifest, config []byte
	layer            func(v1.Descriptor) partial.CompressedLayer
}

func (looseImage) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (l looseImage) RawConfigFile() ([]byte, error)    { return l.config, nil }
func (l looseImage) RawManifest() ([]byte, error)      { return l.manifest, nil }

func (l looseImage) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	manifest, err := v1.ParseManifest(bytes.NewReader(l.manifest))
	if err != nil {
		return nil, err
	}
	for _, d := range manifest.Layers {
		if d.Digest == digest {
			return l.layer(d), nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", digest)
}

// blobLayer is a layer that is a file. It implements partial.CompressedLayer.
type blobLayer struct {
	descriptor v1.Descriptor
	path       string
}

func (b blobLayer) Digest() (v1.Hash, error)            { return b.descriptor.Digest, nil }
func (b blobLayer) Size() (int64, error)                { return b.descriptor.Size, nil }
func (b blobLayer) MediaType() (types.MediaType, error) { return b.descriptor.MediaType, nil }
func (b blobLayer) Compressed() (io.ReadCloser, error)  { return os.Open(b.path) }
