package rebase

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/publish"
	"github.com/strata-buildpacks/strata/builder/platform/rebase/internal/swap"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// otherWay is the next step where nothing says what an image was.
const otherWay = "name the earlier run image with --run-image NAME@DIGEST instead; " +
	"only a build takes back what --runtimes has put under an app"

// back finds the image that an app was before its last rebase. Provenance says its digest, and that one has to be the same app.
func (r rebaser) back(ctx context.Context, where place, ref name.Reference, now v1.Image, result *Result) (move, error) {
	m := move{ref: ref}
	var err error
	if m.old, err = now.Digest(); err != nil {
		return m, fmt.Errorf("reading %s: %w", ref, err)
	}
	app, err := swap.Open(result.Image, now)
	if err != nil {
		return m, err
	}
	result.ByKpack, result.Old = app.ByKpack(), app.Standing()
	m.image, err = where.earlier(ctx, ref.Context().Digest(m.old.String()), func(attached []store.Artifact) (v1.Hash, error) {
		before, err := attest.Before(m.old, attached)
		if errors.Is(err, attest.ErrNotRebased) {
			err = fault.Fault{ID: "rebase-undo", What: result.Image + " cannot be taken back", Err: err,
				Do: otherWay}
		}
		return before, err
	})
	if err != nil {
		return m, err
	}
	earlier, err := swap.Open(result.Image, m.image)
	if err != nil {
		return m, err
	}
	result.New = earlier.Standing()
	return m, app.Same(earlier)
}

func (r *inARegistry) earlier(
	ctx context.Context, now name.Digest, digest func([]store.Artifact) (v1.Hash, error),
) (v1.Image, error) {
	attached, err := publish.Attached(ctx, r.client, now, attest.StatementType)
	if err != nil {
		return nil, err
	}
	before, err := digest(attached)
	if err != nil {
		return nil, err
	}
	image, err := r.client.Single(ctx, now.Context().Digest(before.String()))
	if errors.Is(err, registry.ErrUnknown) {
		return nil, fault.Fault{
			ID: "rebase-undo", What: fmt.Sprintf("the registry no longer has what %s was before its rebase", now.Context()), Err: cause(err),
			Do: otherWay,
		}
	}
	return image, err
}

// restore gives the name back to an image whose blobs are all there.
func (r *inARegistry) restore(ctx context.Context, m move) (int64, error) {
	var traffic registry.Traffic
	ctx = registry.WithTraffic(ctx, &traffic)
	err := r.name(ctx, m)
	return traffic.Sent(), err
}

// noWayBack is the fault of an image of the store: a name there loses the image that it stood for.
func noWayBack() error {
	return fault.Fault{
		ID: "rebase-undo", What: "images of the store are not taken back: nothing keeps what a name stood for",
		Do: otherWay,
	}
}

func (*inTheStore) earlier(context.Context, name.Digest, func([]store.Artifact) (v1.Hash, error)) (v1.Image, error) {
	return nil, noWayBack()
}

func (*inTheStore) restore(context.Context, move) (int64, error) { return 0, noWayBack() }
