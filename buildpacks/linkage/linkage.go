// Package linkage is the buildpack strata/linkage. It proves that every program of an image can start on its run image.
package linkage

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// Buildpack returns the buildpack strata/linkage. It is the last of every group. It adds nothing to the image
// except folders that are asked for.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/linkage", Detect: detect, Build: build, Cross: true}
}

func detect(context.Context, bp.DetectContext) (bp.DetectResult, error) {
	return bp.Pass("every image is checked"), nil
}
