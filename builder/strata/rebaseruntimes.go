package main

import (
	"context"
	"strings"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/build"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/builder/project"
)

// newRuntimes returns what makes the newest runtimes with the buildpacks of a builder, as a build of an app without settings would.
// At the end, the layers are removed that no image has taken, and what buildpacks printed is shown if something has failed.
func newRuntimes(ctx context.Context, h *home.Home, builder string) (made *rebase.Runtimes, end func(failed bool), err error) {
	if builder == defaultBuilder {
		if err := prepare(ctx, h); err != nil {
			return nil, nil, err
		}
	}
	options := build.Options{
		Network: sandbox.OwnNetwork, Bounds: sandbox.DefaultLimits(), Proxies: proxies(), CABundle: hostCABundle(),
	}
	if err := onBuilder(ctx, h, &options, project.Descriptor{}, buildFlags{builder: builder}); err != nil {
		return nil, nil, err
	}
	screen := newScreen(true)
	options.Log, options.Phase, options.Note = screen, screen.phase, screen.note
	dir, remove, err := h.Scratch(ctx)
	if err != nil {
		return nil, nil, err
	}
	layers, err := store.Open(dir)
	if err != nil {
		remove()
		return nil, nil, err
	}
	return build.Runtimes(h, options, layers), func(failed bool) {
		if remove(); failed {
			screen.kept.show(stderr)
		}
	}, nil
}

// runtimesText says which runtimes an image has, and which ones they were.
func runtimesText(all []attest.Runtime) string {
	texts := make([]string, 0, len(all))
	for _, one := range all {
		text := one.ID + " " + one.From
		if one.To != one.From {
			text += " to " + one.To
		}
		texts = append(texts, text)
	}
	return orDash(strings.Join(texts, ", "))
}
