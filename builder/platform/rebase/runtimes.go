package rebase

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase/internal/swap"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
)

// Wanted is a layer of a runtime for which a newer one is wanted.
type Wanted = swap.Wanted

// Made is the layer that takes its place.
type Made = swap.Made

// Runtimes makes layers of runtimes.
type Runtimes struct {
	Builder attest.Image // whose buildpacks make them
	Make    func(context.Context, Wanted) (Made, error)
}

// request is what a layer of a runtime depends on.
type request struct {
	buildpack, layer string
	runtime          runtimes.Runtime
	run              v1.Hash
}

// sizeWithLayers returns how many bytes the image's configuration, its manifest and its new layers have.
func (m move) sizeWithLayers() (int64, error) {
	sum, err := m.size()
	if err != nil {
		return 0, err
	}
	for _, layer := range m.layers {
		size, err := layer.Size()
		if err != nil {
			return 0, fmt.Errorf("reading a new layer of %s: %w", m.ref, err)
		}
		sum += size
	}
	return sum, nil
}

// renew puts the newest runtimes under an app that stands on its newest run image. It notes in the result which ones.
func (r rebaser) renew(ctx context.Context, m *move, result *Result) error {
	app, err := swap.Open(result.Image, m.image)
	if err != nil {
		return err
	}
	wanted, err := app.Runtimes()
	if err != nil {
		return err
	}
	run, err := m.base.Image.Digest()
	if err != nil {
		return fmt.Errorf("reading %s: %w", m.base.Ref, err)
	}
	var made []Made
	for _, one := range wanted {
		one.Run, one.RunImage = m.base.Ref, m.base.Image
		newest, err := r.made.Get(request{one.Buildpack, one.Layer, one.Runtime, run}, func() (Made, error) { return r.Runtimes.Make(ctx, one) })
		if err != nil {
			return err
		}
		made = append(made, newest)
	}
	exchanged, err := app.With(made)
	if err != nil {
		return err
	}
	m.image, m.layers = exchanged.Image, exchanged.Layers
	for i, one := range made {
		runtime := attest.Runtime{ID: one.Wanted.Runtime.ID, From: one.Wanted.Runtime.Version, To: one.Wanted.Runtime.Version}
		if exchanged.New[i] {
			runtime.To = one.Runtime.Version
			m.runtimes, m.maker = append(m.runtimes, runtime), r.Runtimes.Builder
		}
		result.Runtimes = append(result.Runtimes, runtime)
	}
	return nil
}
