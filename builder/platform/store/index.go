package store

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
)

// PutIndex stores the images of an index, one per platform, and gives the index a name.
func (s *Store) PutIndex(ref name.Reference, index v1.ImageIndex) (v1.Hash, error) {
	list, err := index.IndexManifest()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the index %s: %w", ref, err)
	}
	for _, d := range list.Manifests {
		image, err := index.Image(d.Digest)
		if err != nil {
			return v1.Hash{}, fmt.Errorf("reading the index %s: %w", ref, err)
		}
		manifest, err := s.putImage(ref, image)
		if err != nil {
			return v1.Hash{}, err
		}
		if _, _, err := s.blobs.PutBytes(manifest); err != nil {
			return v1.Hash{}, err
		}
	}
	content, err := index.RawManifest()
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading the index %s: %w", ref, err)
	}
	return s.PutManifest(ref, types.OCIImageIndex, content)
}

// IndexOf returns an index of images, one per platform, in the order of the platforms.
func IndexOf(images ...v1.Image) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	addenda := make([]mutate.IndexAddendum, len(images))
	for i, image := range images {
		config, err := image.ConfigFile()
		if err != nil {
			return nil, fmt.Errorf("making an index: %w", err)
		}
		addenda[i] = mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: config.Platform()}}
	}
	slices.SortStableFunc(addenda, func(a, b mutate.IndexAddendum) int {
		return strings.Compare(a.Platform.String(), b.Platform.String())
	})
	return mutate.AppendManifests(index, addenda...), nil
}

// Described is an image whose blobs are in the store, with what is to be attached to it.
type Described struct {
	v1.Image
	Attached []Artifact
}

// PutApps gives a name to an app: to its only image, or to the index of its images for several platforms.
func (s *Store) PutApps(ref name.Reference, apps ...Described) (v1.Hash, error) {
	var images []v1.Image
	var entry v1.Descriptor
	attached := map[v1.Hash][]v1.Descriptor{}
	for _, app := range apps {
		manifest, err := app.RawManifest()
		if err == nil {
			err = s.checkKind(ref, manifest)
		}
		if err == nil {
			entry, err = s.putContent(types.OCIManifestSchema1, manifest)
		}
		if err == nil {
			attached[entry.Digest], err = s.putArtifacts(entry, app.Attached)
		}
		if err != nil {
			return v1.Hash{}, fmt.Errorf("storing %s: %w", ref, err)
		}
		images = append(images, app.Image)
	}
	if len(images) > 1 {
		index, err := IndexOf(images...)
		if err != nil {
			return v1.Hash{}, err
		}
		content, err := index.RawManifest()
		if err == nil {
			entry, err = s.putContent(types.OCIImageIndex, content)
		}
		if err != nil {
			return v1.Hash{}, fmt.Errorf("storing %s: %w", ref, err)
		}
	}
	return entry.Digest, s.nameEntry(ref, entry, attached)
}

// Platforms returns the images of a name, by their architectures: those of an index, or the only one.
func (s *Store) Platforms(text, remedy string) ([]v1.Image, error) {
	ref, err := imagename.Parse(text)
	if err != nil {
		return nil, err
	}
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	named := func(d v1.Descriptor) bool { return d.Annotations[refAnnotation] == ref.Name() }
	i := slices.IndexFunc(index.Manifests, named)
	if i < 0 || !index.Manifests[i].MediaType.IsIndex() {
		image, err := s.Find(text, remedy)
		return []v1.Image{image}, err
	}
	explain := func(err error) error { return s.Explain(text, remedy, err) }
	members, err := s.platforms(index.Manifests[i])
	if err != nil {
		return nil, explain(err)
	}
	var images []v1.Image
	for _, d := range members {
		image, err := s.open(d, explain)
		if err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	return images, nil
}

// Tag gives an app another name. What is attached to its images stays attached.
func (s *Store) Tag(from, to name.Reference) error {
	if err := s.CheckApp(to); err != nil {
		return err
	}
	index, err := s.index()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(index.Manifests, func(d v1.Descriptor) bool { return d.Annotations[refAnnotation] == from.Name() })
	if i < 0 {
		return fmt.Errorf("%s: %w", from, ErrNotFound)
	}
	return s.nameEntry(to, index.Manifests[i], nil)
}

// On returns the store as a machine of an architecture sees it: of an index, it has the image for that one.
func (s *Store) On(arch string) *Store {
	view := *s
	view.arch = arch
	return &view
}

// BuildStack is the function of that name for what the store is seen for.
func (s *Store) BuildStack(image string) string {
	if s.arch == runtime.GOARCH {
		return BuildStack(image)
	}
	return strings.Replace(BuildStack(image), "stack build", "stack build --arch all", 1)
}

// resolve returns an image as it is, and of an index the image for the architecture that the store is seen for.
func (s *Store) resolve(d v1.Descriptor) (v1.Descriptor, error) {
	if !d.MediaType.IsIndex() {
		return d, nil
	}
	platforms, err := s.platforms(d)
	if err != nil {
		return v1.Descriptor{}, err
	}
	for _, p := range platforms {
		if p.Platform != nil && p.Platform.OS == "linux" && p.Platform.Architecture == s.arch {
			return p, nil
		}
	}
	return v1.Descriptor{}, fmt.Errorf("the index %s has no image for linux/%s: %w", d.Digest, s.arch, ErrNotFound)
}

// platforms returns the images of an index.
func (s *Store) platforms(d v1.Descriptor) ([]v1.Descriptor, error) {
	content, err := s.blobs.read(d)
	if err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", d.Digest, err)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", d.Digest, err)
	}
	return index.Manifests, nil
}
