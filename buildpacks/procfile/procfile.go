// Package procfile is the buildpack that takes process types from an app's Procfile.
package procfile

import "github.com/strata-buildpacks/strata/buildpacks/kit/bp"

// fileName is the file in the app's folder, one "name: command" per line.
const fileName = "Procfile"

// Buildpack returns the buildpack strata/procfile.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/procfile", Detect: detect, Build: build}
}
