package platform

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// finish rewrites the manifest that an export put. The lifecycle gives its layers
// Docker media types in an OCI manifest (imgutil has no option for it); they get
// OCI types throughout, as image-spec's manifest.md wants it. Configuration and layers stay what they are, byte for byte.
func (h *Home) finish(content []byte) ([]byte, error) {
	var manifest v1.Manifest
	if err := json.Unmarshal(content, &manifest); err != nil {
		return nil, fmt.Errorf("reading the exported manifest: %w", err)
	}
	manifest.MediaType = types.OCIManifestSchema1
	manifest.Config.MediaType = types.OCIConfigJSON
	blobs := []v1.Hash{manifest.Config.Digest}
	for i := range manifest.Layers {
		if manifest.Layers[i].MediaType == types.DockerLayer {
			manifest.Layers[i].MediaType = types.OCILayer
		}
		blobs = append(blobs, manifest.Layers[i].Digest)
	}
	for _, digest := range blobs {
		if _, err := h.store.Stat(context.Background(), "", digest); err != nil {
			return nil, fmt.Errorf("checking that the store has %s: %w", digest, err)
		}
	}
	content, err := json.Marshal(manifest)
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return content, nil
}

// Layer is one layer of an image as the table of a build shows it.
type Layer struct {
	Digest       v1.Hash
	Origin       string // what made it, from the image's history
	Compressed   int64  // bytes
	Uncompressed int64  // bytes
	Sharers      int    // other images of the store that have it
}

// Layers lists an image's layers from the bottom up.
func (h *Home) Layers(ref string) ([]Layer, error) {
	image, err := h.Image(ref, "build it with `strata build`")
	if err != nil {
		return nil, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	sharers, err := h.sharers()
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
		layers[i] = Layer{Digest: d.Digest, Compressed: d.Size, Sharers: sharers[d.Digest] - 1}
		if i < len(origins) {
			layers[i].Origin = origins[i]
		}
		if layers[i].Uncompressed, err = h.uncompressedSize(d.Digest); err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// sharers counts for each layer the images of the store that have it.
func (h *Home) sharers() (map[v1.Hash]int, error) {
	images, err := h.store.Images()
	if err != nil {
		return nil, err
	}
	counts, seen := map[v1.Hash]int{}, map[v1.Hash]bool{}
	for _, d := range images {
		if seen[d.Digest] {
			continue // one image under two names
		}
		seen[d.Digest] = true
		content, err := os.ReadFile(h.blob(d.Digest))
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

// uncompressedSize reads the size of a gzip blob's content from its last four
// bytes (RFC 1952, ISIZE): exact for the single-member files below 4 GiB that
// the lifecycle and the stacks write, and no need to decompress.
func (h *Home) uncompressedSize(digest v1.Hash) (int64, error) {
	f, err := os.Open(h.blob(digest))
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

func (h *Home) blob(digest v1.Hash) string {
	return filepath.Join(h.store.Dir(), "blobs", digest.Algorithm, digest.Hex)
}

// separators are what stands between the letters and digits of a name, allowed or not.
var separators = regexp.MustCompile(`[-_.]+`)

// DefaultImage is the name of the image of an app whose name nobody gave: its folder's.
func DefaultImage(app string) string {
	base := strings.ToLower(filepath.Base(app))
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, base)
	clean = separators.ReplaceAllStringFunc(strings.Trim(clean, "-_."), func(text string) string {
		if repository.MatchString("a" + text + "a") {
			return text
		}
		return "-"
	})
	if clean == "" {
		return "app"
	}
	return clean
}

// Size is the compressed size of an image's layers, in bytes.
func (h *Home) Size(ref string) (int64, error) {
	image, err := h.Image(ref, "build it with `strata build`")
	if err != nil {
		return 0, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", ref, err)
	}
	var size int64
	for _, layer := range manifest.Layers {
		size += layer.Size
	}
	return size, nil
}
