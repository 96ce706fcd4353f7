package rebase

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// Debug returns an app's image of the store as it is on the debug twin of its run image. Nothing is written.
func Debug(ctx context.Context, h *home.Home, image string) (v1.Image, error) {
	if _, err := h.Store.Find(image, store.BuildApp); err != nil {
		return nil, err
	}
	ref, err := imagename.Parse(image)
	if err != nil {
		return nil, err
	}
	where := &inTheStore{home: h, here: true}
	before, err := where.read(ctx, ref)
	if err != nil {
		return nil, err
	}
	m, err := rebaser{Options: Options{To: "debug"}}.onto(ctx, where, ref, before, &Result{Image: image})
	return m.image, err
}
