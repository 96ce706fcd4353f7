package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// Names returns the full names of all images.
func (s *Store) Names() ([]string, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range index.Manifests {
		if name := d.Annotations[refAnnotation]; name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// Reachable returns the digests of all blobs that the index leads to: those of images, and of what is attached to them. It leads
// no further than a damaged manifest.
func (s *Store) Reachable() (map[v1.Hash]bool, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	found := map[v1.Hash]bool{}
	for _, d := range index.Manifests {
		err := s.needs(d, func(blob v1.Descriptor) { found[blob.Digest] = true })
		if err != nil && !errors.As(err, new(*Damage)) {
			return nil, err
		}
	}
	return found, nil
}

// needs calls found for each blob of an image, or of an index and its images. It goes on after a damaged manifest, whose error
// it returns.
func (s *Store) needs(d v1.Descriptor, found func(v1.Descriptor)) error {
	found(d)
	if d.MediaType.IsIndex() {
		images, err := s.platforms(d)
		for _, image := range images {
			err = errors.Join(err, s.needs(image, found))
		}
		return err
	}
	content, err := s.blobs.read(d)
	if err != nil {
		return fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	found(manifest.Config)
	for _, layer := range manifest.Layers {
		found(layer)
	}
	return nil
}

// Sweep calls remove for each file that is no reachable blob, and for damaged ones: an image that lost its name left it, or a
// killed command.
// Nobody else may use the store meanwhile.
func (s *Store) Sweep(reachable map[v1.Hash]bool, remove func(path string) error) error {
	aside := filepath.Join(s.dir, damagedFolder)
	for _, dir := range []string{s.dir, s.blobs.folder(), aside} {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading the store: %w", err)
		}
		for _, entry := range entries {
			blob := dir != s.dir && !reachable[v1.Hash{Algorithm: "sha256", Hex: entry.Name()}]
			if blob || dir == aside || strings.HasPrefix(entry.Name(), whole.PartPrefix) {
				if err := remove(filepath.Join(dir, entry.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// SweepWitnesses removes what the store knows of blobs that are not reachable, and of layers that are none.
func (s *Store) SweepWitnesses(reachable map[v1.Hash]bool) error {
	dir := filepath.Join(s.dir, checkedFolder)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the store: %w", err)
	}
	for _, entry := range entries {
		if !reachable[v1.Hash{Algorithm: "sha256", Hex: entry.Name()}] {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("removing what no image needs: %w", err)
			}
		}
	}
	return s.sweepCompressed(reachable)
}
