// Package publish puts an image into a registry together with what is attached to it. Nothing has a name in the registry
// before everything about it is there.
package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// Image is an image with what is attached to it.
type Image struct {
	v1.Image
	Attached []store.Artifact
	Signer   *attest.Signer // signs it in the registry; nil for nobody
}

// Push writes the image under several names, and what is attached to it into each of their repositories.
func (i Image) Push(ctx context.Context, client *registry.Client, refs []name.Reference) error {
	for _, ref := range perRepository(refs) {
		if err := i.Attach(ctx, client, ref); err != nil {
			return err
		}
	}
	return client.Push(ctx, refs, i.Image)
}

// perRepository returns the first name of each repository.
func perRepository(refs []name.Reference) []name.Reference {
	done := map[name.Repository]bool{}
	return slices.DeleteFunc(slices.Clone(refs), func(ref name.Reference) bool {
		before := done[ref.Context()]
		done[ref.Context()] = true
		return before
	})
}

// Index is an index of images for several platforms.
type Index struct {
	v1.ImageIndex
	Images []Image
	Signer *attest.Signer // signs the index as well; nil for nobody
}

// Push writes the index under several names, with its images and what is attached to each.
func (x Index) Push(ctx context.Context, client *registry.Client, refs []name.Reference) error {
	digest, err := x.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", refs[0], err)
	}
	for _, ref := range perRepository(refs) {
		for _, image := range x.Images {
			if err := image.Attach(ctx, client, ref); err != nil {
				return err
			}
		}
		if x.Signer != nil {
			if err := sign(ctx, client, x.Signer, ref, digest); err != nil {
				return err
			}
		}
	}
	return client.PushIndex(ctx, refs, x.ImageIndex)
}

// Attach writes what is attached to the image into its repository. If there is a signer, it adds signatures of the image,
// of its provenance and of its bill of materials.
func (i Image) Attach(ctx context.Context, client *registry.Client, ref name.Reference) error {
	subject, err := store.Subject(i.Image)
	if err != nil {
		return fmt.Errorf("reading %s: %w", ref, err)
	}
	images := make([]v1.Image, len(i.Attached))
	for n, a := range i.Attached {
		if images[n], err = a.Image(subject); err != nil {
			return fmt.Errorf("attaching %s to %s: %w", a.Title, ref, err)
		}
	}
	if err := client.Attach(ctx, ref.Context(), images); err != nil || i.Signer == nil {
		return err
	}
	return i.sign(ctx, client, ref, subject.Digest)
}

func (i Image) sign(ctx context.Context, client *registry.Client, ref name.Reference, digest v1.Hash) error {
	tag := attest.AttestationTag(ref.Context(), digest)
	there, err := client.Find(ctx, tag)
	if err != nil {
		return err
	}
	signed, err := i.Signer.Attestations(ctx, ref, digest, i.Attached, there)
	if err != nil {
		return err
	}
	if signed != nil {
		if err := client.Push(ctx, []name.Reference{tag}, signed); err != nil {
			return err
		}
	}
	return sign(ctx, client, i.Signer, ref, digest)
}

// sign adds a signature of an image or an index to those that are there.
func sign(ctx context.Context, client *registry.Client, signer *attest.Signer, ref name.Reference, digest v1.Hash) error {
	tag := attest.SignatureTag(ref.Context(), digest)
	there, err := client.Find(ctx, tag)
	if err != nil {
		return err
	}
	signed, err := signer.Signature(ctx, ref.Context(), digest, there)
	if err != nil {
		return err
	}
	return client.Push(ctx, []name.Reference{tag}, signed)
}

// Attached reads what a registry has attached to an image, of some media types.
func Attached(ctx context.Context, client *registry.Client, image name.Digest, types ...string) ([]store.Artifact, error) {
	images, err := client.Attached(ctx, image, types...)
	if err != nil {
		return nil, err
	}
	artifacts := make([]store.Artifact, len(images))
	for i := range images {
		if artifacts[i], err = store.ReadArtifact(images[i]); err != nil {
			return nil, fmt.Errorf("reading what is attached to %s: %w", image, err)
		}
	}
	return artifacts, nil
}
