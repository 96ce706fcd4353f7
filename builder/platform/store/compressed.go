package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/pgzip"

	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// compressedFolder has a file for each layer that was compressed here, by the digest of its content, that says which blob it is.
const compressedFolder = "compressed"

// gzipVersion names the bytes that Gzip writes: an image must not depend on what was built here before. It has the versions of the
// libraries in go.mod, which a test compares.
const gzipVersion = "pgzip-v1.3.0-compress-v1.20.3-6"

// gzipLevel takes no more time than the fastest level of Go's own library, and makes a tenth less.
const gzipLevel = 6

// Gzip returns a writer that compresses (RFC 1952). What it writes depends on the content alone, not on the processors that it keeps
// busy.
func Gzip(w io.Writer) *pgzip.Writer {
	z, err := pgzip.NewWriterLevel(w, gzipLevel)
	if err != nil {
		panic(err) // there is such a level
	}
	return z
}

// compressed returns the folder of what Gzip has compressed.
func (b Blobs) compressed() string { return filepath.Join(b.dir, compressedFolder, gzipVersion) }

// PutLayer compresses what write writes, unless that was done here before, and returns its blob. The content has to have the digest
// diffID.
func (b Blobs) PutLayer(diffID v1.Hash, write func(io.Writer) error) (v1.Descriptor, error) {
	if blob, found := b.notedLayer(diffID); found {
		return blob, nil
	}
	digest, size, err := b.PutStream(func(w io.Writer) error {
		hash, packed := sha256.New(), Gzip(w)
		err := write(io.MultiWriter(packed, hash))
		if err == nil {
			err = packed.Close()
		}
		if err != nil {
			packed.Reset(io.Discard) // ends what still compresses
			return err
		}
		if got := hex.EncodeToString(hash.Sum(nil)); got != diffID.Hex {
			return fmt.Errorf("the layer %s changed while it was written", diffID)
		}
		return nil
	})
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: size}, b.noteLayer(diffID, digest)
}

// notedLayer returns the blob of a layer by the digest of its content, if one was compressed here and is good.
func (b Blobs) notedLayer(diffID v1.Hash) (blob v1.Descriptor, found bool) {
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

// noteLayer notes which blob a layer was compressed to. A note that a power cut damages is none.
func (b Blobs) noteLayer(diffID, blob v1.Hash) error {
	if err := os.MkdirAll(b.compressed(), 0o755); err != nil {
		return fmt.Errorf("noting a layer: %w", err)
	}
	return whole.Note(filepath.Join(b.compressed(), diffID.Hex), []byte(blob.String()))
}

// sweepCompressed forgets layers that are no reachable blobs, and those that other versions have compressed.
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
