package python

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Build ends with a fault: Detect takes no part yet.
func Build(context.Context, bp.BuildContext) (bp.BuildResult, error) {
	return bp.BuildResult{}, fault.Internal("apps of Python cannot be built yet")
}
