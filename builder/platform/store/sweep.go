package store

import (
	"fmt"
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

// Reachable returns the digests of all blobs that the index leads to: those of images, and of what is attached to them.
func (s *Store) Reachable() (map[v1.Hash]bool, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	found := map[v1.Hash]bool{}
	for _, d := range index.Manifests {
		if err := s.reach(d, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (s *Store) reach(d v1.Descriptor, found map[v1.Hash]bool) error {
	found[d.Digest] = true
	if d.MediaType.IsIndex() {
		images, err := s.platforms(d)
		for _, image := range images {
			if err == nil {
				err = s.reach(image, found)
			}
		}
		return err
	}
	f, err := os.Open(s.Blobs().Path(d.Digest))
	if err != nil {
		return fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	defer f.Close()
	manifest, err := v1.ParseManifest(f)
	if err != nil {
		return fmt.Errorf("reading the manifest %s: %w", d.Digest, err)
	}
	found[manifest.Config.Digest] = true
	for _, layer := range manifest.Layers {
		found[layer.Digest] = true
	}
	return nil
}

// Sweep calls remove for each file that is no reachable blob: an image that lost its name left it, or a killed command.
// Nobody else may use the store meanwhile.
func (s *Store) Sweep(reachable map[v1.Hash]bool, remove func(path string) error) error {
	for _, dir := range []string{s.dir, s.Blobs().folder()} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("reading the store: %w", err)
		}
		for _, entry := range entries {
			blob := dir != s.dir && !reachable[v1.Hash{Algorithm: "sha256", Hex: entry.Name()}]
			if blob || strings.HasPrefix(entry.Name(), whole.PartPrefix) {
				if err := remove(filepath.Join(dir, entry.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
