// Package launchhelper is the buildpack that puts one program into the image for all buildpacks that need it beside the app.
package launchhelper

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// Buildpack returns the buildpack strata/launch-helper.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/launch-helper", Detect: detect, Build: build, Cross: true}
}

func detect(context.Context, bp.DetectContext) (bp.DetectResult, error) {
	return bp.Pass("for buildpacks that ask for it", bp.Plan{Provides: []string{launchhelper.Entry}}), nil
}

func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	_, err := launchhelper.Contribute(ctx, in, launchhelper.Layer, launchhelper.Program)
	return bp.BuildResult{}, err
}
