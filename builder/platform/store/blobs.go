package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// Blobs are the files of a store, named by their digests. A blob is compared with its digest when it is written.
//
// Blobs implements the handlers of go-containerregistry's registry, which name a repository: here all repositories have
// the same blobs.
type Blobs struct{ dir string }

var (
	_ registry.BlobStatHandler = Blobs{}
	_ registry.BlobPutHandler  = Blobs{}
)

// Path returns the file of a blob, whether it is there or not.
func (b Blobs) Path(digest v1.Hash) string { return filepath.Join(b.dir, digest.Algorithm, digest.Hex) }

// Stat returns the size of a blob in bytes, or registry.ErrNotFound.
func (b Blobs) Stat(_ context.Context, _ string, digest v1.Hash) (int64, error) {
	info, err := os.Stat(b.Path(digest))
	if errors.Is(err, os.ErrNotExist) {
		return 0, registry.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Get opens a blob. The error of one that is not there is registry.ErrNotFound.
func (b Blobs) Get(_ context.Context, _ string, digest v1.Hash) (io.ReadCloser, error) {
	f, err := os.Open(b.Path(digest))
	if errors.Is(err, os.ErrNotExist) {
		return nil, registry.ErrNotFound
	}
	return f, err
}

// Put writes a blob. Content that has another digest is not kept.
func (b Blobs) Put(_ context.Context, _ string, digest v1.Hash, content io.ReadCloser) error {
	defer content.Close()
	return whole.Replace(b.Path(digest), func(w io.Writer) error {
		hash := sha256.New()
		if _, err := io.Copy(io.MultiWriter(w, hash), content); err != nil {
			return err
		}
		if got := hex.EncodeToString(hash.Sum(nil)); got != digest.Hex {
			return fmt.Errorf("blob %s has the digest sha256:%s", digest, got)
		}
		return nil
	})
}

// PutStream writes what fill writes as a blob and returns its digest and its size in bytes.
func (b Blobs) PutStream(fill func(io.Writer) error) (digest v1.Hash, size int64, err error) {
	f, err := os.CreateTemp(b.folder(), whole.PartPrefix+"*")
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing a blob: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename there is nothing to remove
	defer f.Close()
	if err := fill(f); err != nil {
		return v1.Hash{}, 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing a blob: %w", err)
	}
	if digest, size, err = v1.SHA256(f); err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing a blob: %w", err)
	}
	err = f.Chmod(0o644)
	if err == nil {
		err = os.Rename(f.Name(), b.Path(digest))
	}
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing the blob %s: %w", digest, err)
	}
	return digest, size, nil
}

// putBytes writes a blob that is in memory and returns its digest and its size in bytes.
func (b Blobs) putBytes(content []byte) (digest v1.Hash, size int64, err error) {
	if digest, size, err = v1.SHA256(bytes.NewReader(content)); err != nil {
		return digest, size, err
	}
	if b.has(digest) {
		return digest, size, nil
	}
	return digest, size, whole.Write(b.Path(digest), content)
}

// putLayer writes a layer. It does not read one that is there already.
func (b Blobs) putLayer(layer v1.Layer) error {
	digest, err := layer.Digest()
	if err != nil || b.has(digest) {
		return err
	}
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	return b.Put(context.Background(), "", digest, content)
}

func (b Blobs) has(digest v1.Hash) bool {
	_, err := os.Stat(b.Path(digest))
	return err == nil
}

// folder returns the folder in which the files lie.
func (b Blobs) folder() string { return filepath.Join(b.dir, "sha256") }
