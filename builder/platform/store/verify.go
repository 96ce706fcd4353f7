package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/flock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Verified is what Verify has found.
type Verified struct {
	Images  []string // the full names of those that were verified, sorted
	Indexes []string // the full names of all that are an index of several architectures
	Lost    []string // those whose name stands for a damaged manifest
	Blobs   int
	Bytes   int64
	Damaged []Damaged

	names map[string]v1.Hash // what the images' names stand for
}

// Damaged is a blob that is not good.
type Damaged struct {
	Digest v1.Hash
	Kind   string   // "manifest", "configuration", "layer" or "file"
	Images []string // the full names of all images of the store that need it, sorted
	Err    error
}

// Affected returns the full names of the images that need a damaged blob, sorted.
func (v *Verified) Affected() []string {
	var names []string
	for _, d := range v.Damaged {
		names = append(names, d.Images...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// kind says what a blob is for.
func kind(mediaType types.MediaType) string {
	switch {
	case mediaType.IsImage() || mediaType.IsIndex():
		return "manifest"
	case mediaType.IsConfig():
		return "configuration"
	case mediaType.IsLayer():
		return "layer"
	}
	return "file"
}

// need is a blob and what needs it.
type need struct {
	v1.Descriptor
	images []string
	asked  bool // one of them is to be verified
}

// Verify hashes all blobs that some images need, with what is attached to them; without a name, those of all images. It changes
// nothing.
func (s *Store) Verify(ctx context.Context, texts ...string) (*Verified, error) {
	v := &Verified{names: map[string]v1.Hash{}}
	needs, err := s.needed(v, texts)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, n := range needs {
		if !n.asked {
			continue
		}
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := s.verify(n.Descriptor)
			mu.Lock()
			defer mu.Unlock()
			v.Blobs, v.Bytes = v.Blobs+1, v.Bytes+n.Size
			if err != nil {
				slices.Sort(n.images)
				v.Damaged = append(v.Damaged, Damaged{n.Digest, kind(n.MediaType), slices.Compact(n.images), err})
			}
			return nil
		})
	}
	err = group.Wait()
	for name, digest := range v.names {
		if slices.ContainsFunc(v.Damaged, func(d Damaged) bool { return d.Digest == digest }) {
			v.Lost = append(v.Lost, name)
		}
	}
	slices.Sort(v.Lost)
	slices.SortFunc(v.Damaged, func(a, b Damaged) int {
		return cmp.Or(slices.Compare(a.Images, b.Images), cmp.Compare(a.Digest.Hex, b.Digest.Hex))
	})
	return v, err
}

// verify hashes a blob and compares its size.
func (s *Store) verify(d v1.Descriptor) error {
	f, err := os.Open(s.blobs.Path(d.Digest))
	if err != nil {
		return unreadable(d.Digest, err)
	}
	defer f.Close()
	file, err := s.blobs.compare(d.Digest, f)
	if err == nil && file.size != d.Size {
		return wrongSize(d, file.size)
	}
	return err
}

// needed returns the blobs that some images need, by their digests, and notes the images.
func (s *Store) needed(v *Verified, texts []string) (map[v1.Hash]*need, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	wanted, err := s.wanted(index, texts)
	if err != nil {
		return nil, err
	}
	look := Store{s.dir, s.arch, s.blobs}
	look.blobs.untouched = true
	needs := map[v1.Hash]*need{}
	add := func(d v1.Descriptor, asked bool, images ...string) error {
		err := look.needs(d, func(blob v1.Descriptor) {
			n := needs[blob.Digest]
			if n == nil {
				n = &need{Descriptor: blob}
				needs[blob.Digest] = n
			}
			n.images, n.asked = append(n.images, images...), n.asked || asked
		})
		if err != nil && !errors.As(err, new(*Damage)) {
			return err
		}
		return nil // it is hashed and found again
	}
	for _, d := range index.Manifests {
		name := d.Annotations[refAnnotation]
		if name == "" {
			continue
		}
		asked := len(wanted) == 0 || wanted[name]
		if err := add(d, asked, name); err != nil {
			return nil, err
		}
		if d.MediaType.IsIndex() {
			v.Indexes = append(v.Indexes, name)
		}
		if asked {
			v.Images = append(v.Images, name)
			v.names[name] = d.Digest
		}
	}
	for _, d := range index.Manifests {
		subject, err := v1.NewHash(d.Annotations[subjectAnnotation])
		if err != nil {
			continue // it is no artifact
		}
		if of := needs[subject]; of != nil {
			if err := add(d, of.asked, of.images...); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(v.Images)
	return needs, nil
}

// wanted returns the full names of images that a person names. Each has to be in the index.
func (s *Store) wanted(index *v1.IndexManifest, texts []string) (map[string]bool, error) {
	wanted := map[string]bool{}
	for _, text := range texts {
		ref, err := imagename.ParseTag(text)
		if err != nil {
			return nil, err
		}
		named := func(d v1.Descriptor) bool { return d.Annotations[refAnnotation] == ref.Name() }
		if !slices.ContainsFunc(index.Manifests, named) {
			return nil, s.missing(text, BuildApp)
		}
		wanted[ref.Name()] = true
	}
	return wanted, nil
}

// SetAside moves the damaged blobs that Verify found into the folder of damaged ones.
func (s *Store) SetAside(found []Damaged) error {
	for _, d := range found {
		if err := s.blobs.move(d.Err); err != nil {
			return fmt.Errorf("moving the damaged blob %s aside: %w", d.Digest, err)
		}
	}
	return nil
}

// Forget takes full names out of the index.
func (s *Store) Forget(names []string) error {
	return s.update(func(index *v1.IndexManifest) {
		index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
			return slices.Contains(names, d.Annotations[refAnnotation])
		})
	})
}

// Begin moves a damaged index.json into the folder of damaged blobs, and begins an empty one. It reports whether the index was
// damaged.
func (s *Store) Begin() (began bool, err error) {
	if _, err := s.index(); err == nil || !errors.As(err, new(fault.Fault)) {
		return false, err
	}
	unlock, err := flock.Lock(context.Background(), filepath.Join(s.dir, indexLock), nil)
	if err != nil {
		return false, err
	}
	aside := filepath.Join(s.dir, damagedFolder)
	if err = os.MkdirAll(aside, 0o755); err == nil {
		err = os.Rename(s.indexFile(), filepath.Join(aside, filepath.Base(s.indexFile())))
	}
	unlock()
	if err != nil {
		return false, fmt.Errorf("moving the damaged index aside: %w", err)
	}
	return true, s.update(func(*v1.IndexManifest) {})
}
