// Package publish puts an image into a registry together with what is attached to it. Nothing has a name in the registry
// before everything about it is there.
package publish

import (
	"context"
	"fmt"

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
	done := map[name.Repository]bool{}
	for _, ref := range refs {
		if done[ref.Context()] {
			continue
		}
		done[ref.Context()] = true
		if err := i.Attach(ctx, client, ref); err != nil {
			return err
		}
	}
	return client.Push(ctx, refs, i.Image)
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
	tag = attest.SignatureTag(ref.Context(), digest)
	if there, err = client.Find(ctx, tag); err != nil {
		return err
	}
	if signed, err = i.Signer.Signature(ctx, ref.Context(), digest, there); err != nil {
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
