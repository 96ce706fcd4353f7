package rebase

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
)

// Dues says of images in registries whether a rebase would move them. It looks each run image up once.
type Dues struct{ r rebaser }

// NewDues returns what asks the registries of the images that the options name, and no others.
func NewDues(h *home.Home, client *registry.Client, options Options) Dues {
	options.In = inRegistry
	where := &inARegistry{store: h.Store, client: client, named: options.registries()}
	return Dues{rebaser{Options: options, places: map[string]place{inRegistry: where}}}
}

// Of returns what a rebase of an app would do: Current, Old and New say it, and Err why it would not be done.
func (d Dues) Of(ctx context.Context, ref name.Reference, app v1.Image) Result {
	result := Result{Image: ref.String(), In: inRegistry}
	_, result.Err = d.r.onto(ctx, d.r.places[inRegistry], ref, app, &result)
	return result
}
