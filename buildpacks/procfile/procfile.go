// Package procfile is the buildpack that takes process types from an app's Procfile.
package procfile

import "github.com/strata-buildpacks/strata/buildpacks/kit/bp"

// Buildpack returns the buildpack strata/procfile.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/procfile", Detect: detect, Build: build, Cross: true}
}
