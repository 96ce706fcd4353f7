package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// compressedFolder has a file for each layer that was compressed here, by the digest of its content, that says which blob it is.
const compressedFolder = "compressed"

// compressed returns the folder of what this program has compressed: another release of Go may compress to other bytes, and an
// image must not depend on what was built here before.
func (b Blobs) compressed() string { return filepath.Join(b.dir, compressedFolder, runtime.Version()) }

// Compressed returns the blob of a layer by the digest of its content, if one was compressed here and is good.
func (b Blobs) Compressed(diffID v1.Hash) (blob v1.Descriptor, found bool) {
	noted, err := os.ReadFile(filepath.Join(b.compressed(), diffID.Hex))
	if err != nil {
		return blob, false
	}
	if blob.Digest, err = v1.NewHash(string(noted)); err != nil {
		return blob, false
	}
	blob.MediaType = types.OCILayer
	blob.Size, err = b.Check(blob.Digest)
	return blob, err == nil
}

// NoteCompressed notes which blob a layer was compressed to. A note that a power cut damages is none.
func (b Blobs) NoteCompressed(diffID, blob v1.Hash) error {
	if err := os.MkdirAll(b.compressed(), 0o755); err != nil {
		return fmt.Errorf("noting a layer: %w", err)
	}
	return whole.Note(filepath.Join(b.compressed(), diffID.Hex), []byte(blob.String()))
}

// sweepCompressed forgets layers that are no reachable blobs, and those that other releases have compressed.
func (s *Store) sweepCompressed(reachable map[v1.Hash]bool) error {
	all := filepath.Join(s.dir, compressedFolder)
	err := filepath.WalkDir(all, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		noted, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if blob, err := v1.NewHash(string(noted)); err == nil && reachable[blob] && filepath.Dir(path) == s.blobs.compressed() {
			return nil
		}
		return os.Remove(path)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting layers: %w", err)
	}
	return nil
}
