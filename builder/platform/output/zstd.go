package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// zstdLevel makes the smallest layers. A layer is compressed once, however many images have it.
const zstdLevel = zstd.SpeedBestCompression

// zstdImage returns an image of the store with its layers compressed by Zstandard (RFC 8878): the same files, the same
// configuration, another manifest. What is attached to the new image is about the new image.
func zstdImage(h *home.Home, ref name.Reference, image v1.Image, attached []store.Artifact) (v1.Image, []store.Artifact, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	manifest = manifest.DeepCopy()
	var group errgroup.Group
	group.SetLimit(2)
	for i, layer := range layers {
		group.Go(func() error {
			digest, size, err := zstdLayer(h, layer)
			if err != nil {
				return fmt.Errorf("compressing the layer %s: %w", manifest.Layers[i].Digest, err)
			}
			manifest.Layers[i].MediaType, manifest.Layers[i].Digest, manifest.Layers[i].Size = types.OCILayerZStd, digest, size
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	content, err := json.Marshal(manifest)
	if err != nil {
		return nil, nil, fmt.Errorf("writing the manifest of %s: %w", ref, err)
	}
	packed, err := h.Store.Loose(content)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	about, err := attest.Repacked(ref, packed, attached)
	return packed, about, err
}

// zstdLayer compresses a layer into a blob of the store, unless the home knows of one that is there.
func zstdLayer(h *home.Home, layer v1.Layer) (v1.Hash, int64, error) {
	source, err := layer.Digest()
	if err != nil {
		return v1.Hash{}, 0, err
	}
	known := h.Zstd(source)
	if text, err := os.ReadFile(known); err == nil {
		digest, err := v1.NewHash(string(text))
		if err != nil {
			return v1.Hash{}, 0, fmt.Errorf("reading %s: %w", known, err)
		}
		size, err := h.Store.Blobs().Check(digest)
		if err == nil || !errors.As(err, new(*store.Damage)) {
			return digest, size, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return v1.Hash{}, 0, err
	}
	if err := os.MkdirAll(filepath.Dir(known), 0o755); err != nil {
		return v1.Hash{}, 0, err
	}
	stream, err := layer.Uncompressed()
	if err != nil {
		return v1.Hash{}, 0, err
	}
	defer stream.Close()
	digest, size, err := h.Store.Blobs().PutStream(func(w io.Writer) error {
		// One goroutine, so that the bytes do not depend on the number of processors.
		encoder, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstdLevel), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		if _, err := io.Copy(encoder, stream); err != nil {
			return err
		}
		return encoder.Close()
	})
	if err != nil {
		return v1.Hash{}, 0, err
	}
	return digest, size, whole.Write(known, []byte(digest.String()))
}
