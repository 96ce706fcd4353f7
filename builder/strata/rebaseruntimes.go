package main

import (
	"context"
	"strings"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/build"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/builder/project"
)

// newRuntimes returns what makes the newest runtimes with the buildpacks of a builder, as a build of an app without settings would.
// What buildpacks print is shown if the rebase is verbose; otherwise show prints it, when something has failed.
func newRuntimes(ctx context.Context, h *home.Home, builder string) (made *rebase.Runtimes, show func(), err error) {
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
	return build.Runtimes(h, options), func() { screen.kept.show(stderr) }, nil
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
