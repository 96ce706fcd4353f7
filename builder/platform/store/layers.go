package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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
	layers, err := s.Describe(image)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", text, err)
	}
	for i := range layers {
		layers[i].Sharers-- // the image itself
		if layers[i].Uncompressed, err = s.uncompressedSize(layers[i].Digest); err != nil {
			return nil, s.Explain(text, BuildApp, err)
		}
	}
	return layers, nil
}

// Describe returns the layers of any image, lowest first, without uncompressed sizes. Sharers are the images of the store that have a
// layer.
func (s *Store) Describe(image v1.Image) ([]Layer, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	holders, err := s.holders()
	if err != nil {
		return nil, err
	}
	origins := Origins(config)
	layers := make([]Layer, len(manifest.Layers))
	for i, d := range manifest.Layers {
		layers[i] = Layer{Digest: d.Digest, Compressed: d.Size, Sharers: holders[d.Digest]}
		if i < len(origins) {
			layers[i].Origin = origins[i]
		}
	}
	return layers, nil
}

// Origins returns what made each layer, as the image's history says, or else the label of the lifecycle: before Platform API 0.12 it
// writes no history.
func Origins(config *v1.ConfigFile) []string {
	origins := make([]string, len(config.RootFS.DiffIDs))
	i := 0
	for _, entry := range config.History {
		if !entry.EmptyLayer && i < len(origins) {
			origins[i] = entry.CreatedBy
			i++
		}
	}
	var label struct {
		App []struct {
			SHA string `json:"sha"`
		} `json:"app"`
		Buildpacks []struct {
			ID      string `json:"key"`
			Version string `json:"version"`
			Layers  map[string]struct {
				SHA string `json:"sha"`
			} `json:"layers"`
		} `json:"buildpacks"`
		Config, Launcher, SBOM struct {
			SHA string `json:"sha"`
		}
		Processes struct {
			SHA string `json:"sha"`
		} `json:"process-types"`
	}
	_ = json.Unmarshal([]byte(config.Config.Labels[appLabel]), &label) // what cannot be read says nothing
	said := map[string]string{
		label.Config.SHA: "Buildpacks Launcher Config", label.Launcher.SHA: "Buildpacks Application Launcher",
		label.SBOM.SHA: "Software Bill-of-Materials", label.Processes.SHA: "Buildpacks Process Types",
	}
	for _, layer := range label.App {
		said[layer.SHA] = "Application Layer"
	}
	for _, bp := range label.Buildpacks {
		for name, layer := range bp.Layers {
			said[layer.SHA] = fmt.Sprintf("Layer: '%s', Created by buildpack: %s@%s", name, bp.ID, bp.Version)
		}
	}
	for i, diffID := range config.RootFS.DiffIDs {
		if origins[i] == "" {
			origins[i] = said[diffID.String()]
		}
		origins[i] = strings.Join(strings.Fields(origins[i]), " ") // what others wrote stays in its line
	}
	return origins
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
