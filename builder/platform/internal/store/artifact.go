package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// emptyType is that of the configuration of what is no image (image-spec, manifest.md, "Guidance for an Empty Descriptor").
const emptyType types.MediaType = "application/vnd.oci.empty.v1+json"

// subjectAnnotation says in index.json which image an artifact is about.
const subjectAnnotation = "io.strata.subject"

// Artifact is a file about an image.
type Artifact struct {
	Type    string // media type
	Title   string // file name
	Content []byte
}

// Attach stores artifacts that have an image of the store as their subject (image-spec, manifest.md): who asks for the
// image's referrers finds them by their type. They leave index.json when the image does.
func (s *Store) Attach(image v1.Hash, artifacts ...Artifact) error {
	size, err := s.Stat(context.Background(), "", image)
	if err != nil {
		return fmt.Errorf("attaching to %s: %w", image, err)
	}
	subject := v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: image, Size: size}
	var entries []v1.Descriptor
	for _, a := range artifacts {
		entry, err := s.putArtifact(subject, a)
		if err != nil {
			return fmt.Errorf("attaching %s to %s: %w", a.Title, image, err)
		}
		entries = append(entries, entry)
	}
	return s.update(func(index *v1.IndexManifest) {
		for _, entry := range entries {
			same := func(d v1.Descriptor) bool { return d.Digest == entry.Digest }
			if !slices.ContainsFunc(index.Manifests, same) {
				index.Manifests = append(index.Manifests, entry)
			}
		}
	})
}

func (s *Store) putArtifact(subject v1.Descriptor, a Artifact) (v1.Descriptor, error) {
	config, err := s.putContent(emptyType, []byte("{}"))
	if err != nil {
		return v1.Descriptor{}, err
	}
	config.Data = []byte("{}")
	file, err := s.putContent(types.MediaType(a.Type), a.Content)
	if err != nil {
		return v1.Descriptor{}, err
	}
	file.Annotations = map[string]string{"org.opencontainers.image.title": a.Title}
	manifest, err := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: a.Type,
		Config: config, Layers: []v1.Descriptor{file}, Subject: &subject})
	if err != nil {
		return v1.Descriptor{}, err
	}
	entry, err := s.putContent(types.OCIManifestSchema1, manifest)
	entry.ArtifactType = a.Type
	entry.Annotations = map[string]string{subjectAnnotation: subject.Digest.String()}
	return entry, err
}

// putContent stores a blob and describes it.
func (s *Store) putContent(mediaType types.MediaType, content []byte) (v1.Descriptor, error) {
	digest, size, err := v1.SHA256(reader(content))
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: size}, s.putBytes(content)
}

// prune takes artifacts out of the index whose images are not in it any more.
func (s *Store) prune(index *v1.IndexManifest) error {
	there := map[string]bool{}
	for _, d := range index.Manifests {
		there[d.Digest.String()] = true
		if !d.MediaType.IsIndex() {
			continue
		}
		platforms, err := s.platforms(d)
		if err != nil {
			return err
		}
		for _, p := range platforms {
			there[p.Digest.String()] = true
		}
	}
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
		subject, artifact := d.Annotations[subjectAnnotation]
		return artifact && !there[subject]
	})
	return nil
}
