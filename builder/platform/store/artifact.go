package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// emptyType is the media type of the configuration of an artifact (image-spec, manifest.md, "Guidance for an Empty Descriptor").
const emptyType types.MediaType = "application/vnd.oci.empty.v1+json"

// subjectAnnotation says in index.json which image an artifact is about.
const subjectAnnotation = "io.strata.subject"

// maxArtifact is the largest artifact that is read, in bytes.
const maxArtifact = 64 << 20

// Artifact is a file about an image.
type Artifact struct {
	Type    string // media type
	Title   string // file name
	Content []byte
}

// Image returns the artifact as registries keep it: a manifest whose subject is the image that the artifact is about
// (image-spec, manifest.md, "Guidelines for Artifact Usage").
func (a Artifact) Image(subject v1.Descriptor) (v1.Image, error) {
	config := static.NewLayer([]byte("{}"), emptyType)
	file := static.NewLayer(a.Content, types.MediaType(a.Type))
	configDescriptor, err := partial.Descriptor(config)
	if err != nil {
		return nil, err
	}
	configDescriptor.Data = []byte("{}")
	fileDescriptor, err := partial.Descriptor(file)
	if err != nil {
		return nil, err
	}
	fileDescriptor.Annotations = map[string]string{"org.opencontainers.image.title": a.Title}
	manifest, err := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: a.Type,
		Config: *configDescriptor, Layers: []v1.Descriptor{*fileDescriptor}, Subject: &subject})
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(looseImage{
		mediaType: types.OCIManifestSchema1, manifest: manifest,
		config: func() ([]byte, error) { return []byte("{}"), nil },
		layer:  func(v1.Descriptor) partial.CompressedLayer { return file },
	})
}

// Subject describes an image as the subject of artifacts.
func Subject(image v1.Image) (v1.Descriptor, error) {
	d, err := partial.Descriptor(image)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}, nil
}

// Attach stores artifacts about an image of the store. An artifact replaces one of the same type. When the image leaves
// index.json, its artifacts leave it too.
func (s *Store) Attach(image v1.Hash, artifacts ...Artifact) error {
	size, err := s.blobs.Check(image)
	if err != nil {
		return fmt.Errorf("attaching to %s: %w", image, err)
	}
	entries, err := s.putArtifacts(v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: image, Size: size}, artifacts)
	if err != nil {
		return err
	}
	return s.update(func(index *v1.IndexManifest) { attach(index, image, entries) })
}

// attach puts artifacts about an image into an index, each in the place of one of the same type.
func attach(index *v1.IndexManifest, image v1.Hash, entries []v1.Descriptor) {
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
		return d.Annotations[subjectAnnotation] == image.String() &&
			slices.ContainsFunc(entries, func(entry v1.Descriptor) bool { return entry.ArtifactType == d.ArtifactType })
	})
	index.Manifests = append(index.Manifests, entries...)
}

func (s *Store) putArtifacts(subject v1.Descriptor, artifacts []Artifact) ([]v1.Descriptor, error) {
	entries := make([]v1.Descriptor, 0, len(artifacts))
	for _, a := range artifacts {
		entry, err := s.putArtifact(subject, a)
		if err != nil {
			return nil, fmt.Errorf("attaching %s to %s: %w", a.Title, subject.Digest, err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func (s *Store) putArtifact(subject v1.Descriptor, a Artifact) (v1.Descriptor, error) {
	image, err := a.Image(subject)
	if err != nil {
		return v1.Descriptor{}, err
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	for _, blob := range [][]byte{[]byte("{}"), a.Content} {
		if _, _, err := s.blobs.PutBytes(blob); err != nil {
			return v1.Descriptor{}, err
		}
	}
	entry, err := s.putContent(types.OCIManifestSchema1, manifest)
	entry.ArtifactType = a.Type
	entry.Annotations = map[string]string{subjectAnnotation: subject.Digest.String()}
	return entry, err
}

// Artifacts returns what is attached to an image, sorted by media type.
func (s *Store) Artifacts(image v1.Hash) ([]Artifact, error) {
	index, err := s.index()
	if err != nil {
		return nil, err
	}
	var artifacts []Artifact
	for _, d := range index.Manifests {
		if d.Annotations[subjectAnnotation] != image.String() {
			continue
		}
		found, err := s.open(d, func(err error) error { return err })
		if err != nil {
			return nil, fmt.Errorf("reading what is attached to %s: %w", image, err)
		}
		a, err := ReadArtifact(found)
		if err != nil {
			return nil, fmt.Errorf("reading what is attached to %s: %w", image, err)
		}
		artifacts = append(artifacts, a)
	}
	slices.SortStableFunc(artifacts, func(a, b Artifact) int { return strings.Compare(a.Type, b.Type) })
	return artifacts, nil
}

// ReadArtifact reads an artifact from its manifest and checks its digest.
func ReadArtifact(image v1.Image) (Artifact, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return Artifact{}, err
	}
	if len(manifest.Layers) != 1 {
		return Artifact{}, fmt.Errorf("it has %d files, not one", len(manifest.Layers))
	}
	file := manifest.Layers[0]
	layers, err := image.Layers()
	if err != nil {
		return Artifact{}, err
	}
	stream, err := layers[0].Compressed()
	if err != nil {
		return Artifact{}, err
	}
	defer stream.Close()
	content, err := io.ReadAll(io.LimitReader(stream, maxArtifact))
	if err != nil {
		return Artifact{}, err
	}
	if digest, _, err := v1.SHA256(bytes.NewReader(content)); err != nil || digest != file.Digest {
		return Artifact{}, fmt.Errorf("its file has the digest %s, not %s", digest, file.Digest)
	}
	return Artifact{Type: string(file.MediaType), Title: file.Annotations["org.opencontainers.image.title"], Content: content}, nil
}

// dropOrphans takes artifacts out of the index that are about an image which is no longer in it. What a damaged index has may
// be in it.
func (s *Store) dropOrphans(index *v1.IndexManifest) {
	there, unknown := map[string]bool{}, false
	for _, d := range index.Manifests {
		there[d.Digest.String()] = true
		if !d.MediaType.IsIndex() {
			continue
		}
		platforms, err := s.platforms(d)
		unknown = unknown || err != nil
		for _, p := range platforms {
			there[p.Digest.String()] = true
		}
	}
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
		subject, artifact := d.Annotations[subjectAnnotation]
		return artifact && !there[subject] && !unknown
	})
}
