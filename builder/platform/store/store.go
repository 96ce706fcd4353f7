// Package store keeps images on disk as one OCI image layout
// (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md). A blob is kept once, however many images
// hold it. What is attached to an image lies beside it as an OCI referrer.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/flock"
	"github.com/strata-buildpacks/strata/builder/platform/internal/whole"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// refAnnotation names an image in index.json (image-spec, annotations.md).
const refAnnotation = "org.opencontainers.image.ref.name"

// ErrNotFound is the error of Image for a name that the store does not hold.
var ErrNotFound = errors.New("no such image in the store")

// BuildApp is what Find tells a person to do about an app that the store does not hold.
const BuildApp = "build it with `strata build`"

// BuildStack is BuildApp for a run image or a build image. Those of the suite are named as their stacks.
func BuildStack(image string) string {
	stack := Stack(image)
	if stack == "" {
		return "make it with `strata stack build`"
	}
	return "make it with `strata stack build " + stack + "`"
}

// Stack returns the name of the suite's stack that makes an image: glibc of strata/run-glibc:13. It returns "" for other images.
func Stack(image string) string {
	stack, ours := strings.CutPrefix(image, "strata/")
	if !ours {
		return ""
	}
	stack, _, _ = strings.Cut(strings.TrimPrefix(stack, "run-"), ":")
	return stack
}

// Store is an OCI image layout. Several processes may use it at the same time. What is in its index is whole: the blobs are on
// the disk before the index names them.
type Store struct {
	dir   string
	arch  string // of the image that a name of an index stands for
	blobs Blobs
}

// Open opens the store in a folder, and makes it if there is none.
func Open(dir string) (*Store, error) {
	s := &Store{dir, runtime.GOARCH, Blobs{dir: dir, seen: &seen{good: map[v1.Hash]witness{}, unsynced: map[v1.Hash]bool{}}}}
	if err := os.MkdirAll(s.blobs.folder(), 0o755); err != nil {
		return nil, fmt.Errorf("making the image store: %w", err)
	}
	_, err := os.Stat(s.indexFile())
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if err := whole.Write(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return nil, err
	}
	return s, s.update(func(*v1.IndexManifest) {})
}

// Dir returns the folder of the layout.
func (s *Store) Dir() string { return s.dir }

// Bare removes what the store keeps beside the layout, which only the store reads. Nobody may use the store after that.
func (s *Store) Bare() error {
	for _, name := range []string{indexLock, blobsLock, checkedFolder} {
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Blobs returns the store's files.
func (s *Store) Blobs() Blobs { return s.blobs }

// Find is Image for a name as a person writes it. If the store does not hold the image, the error is a fault whose next
// step is remedy.
func (s *Store) Find(text, remedy string) (v1.Image, error) {
	ref, err := imagename.Parse(text)
	if err != nil {
		return nil, err
	}
	image, err := s.find(ref, func(err error) error { return s.Explain(text, remedy, err) })
	if errors.Is(err, ErrNotFound) {
		return nil, s.missing(text, remedy)
	}
	return image, err
}

// missing says why a name finds no image: a tag may have moved on from a digest.
func (s *Store) missing(text, remedy string) error {
	if tag, old, found := strings.Cut(text, "@"); found {
		if image, err := s.Find(tag, remedy); err == nil {
			now, err := image.Digest()
			if err != nil {
				return fmt.Errorf("reading %s: %w", tag, err)
			}
			return fault.Fault{
				ID:   "image-moved",
				What: fmt.Sprintf("%s is another image now, %s, and %s has no name in %s", tag, now, old, s.dir),
				Do:   "leave the digest out for the image of now",
			}
		}
	}
	what := "there is no image " + text + " in " + s.dir
	if ref, err := imagename.Parse(text); err == nil {
		if named, err := s.Has(ref); err == nil && named {
			what = fmt.Sprintf("%s in %s has no image for linux/%s", text, s.dir, s.arch)
		}
	}
	return fault.Fault{ID: "image-missing", What: what, Do: remedy}
}

// Image returns the image of a name. If the name stands for an index, it is the index's image for this machine's
// architecture, or for that of On. A digest stands for an image that has a tag of the same repository.
func (s *Store) Image(ref name.Reference) (v1.Image, error) {
	return s.find(ref, func(err error) error { return s.Explain(ref.String(), BuildApp, err) })
}

// find is Image; explain is for the errors of the image's blobs.
func (s *Store) find(ref name.Reference, explain func(error) error) (v1.Image, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("%s: %w", ref, ErrNotFound)
	for _, d := range index.Manifests {
		image, found, matchErr := s.match(d, ref)
		switch {
		case matchErr != nil: // another one may have the digest
			err = explain(matchErr)
		case found:
			return s.open(image, explain)
		}
	}
	return nil, err
}

// match finds what a name stands for in an entry of the index: an image, or one of the images of an index.
func (s *Store) match(d v1.Descriptor, ref name.Reference) (image v1.Descriptor, found bool, err error) {
	digest, byDigest := ref.(name.Digest)
	if !byDigest {
		if d.Annotations[refAnnotation] != ref.Name() {
			return image, false, nil
		}
		image, err = s.resolve(d)
		return image, true, err
	}
	tag, err := name.NewTag(d.Annotations[refAnnotation])
	if err != nil || tag.Repository.Name() != digest.Repository.Name() { // what is attached to an image has no tag
		return image, false, nil
	}
	if d.Digest.String() == digest.DigestStr() {
		image, err = s.resolve(d)
		return image, true, err
	}
	if !d.MediaType.IsIndex() {
		return image, false, nil
	}
	platforms, err := s.platforms(d)
	i := slices.IndexFunc(platforms, func(p v1.Descriptor) bool { return p.Digest.String() == digest.DigestStr() })
	if err != nil || i < 0 {
		return image, false, err
	}
	return platforms[i], true, nil
}

// Images describes, for every name, the image that Image returns. It leaves out those whose index is damaged.
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
		if errors.Is(err, ErrNotFound) || errors.As(err, new(*Damage)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	return images, nil
}

// Put stores an image with what is attached to it, and gives it a name. An image that had the name before loses it.
// Blobs that are there already are not read from the image.
func (s *Store) Put(ref name.Reference, image v1.Image, attached ...Artifact) (v1.Hash, error) {
	manifest, err := s.putImage(ref, image)
	if err != nil {
		return v1.Hash{}, err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the media type of %s: %w", ref, err)
	}
	return s.PutManifest(ref, mediaType, manifest, attached...)
}

// putImage stores an image's layers and configuration and returns its manifest.
func (s *Store) putImage(ref name.Reference, image v1.Image) ([]byte, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the layers of %s: %w", ref, err)
	}
	var group errgroup.Group
	for _, layer := range layers {
		group.Go(func() error { return s.blobs.putLayer(layer) })
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("storing the layers of %s: %w", ref, err)
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of %s: %w", ref, err)
	}
	if _, _, err := s.blobs.PutBytes(config); err != nil {
		return nil, err
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: %w", ref, err)
	}
	return manifest, nil
}

// PutManifest gives a name to an image or an index whose blobs are in the store already, and attaches artifacts to it. An app does
// not take the name of an image that is none.
func (s *Store) PutManifest(ref name.Reference, mediaType types.MediaType, manifest []byte, attached ...Artifact) (v1.Hash, error) {
	if mediaType.IsImage() {
		if err := s.checkKind(ref, manifest); err != nil {
			return v1.Hash{}, err
		}
	}
	entry, err := s.putContent(mediaType, manifest)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("storing the manifest of %s: %w", ref, err)
	}
	entries, err := s.putArtifacts(entry, attached)
	if err != nil {
		return v1.Hash{}, err
	}
	return entry.Digest, s.nameEntry(ref, entry, map[v1.Hash][]v1.Descriptor{entry.Digest: entries})
}

// nameEntry gives a name to an image or an index of the store, and attaches artifacts to images by their digests.
func (s *Store) nameEntry(ref name.Reference, entry v1.Descriptor, attached map[v1.Hash][]v1.Descriptor) error {
	entry.Annotations = map[string]string{refAnnotation: ref.Name()}
	return s.update(func(index *v1.IndexManifest) {
		named := func(d v1.Descriptor) bool { return d.Annotations[refAnnotation] == ref.Name() }
		if i := slices.IndexFunc(index.Manifests, named); i >= 0 {
			index.Manifests[i] = entry
		} else {
			index.Manifests = append(index.Manifests, entry)
		}
		for _, image := range slices.SortedFunc(maps.Keys(attached), func(a, b v1.Hash) int { return strings.Compare(a.Hex, b.Hex) }) {
			attach(index, image, attached[image])
		}
	})
}

// putContent stores a blob and describes it.
func (s *Store) putContent(mediaType types.MediaType, content []byte) (v1.Descriptor, error) {
	digest, size, err := s.blobs.PutBytes(content)
	return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size}, err
}

func (s *Store) indexFile() string { return filepath.Join(s.dir, "index.json") }

// update changes index.json under a lock that every process honours. The blobs of this process are on the disk before.
func (s *Store) update(change func(*v1.IndexManifest)) error {
	unlock, err := flock.Lock(context.Background(), filepath.Join(s.dir, indexLock), nil)
	if err != nil {
		return err
	}
	defer unlock()
	index, err := s.index()
	if err != nil {
		return err
	}
	change(index)
	s.dropOrphans(index)
	if err := s.blobs.sync(); err != nil {
		return err
	}
	content, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the store's index: %w", err)
	}
	return whole.Write(s.indexFile(), content)
}

func (s *Store) index() (*v1.IndexManifest, error) {
	content, err := os.ReadFile(s.indexFile())
	if errors.Is(err, os.ErrNotExist) {
		return &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the store's index: %w", err)
	}
	var index v1.IndexManifest
	err = json.Unmarshal(content, &index)
	if err == nil && index.SchemaVersion != 2 {
		err = errors.New("it is no image index")
	}
	if err != nil {
		return nil, fault.Fault{
			ID:   "store-index",
			What: s.indexFile() + ", which has the names of all images, is damaged",
			Err:  err,
			Do:   "put a copy of it back, or begin an empty one with `strata verify --repair --forget` and build the images again",
		}
	}
	return &index, nil
}
