package cnb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// Cache is the folder in which an app's layers of the type cache stay until its next build: one tar file for each.
type Cache string

// cacheFile says which layers a cache has.
const cacheFile = "layers.json"

// Path returns the file of a layer by its digest, whether it is there or not.
func (c Cache) Path(sha v1.Hash) string { return filepath.Join(string(c), sha.Hex+".tar") }

// Read returns what the cache has. A cache that cannot be understood has nothing.
func (c Cache) Read() (Cached, error) {
	var cached Cached
	content, err := os.ReadFile(filepath.Join(string(c), cacheFile))
	if errors.Is(err, fs.ErrNotExist) {
		return cached, nil
	}
	if err != nil {
		return cached, fmt.Errorf("reading the cache of layers: %w", err)
	}
	if json.Unmarshal(content, &cached) != nil {
		return Cached{}, nil
	}
	return cached, nil
}

// Write says what the cache has now, and drops all else.
func (c Cache) Write(cached Cached) error {
	content, err := json.Marshal(cached)
	if err != nil {
		return fmt.Errorf("writing the cache of layers: %w", err)
	}
	if err := whole.Write(filepath.Join(string(c), cacheFile), content); err != nil {
		return err
	}
	kept := map[string]bool{cacheFile: true, tarFile(cached.SBOM): true}
	for _, buildpack := range cached.Buildpacks {
		for _, layer := range buildpack.Layers {
			kept[tarFile(SHA{layer.SHA})] = true
		}
	}
	entries, err := os.ReadDir(string(c))
	if err != nil {
		return fmt.Errorf("reading the cache of layers: %w", err)
	}
	for _, entry := range entries {
		if !kept[entry.Name()] {
			if err := os.RemoveAll(filepath.Join(string(c), entry.Name())); err != nil {
				return fmt.Errorf("dropping a layer of the cache: %w", err)
			}
		}
	}
	return nil
}

func tarFile(sha SHA) string { return strings.TrimPrefix(sha.SHA, "sha256:") + ".tar" }
