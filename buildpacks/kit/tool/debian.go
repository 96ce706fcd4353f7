package tool

import (
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
)

// Debian returns the mirrors of Debian that a build has. The buildpack declares their variables.
func Debian(in bp.Workspace) (deb.Mirrors, error) {
	values := map[string]string{}
	for _, name := range deb.Variables {
		value, _, err := in.Config.Lookup(name)
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	return deb.ReadMirrors(func(name string) string { return values[name] })
}
