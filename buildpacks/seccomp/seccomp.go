// Package seccomp is the buildpack strata/seccomp. It finds the system calls that the programs of an image may make, and makes a seccomp
// profile of them.
package seccomp

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// Buildpack returns the buildpack strata/seccomp. It comes after all that put programs into the image.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/seccomp", Detect: detect, Build: build}
}

type settings struct {
	Profile bool `config:"BP_SECCOMP_PROFILE"`
}

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		// If an optional buildpack fails here, the app is built without it. The build ends with the same error.
		return bp.Pass(err.Error()), nil
	}
	if !s.Profile {
		return bp.Fail(seccomp.Variable + " is not true"), nil
	}
	return bp.Pass(seccomp.Variable + " is true"), nil
}
