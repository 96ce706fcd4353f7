package rebase

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/once"
	"github.com/strata-buildpacks/strata/builder/platform/rebase/internal/swap"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// inTheStore is the place of apps in the store. Their run images are there too.
type inTheStore struct {
	home  *home.Home
	here  bool                        // an index stands for its image for this machine
	bases once.Map[string, swap.Base] // by their names
}

func (s *inTheStore) read(_ context.Context, ref name.Reference) (v1.Image, error) {
	const remedy = store.BuildApp + ", or write --in registry"
	if s.here {
		return s.home.Store.Find(ref.String(), remedy)
	}
	images, err := s.home.Store.Platforms(ref.String(), remedy)
	if err != nil {
		return nil, err
	}
	if len(images) > 1 {
		return nil, fault.Fault{
			ID: "image-index", What: ref.String(), Err: registry.ErrIndex,
			Do: "build it again with `strata build --platform`, on the newer run images",
		}
	}
	return images[0], nil
}

func (s *inTheStore) base(_ context.Context, _ name.Reference, names []string, _ v1.Platform) (swap.Base, error) {
	return s.bases.Get(fmt.Sprintln(names), func() (swap.Base, error) {
		ref, err := imagename.Parse(names[0])
		if err != nil {
			return swap.Base{}, err
		}
		image, err := s.home.Store.Find(names[0], store.BuildStack(names[0]))
		return swap.Base{Names: names, Ref: ref, Image: image}, err
	})
}

// cost counts the configuration, the manifest and new layers: those of run images are in the store already.
func (s *inTheStore) cost(_ context.Context, m move) (int64, error) { return m.sizeWithLayers() }

func (s *inTheStore) replace(ctx context.Context, m move) (int64, error) {
	size, err := m.sizeWithLayers()
	if err != nil {
		return 0, err
	}
	before, err := s.home.Store.Artifacts(m.old)
	if err != nil {
		return 0, s.home.Store.Explain(m.ref.String(), store.BuildApp, err)
	}
	attached, err := m.attached(before, func() (attest.Base, error) {
		return attest.StoredBase(s.home.Store, m.base.Ref, m.base.Image)
	})
	if err != nil {
		return 0, err
	}
	_, unlock, err := s.home.App(ctx, m.ref, nil) // against a build of the app
	if err != nil {
		return 0, err
	}
	defer unlock()
	image, err := s.home.Store.Image(m.ref)
	if err != nil {
		return 0, err
	}
	if now, err := image.Digest(); err != nil {
		return 0, fmt.Errorf("reading %s: %w", m.ref, err)
	} else if now != m.old {
		return 0, m.replaced()
	}
	_, err = s.home.Store.Put(m.ref, m.image, attached...)
	return size, err
}
