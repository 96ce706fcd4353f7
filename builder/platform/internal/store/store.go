// Package store keeps images on disk as one OCI image layout
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md):
// a blob is kept once, however many images hold it.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// refAnnotation names an image in index.json (image-spec, annotations.md).
const refAnnotation = "org.opencontainers.image.ref.name"

// ErrNotFound is what Image and Descriptor return for a name that the store does not hold.
var ErrNotFound = errors.New("no such image in the store")

// Store is an OCI image layout. Several processes may use it at the same time.
type Store struct{ dir string }

// Open opens the store in a folder and makes it if it is not there.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		return nil, fmt.Errorf("making the image store: %w", err)
	}
	s := &Store{dir: dir}
	_, err := os.Stat(filepath.Join(dir, "index.json"))
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if err := writeFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return nil, err
	}
	return s, s.update(func(*v1.IndexManifest) {})
}

// Dir is the folder of the layout.
func (s *Store) Dir() string { return s.dir }

// Descriptor returns what the store knows of the image of that name.
func (s *Store) Descriptor(ref name.Reference) (v1.Descriptor, error) {
	index, err := s.index()
	if err != nil {
		return v1.Descriptor{}, err
	}
	for _, d := range index.Manifests {
		if d.Annotations[refAnnotation] == ref.Name() {
			return d, nil
		}
	}
	return v1.Descriptor{}, fmt.Errorf("%s: %w", ref, ErrNotFound)
}

// Image returns the image of that name or, of an index, the image for this machine's architecture.
func (s *Store) Image(ref name.Reference) (v1.Image, error) {
	d, err := s.Descriptor(ref)
	if err != nil {
		return nil, err
	}
	if !d.MediaType.IsIndex() {
		return layout.Path(s.dir).Image(d.Digest)
	}
	image, err := s.resolve(d)
	if err != nil {
		return nil, err
	}
	root, err := layout.ImageIndexFromPath(s.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the store: %w", err)
	}
	index, err := root.ImageIndex(d.Digest)
	if err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", ref, err)
	}
	return index.Image(image.Digest)
}

// Images returns what Image would of every name in the store.
func (s *Store) Images() ([]v1.Descriptor, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	var images []v1.Descriptor
	for _, d := range index.Manifests {
		if d.Annotations[refAnnotation] == "" {
			continue
		}
		image, err := s.resolve(d)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	return images, nil
}

// Put stores an image with what is attached to it and names it; an image that had the name before loses it.
// Blobs that are there already are not read from the image.
func (s *Store) Put(ref name.Reference, image v1.Image, attached ...Artifact) (v1.Hash, error) {
	manifest, err := s.putBlobs(ref, image)
	if err != nil {
		return v1.Hash{}, err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the media type of %s: %w", ref, err)
	}
	return s.PutManifest(ref, mediaType, manifest, attached...)
}

// putBlobs stores an image's layers and configuration and returns its manifest.
func (s *Store) putBlobs(ref name.Reference, image v1.Image) ([]byte, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the layers of %s: %w", ref, err)
	}
	var group errgroup.Group
	for _, layer := range layers {
		group.Go(func() error { return s.putLayer(layer) })
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("storing the layers of %s: %w", ref, err)
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of %s: %w", ref, err)
	}
	if err := s.putBytes(config); err != nil {
		return nil, err
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: %w", ref, err)
	}
	return manifest, nil
}

// PutManifest names an image or an index whose blobs are in the store already, and attaches artifacts to it.
func (s *Store) PutManifest(ref name.Reference, mediaType types.MediaType, manifest []byte, attached ...Artifact) (v1.Hash, error) {
	entry, err := s.putContent(mediaType, manifest)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("storing the manifest of %s: %w", ref, err)
	}
	entries, err := s.putArtifacts(entry, attached)
	if err != nil {
		return v1.Hash{}, err
	}
	entry.Annotations = map[string]string{refAnnotation: ref.Name()}
	return entry.Digest, s.update(func(index *v1.IndexManifest) {
		named := func(d v1.Descriptor) bool { return d.Annotations[refAnnotation] == ref.Name() }
		if i := slices.IndexFunc(index.Manifests, named); i >= 0 {
			index.Manifests[i] = entry
		} else {
			index.Manifests = append(index.Manifests, entry)
		}
		attach(index, entry.Digest, entries)
	})
}

func (s *Store) putLayer(layer v1.Layer) error {
	digest, err := layer.Digest()
	if err != nil {
		return err
	}
	if _, err := s.Stat(context.Background(), "", digest); err == nil {
		return nil
	}
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	return s.Blobs().Put(context.Background(), "", digest, content)
}

func (s *Store) putBytes(content []byte) error {
	digest, _, err := v1.SHA256(reader(content))
	if err != nil {
		return err
	}
	if _, err := s.Stat(context.Background(), "", digest); err == nil {
		return nil
	}
	return writeFile(s.path(digest), content)
}

// PutStream stores what fill writes as a blob and returns its digest and its size in bytes.
func (s *Store) PutStream(fill func(io.Writer) error) (v1.Hash, int64, error) {
	f, err := os.CreateTemp(s.dir, ".new-*")
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing a blob: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when the rename succeeded
	defer f.Close()
	if err := fill(f); err != nil {
		return v1.Hash{}, 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing a blob: %w", err)
	}
	digest, size, err := v1.SHA256(f)
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing a blob: %w", err)
	}
	err = f.Chmod(0o644)
	if err == nil {
		err = os.Rename(f.Name(), s.path(digest))
	}
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("storing the blob %s: %w", digest, err)
	}
	return digest, size, nil
}

// update changes index.json under a lock that every process honours.
func (s *Store) update(change func(*v1.IndexManifest)) error {
	unlock, err := Lock(context.Background(), filepath.Join(s.dir, "index.lock"), nil)
	if err != nil {
		return err
	}
	defer unlock()
	index, err := s.index()
	if err != nil {
		return err
	}
	change(index)
	if err := s.prune(index); err != nil {
		return err
	}
	content, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the store's index: %w", err)
	}
	return writeFile(filepath.Join(s.dir, "index.json"), content)
}

func (s *Store) index() (*v1.IndexManifest, error) {
	content, err := os.ReadFile(filepath.Join(s.dir, "index.json"))
	if errors.Is(err, os.ErrNotExist) {
		return &v1.IndexManifest{SchemaVersion: 2, MediaType: "application/vnd.oci.image.index.v1+json", Manifests: []v1.Descriptor{}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the store's index: %w", err)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(content, &index); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(s.dir, "index.json"), err)
	}
	return &index, nil
}

// Blobs is the store as the registry handler reads and writes it.
func (s *Store) Blobs() *Blobs { return &Blobs{s} }

// Blobs reads and writes the store's blobs. It implements the handlers of
// go-containerregistry's registry package.
type Blobs struct{ *Store }

var (
	_ registry.BlobStatHandler = (*Blobs)(nil)
	_ registry.BlobPutHandler  = (*Blobs)(nil)
)

// Stat returns the size of a blob in bytes.
func (s *Store) Stat(_ context.Context, _ string, digest v1.Hash) (int64, error) {
	info, err := os.Stat(s.path(digest))
	if errors.Is(err, os.ErrNotExist) {
		return 0, registry.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Get opens a blob.
func (b *Blobs) Get(_ context.Context, _ string, digest v1.Hash) (io.ReadCloser, error) {
	f, err := os.Open(b.path(digest))
	if errors.Is(err, os.ErrNotExist) {
		return nil, registry.ErrNotFound
	}
	return f, err
}

// Put writes a blob and checks that it has the digest; a blob that has not is not kept.
func (b *Blobs) Put(_ context.Context, _ string, digest v1.Hash, content io.ReadCloser) error {
	defer content.Close()
	return writeBlob(b.path(digest), digest, content)
}

func (s *Store) path(digest v1.Hash) string {
	return filepath.Join(s.dir, "blobs", digest.Algorithm, digest.Hex)
}

// Lock takes an exclusive lock on a file and returns what gives it back. When
// another process holds it, waiting is called once, and the lock is waited for
// until the context ends.
func Lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	unlock, err = TryLock(path)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return unlock, err
	}
	if waiting != nil {
		waiting()
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening a lock: %w", err)
	}
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(f.Fd()), unix.LOCK_EX) }()
	select {
	case err := <-locked:
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		return func() { f.Close() }, nil
	case <-ctx.Done():
		// The call cannot be taken back: when it has the lock at last, the lock is given back.
		go func() {
			<-locked
			f.Close()
		}()
		return nil, context.Cause(ctx)
	}
}

// TryLock is Lock that does not wait.
func TryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening a lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
