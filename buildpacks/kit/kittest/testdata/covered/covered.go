// Package covered is a buildpack whose code runs in the processes of its tests and nowhere else.
package covered

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// Buildpack takes part where an app has what it looks for, which is never.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/covered", Detect: detect}
}

func detect(context.Context, bp.DetectContext) (bp.DetectResult, error) {
	return bp.Fail("nothing to build"), nil
}
