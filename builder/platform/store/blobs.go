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

	"github.com/strata-buildpacks/strata/builder/platform/internal/flock"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
)

// Blobs are the files of a store, named by their digests. A blob is compared with its digest when it is written and when it is
// read. One that is not good is moved out of the way, so that whoever makes it writes it again.
//
// Blobs implements the handlers of go-containerregistry's registry, which name a repository: here all repositories have
// the same blobs.
type Blobs struct {
	dir       string // the store's
	seen      *seen
	untouched bool // damaged ones stay where they are
}

var (
	_ registry.BlobStatHandler = Blobs{}
	_ registry.BlobPutHandler  = Blobs{}
)

// Path returns the file of a blob, whether it is there or not.
func (b Blobs) Path(digest v1.Hash) string {
	return filepath.Join(b.dir, "blobs", digest.Algorithm, digest.Hex)
}

// Stat returns the size of a good blob in bytes. The error of any other is registry.ErrNotFound.
func (b Blobs) Stat(_ context.Context, _ string, digest v1.Hash) (int64, error) {
	size, err := b.Check(digest)
	if errors.As(err, new(*Damage)) {
		return 0, registry.ErrNotFound
	}
	return size, err
}

// Get opens a blob after it was hashed. The error of one that is not good is registry.ErrNotFound, and a *Damage.
func (b Blobs) Get(_ context.Context, _ string, digest v1.Hash) (io.ReadCloser, error) {
	f, err := os.Open(b.Path(digest))
	if err != nil {
		return nil, notFound{unreadable(digest, err)}
	}
	if _, err = b.compare(digest, f); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, notFound{b.setAside(err)}
	}
	return f, nil
}

// notFound is a damage as the registry wants to hear of it.
type notFound struct{ error }

func (notFound) Is(target error) bool { return target == registry.ErrNotFound }
func (n notFound) Unwrap() error      { return n.error }

// Put writes a blob. Content that has another digest is not kept.
func (b Blobs) Put(_ context.Context, _ string, digest v1.Hash, content io.ReadCloser) error {
	defer content.Close()
	_, _, err := b.put(&digest, func(w io.Writer) error {
		_, err := io.Copy(w, content)
		return err
	})
	return err
}

// PutStream writes what fill writes as a blob and returns its digest and its size in bytes.
func (b Blobs) PutStream(fill func(io.Writer) error) (digest v1.Hash, size int64, err error) {
	return b.put(nil, fill)
}

// put writes a blob, which is on the disk after sync. Unless want is nil, the blob has to have that digest.
func (b Blobs) put(want *v1.Hash, fill func(io.Writer) error) (digest v1.Hash, size int64, err error) {
	f, err := whole.New(b.folder())
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing a blob: %w", err)
	}
	defer f.Finish()
	sum := sha256.New()
	if err := fill(io.MultiWriter(f, sum)); err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing a blob: %w", err)
	}
	digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
	if want != nil && *want != digest {
		return v1.Hash{}, 0, fmt.Errorf("blob %s has the digest %s", *want, digest)
	}
	unlock, err := b.lock()
	if err != nil {
		return v1.Hash{}, 0, err
	}
	defer unlock()
	err = f.Become(b.Path(digest))
	var info os.FileInfo
	if err == nil {
		info, err = f.Stat() // the new name changed the time
	}
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing the blob %s: %w", digest, err)
	}
	b.seen.add(digest, witnessOf(info))
	return digest, info.Size(), nil
}

// PutBytes writes a blob that is in memory and returns its digest and its size in bytes.
func (b Blobs) PutBytes(content []byte) (digest v1.Hash, size int64, err error) {
	if digest, size, err = v1.SHA256(bytes.NewReader(content)); err != nil {
		return digest, size, err
	}
	has, err := b.has(digest)
	if has || err != nil {
		return digest, size, err
	}
	return b.put(&digest, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// putLayer writes a layer. It does not read one of which the store has a good blob.
func (b Blobs) putLayer(layer v1.Layer) error {
	digest, err := layer.Digest()
	if err != nil {
		return err
	}
	has, err := b.has(digest)
	if has || err != nil {
		return err
	}
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	return b.Put(context.Background(), "", digest, content)
}

// has reports whether there is a good blob.
func (b Blobs) has(digest v1.Hash) (bool, error) {
	_, err := b.Check(digest)
	if errors.As(err, new(*Damage)) {
		return false, nil
	}
	return err == nil, err
}

// folder returns the folder in which the files lie.
func (b Blobs) folder() string { return filepath.Join(b.dir, "blobs", "sha256") }

// lock holds the names of blobs as they are, so that nobody moves a good blob aside that has just replaced a damaged one.
func (b Blobs) lock() (unlock func(), err error) {
	return flock.Lock(context.Background(), filepath.Join(b.dir, blobsLock), nil)
}
