// Package health is the buildpack strata/health-checker. It adds a process that asks the app whether it is healthy.
package health

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// process is the process type, and the argument of the launch helper.
const process = "health-check"

// Buildpack returns the buildpack strata/health-checker.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/health-checker", Detect: detect, Build: build, Cross: true}
}

type settings struct {
	Enabled bool `config:"BP_HEALTH_CHECKER_ENABLED"`
}

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		// If an optional buildpack fails here, the app is built without it. The build ends with the same error.
		return bp.Pass(err.Error()), nil
	}
	if !s.Enabled {
		return bp.Fail("BP_HEALTH_CHECKER_ENABLED is not true"), nil
	}
	return bp.Pass("BP_HEALTH_CHECKER_ENABLED is true", bp.Plan{Requires: []bp.Entry{launchhelper.Required()}}), nil
}

func build(_ context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Decision("Process", process, "GET /$THC_PATH at $THC_PORT or $PORT")
	return bp.BuildResult{Processes: []bp.Process{{Type: process, Command: []string{launchhelper.Path(in), process}}}}, nil
}
