package store

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Loose returns the image of a manifest that has no name in the store but whose blobs are there.
func (s *Store) Loose(manifest []byte) (v1.Image, error) {
	return s.image(types.OCIManifestSchema1, manifest, func(err error) error { return err })
}

// Layer returns a layer whose blob is in the store, whichever image has it. The digest of its files is known.
func (s *Store) Layer(blob v1.Descriptor, diffID v1.Hash) (v1.Layer, error) {
	layer, err := partial.CompressedToLayer(blobLayer{blob, s.blobs, func(err error) error { return err }})
	return knownLayer{layer, diffID}, err
}

// knownLayer is a layer of which the digest of the files is known.
type knownLayer struct {
	v1.Layer
	diffID v1.Hash
}

func (k knownLayer) DiffID() (v1.Hash, error) { return k.diffID, nil }

// open returns an image of the store. What it and its layers fail with goes through explain.
func (s *Store) open(image v1.Descriptor, explain func(error) error) (v1.Image, error) {
	manifest, err := s.blobs.read(image)
	if err != nil {
		return nil, explain(err)
	}
	return s.image(image.MediaType, manifest, explain)
}

// image returns an image whose blobs are in the store. They are hashed as they are read.
func (s *Store) image(mediaType types.MediaType, manifest []byte, explain func(error) error) (v1.Image, error) {
	parsed, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return nil, fmt.Errorf("reading a manifest: %w", err)
	}
	return partial.CompressedToImage(looseImage{
		mediaType: mediaType, manifest: manifest,
		config: sync.OnceValues(func() ([]byte, error) {
			content, err := s.blobs.read(parsed.Config)
			return content, explain(err)
		}),
		layer: func(d v1.Descriptor) partial.CompressedLayer { return blobLayer{d, s.blobs, explain} },
	})
}

// looseImage is an image that no index names. It implements partial.CompressedImageCore.
type looseImage struct {
	mediaType types.MediaType
	manifest  []byte
	config    func() ([]byte, error)
	layer     func(v1.Descriptor) partial.CompressedLayer
}

func (l looseImage) MediaType() (types.MediaType, error) { return l.mediaType, nil }
func (l looseImage) RawConfigFile() ([]byte, error)      { return l.config() }
func (l looseImage) RawManifest() ([]byte, error)        { return l.manifest, nil }

func (l looseImage) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	manifest, err := v1.ParseManifest(bytes.NewReader(l.manifest))
	if err != nil {
		return nil, err
	}
	for _, d := range append(manifest.Layers, manifest.Config) {
		if d.Digest == digest {
			return l.layer(d), nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", digest)
}

// blobLayer is a layer that is a blob. It implements partial.CompressedLayer.
type blobLayer struct {
	descriptor v1.Descriptor
	blobs      Blobs
	explain    func(error) error
}

func (b blobLayer) Digest() (v1.Hash, error)            { return b.descriptor.Digest, nil }
func (b blobLayer) Size() (int64, error)                { return b.descriptor.Size, nil }
func (b blobLayer) MediaType() (types.MediaType, error) { return b.descriptor.MediaType, nil }
func (b blobLayer) Descriptor() (*v1.Descriptor, error) { return &b.descriptor, nil }
func (b blobLayer) Compressed() (_ io.ReadCloser, err error) {
	content, err := b.blobs.open(b.descriptor)
	if err != nil {
		return nil, b.explain(err)
	}
	return explained{content, b.explain}, nil
}

// explained is a stream whose errors say what to do.
type explained struct {
	io.ReadCloser
	explain func(error) error
}

func (e explained) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, e.explain(err)
}
