package registry

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// Push writes an image under several names. It sends no blob that the repository has, and mounts those of another
// repository of the registry. A name stands for the whole image, or for what it stood for before.
func (c *Client) Push(ctx context.Context, refs []name.Reference, image v1.Image) error {
	for i, ref := range refs {
		pushed := image
		if i > 0 && ref.Context().RegistryStr() == refs[0].Context().RegistryStr() {
			pushed = mountable{image, refs[0]}
		}
		if err := c.pusher.Push(ctx, ref, pushed); err != nil {
			return explain("pushing", ref, err)
		}
	}
	return nil
}

// PushIndex is Push for an index, with its images.
func (c *Client) PushIndex(ctx context.Context, refs []name.Reference, index v1.ImageIndex) error {
	for _, ref := range refs {
		if err := c.pusher.Push(ctx, ref, index); err != nil {
			return explain("pushing", ref, err)
		}
	}
	return nil
}

// Attach writes artifacts beside an image, by their digests: all files at a time, then one manifest after the other. In a registry without
// the referrers API, each is added to a list under a tag (distribution-spec, "Pushing Manifests with Subject").
func (c *Client) Attach(ctx context.Context, repository name.Repository, artifacts []v1.Image) error {
	refs := make([]name.Digest, len(artifacts))
	group, blobs := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i, artifact := range artifacts {
		digest, err := artifact.Digest()
		if err != nil {
			return fmt.Errorf("reading what is attached to %s: %w", repository, err)
		}
		refs[i] = repository.Digest(digest.String())
		files, err := files(artifact)
		if err != nil {
			return fmt.Errorf("reading what is attached to %s: %w", repository, err)
		}
		for _, file := range files {
			group.Go(func() error {
				if err := c.pusher.Upload(blobs, repository, file); err != nil {
					return explainArtifact(refs[i], err)
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, artifact := range artifacts {
		if err := c.pusher.Put(ctx, refs[i], artifact); err != nil {
			return explainArtifact(refs[i], err)
		}
	}
	return nil
}

// files returns the blobs of an artifact.
func files(artifact v1.Image) ([]v1.Layer, error) {
	layers, err := artifact.Layers()
	if err != nil {
		return nil, err
	}
	config, err := partial.ConfigLayer(artifact)
	return append(layers, config), err
}

// mountable is an image whose layers another repository of the registry has already.
type mountable struct {
	v1.Image
	from name.Reference
}

func (m mountable) Layers() ([]v1.Layer, error) {
	layers, err := m.Image.Layers()
	for i := range layers {
		layers[i] = &remote.MountableLayer{Layer: layers[i], Reference: m.from}
	}
	return layers, err
}

// Upload writes the configuration of an image that is to have a name, and those of its layers that the name's repository may lack.
func (c *Client) Upload(ctx context.Context, ref name.Reference, image v1.Image, layers []v1.Layer) error {
	config, err := partial.ConfigLayer(image)
	if err != nil {
		return fmt.Errorf("reading the configuration of %s: %w", ref, err)
	}
	group, blobs := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for _, layer := range append([]v1.Layer{config}, layers...) {
		group.Go(func() error { return c.pusher.Upload(blobs, ref.Context(), layer) })
	}
	if err := group.Wait(); err != nil {
		return explain("pushing", ref, err)
	}
	return nil
}

// Put gives a name to an image whose blobs its repository has.
func (c *Client) Put(ctx context.Context, ref name.Reference, image v1.Image) error {
	if err := c.pusher.Put(ctx, ref, image); err != nil {
		return explain("pushing", ref, err)
	}
	return nil
}
