package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/internal/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// zstdLevel makes the smallest layers; a layer is compressed once, however many images have it.
const zstdLevel = zstd.SpeedBestCompression

// zstd returns an image of the store with its layers compressed by Zstandard (RFC 8878): the same files, the same
// configuration, another manifest. What is attached to it is about the new one.
func (h *Home) zstd(ref name.Reference, image v1.Image, attached []store.Artifact) (v1.Image, []store.Artifact, error) {
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
			digest, size, err := h.zstdLayer(layer)
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
	packed, err := h.store.Loose(content)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	about, err := reattach(ref, packed, attached)
	return packed, about, err
}

// zstdLayer compresses a layer into a blob of the store, unless one is known to be there.
func (h *Home) zstdLayer(layer v1.Layer) (v1.Hash, int64, error) {
	source, err := layer.Digest()
	if err != nil {
		return v1.Hash{}, 0, err
	}
	known := filepath.Join(h.dir, "zstd", source.Hex)
	if text, err := os.ReadFile(known); err == nil {
		digest, err := v1.NewHash(string(text))
		if err != nil {
			return v1.Hash{}, 0, fmt.Errorf("reading %s: %w", known, err)
		}
		if info, err := os.Stat(h.blob(digest)); err == nil {
			return digest, info.Size(), nil
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
	digest, size, err := h.store.PutStream(func(w io.Writer) error {
		// One goroutine, so that no number of processors has a say in the bytes.
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
	return digest, size, store.Replace(known, func(w io.Writer) error {
		_, err := io.WriteString(w, digest.String())
		return err
	})
}

// reattach makes what is attached to an image about another one, which has the same files.
func reattach(ref name.Reference, image v1.Image, attached []store.Artifact) ([]store.Artifact, error) {
	i := slices.IndexFunc(attached, func(a store.Artifact) bool { return a.Type == sbom.TypeCycloneDX })
	if i < 0 {
		return nil, nil
	}
	bill, err := sbom.ParseCycloneDX(attached[i].Content)
	if err != nil {
		return nil, fmt.Errorf("reading the bill of materials of %s: %w", ref, err)
	}
	subject, err := attest.Container(ref, image)
	if err != nil {
		return nil, err
	}
	subject.Dependencies = bill.Subject.Dependencies
	bill.Subject = subject
	var how *attest.Provenance
	for _, a := range attached {
		if a.Type == attest.StatementType {
			read, err := attest.ParseStatement(a.Content)
			if err != nil {
				return nil, fmt.Errorf("reading the provenance of %s: %w", ref, err)
			}
			how = &read
		}
	}
	return describe(ref, image, bill, how)
}
