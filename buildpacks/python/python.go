// Package python is the buildpack strata/python: it puts Python, an app's packages and the app itself into layers of their own, and
// starts the app with neither an installer nor a shell.
package python

import "github.com/strata-buildpacks/strata/buildpacks/kit/bp"

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/python", Detect: Detect, Build: Build}
}
