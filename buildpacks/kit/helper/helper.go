// Package helper is how buildpacks use the program that strata/launch-helper puts into an image once for all of them.
package helper

import (
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

// Entry is the name in the build plan under which the program is asked for.
const Entry = "launch-helper"

// Layer and Program are the names of the layer and of the file in it.
const (
	Layer   = "helper"
	Program = "launch"
)

// Required is what a buildpack requires to have the program in the image.
func Required() bp.Entry { return bp.Entry{Name: Entry} }

// Path returns where the program is in the image.
func Path(in bp.BuildContext) string {
	return filepath.Join(filepath.Dir(in.Layers.Path()), "strata_launch-helper", Layer, Program)
}
