package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Layer is one layer of an image, as people want to see it.
type Layer struct {
	Digest       v1.Hash
	Origin       string // what made it, from the image's history
	Compressed   int64  // bytes
	Uncompressed int64  // bytes
	Sharers      int    // how many other images of the store have it
}

// Layers returns the layers of the image that Find finds, lowest first.
func (s *Store) Layers(text string) ([]Layer, error) {
	image, err := s.Find(text, BuildApp)
	if err != nil {
		return nil, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", text, err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", text, err)
	}
	holders, err := s.holders()
	if err != nil {
		return nil, err
	}
	var origins []string
	for _, entry := range config.History {
		if !entry.EmptyLayer {
			origins = append(origins, entry.CreatedBy)
		}
	}
	layers := make([]Layer, len(manifest.Layers))
	for i, d := range manifest.Layers {
		layers[i] = Layer{Digest: d.Digest, Compressed: d.Size, Sharers: holders[d.Digest] - 1}
		if i < len(origins) {
			layers[i].Origin = origins[i]
		}
		if layers[i].Uncompressed, err = s.uncompressedSize(d.Digest); err != nil {
			return nil, s.Explain(text, BuildApp, err)
		}
	}
	return layers, nil
}

// Size returns the compressed size of the layers of the image that Find finds, in bytes.
func (s *Store) Size(text string) (int64, error) {
	image, err := s.Find(text, BuildApp)
	if err != nil {
		return 0, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", text, err)
	}
	var size int64
	for _, layer := range manifest.Layers {
		size += layer.Size
	}
	return size, nil
}

// holders counts, for each layer, the images of the store that have it. Nobody knows what those with a damaged manifest have.
func (s *Store) holders() (map[v1.Hash]int, error) {
	images, err := s.Images()
	if err != nil {
		return nil, err
	}
	counts, seen := map[v1.Hash]int{}, map[v1.Hash]bool{}
	for _, d := range images {
		if seen[d.Digest] {
			continue // one image under two names
		}
		seen[d.Digest] = true
		content, err := s.blobs.read(d)
		if errors.As(err, new(*Damage)) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the image %s: %w", d.Digest, err)
		}
		var manifest v1.Manifest
		if err := json.Unmarshal(content, &manifest); err != nil {
			return nil, fmt.Errorf("reading the image %s: %w", d.Digest, err)
		}
		for _, layer := range manifest.Layers {
			counts[layer.Digest]++
		}
	}
	return counts, nil
}

// uncompressedSize reads the size of a gzip blob's content from its last four bytes (RFC 1952, ISIZE). The size is right
// for files of one member below 4 GiB, and the lifecycle and the stacks write no others.
func (s *Store) uncompressedSize(digest v1.Hash) (int64, error) {
	if _, err := s.blobs.Check(digest); err != nil {
		return 0, err
	}
	f, err := os.Open(s.blobs.Path(digest))
	if err != nil {
		return 0, fmt.Errorf("reading the layer %s: %w", digest, err)
	}
	defer f.Close()
	if _, err := f.Seek(-4, io.SeekEnd); err != nil {
		return 0, fmt.Errorf("reading the layer %s: %w", digest, err)
	}
	var size uint32
	if err := binary.Read(f, binary.LittleEndian, &size); err != nil {
		return 0, fmt.Errorf("reading the layer %s: %w", digest, err)
	}
	return int64(size), nil
}
