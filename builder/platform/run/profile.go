package run

import (
	"fmt"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// Profile returns the seccomp profile that the labels of an image have.
func Profile(image string, labels map[string]string) (seccomp.Profile, error) {
	text, found := labels[seccomp.Label]
	if !found {
		return seccomp.Profile{}, fault.Fault{
			ID: "seccomp-missing", What: image + " has no seccomp profile", Do: "build it with --env " + seccomp.Variable + "=true",
		}
	}
	profile, err := seccomp.Parse(text)
	if err != nil {
		return profile, fault.Fault{
			ID: "seccomp-label", What: fmt.Sprintf("the label %s of %s holds no seccomp profile", seccomp.Label, image), Err: err,
			Do: "build the image again with --env " + seccomp.Variable + "=true",
		}
	}
	return profile, nil
}

// calls returns the system calls that an image may make, if its profile is asked for.
func (o Options) calls(image v1.Image) ([]string, error) {
	if o.Refused == nil {
		return nil, nil
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", o.Image, err)
	}
	profile, err := Profile(o.Image, file.Config.Labels)
	if err == nil && profile.Arch != runtime.GOARCH {
		err = fault.Fault{
			ID:   "seccomp-arch",
			What: fmt.Sprintf("the seccomp profile of %s is for %s, and this machine is %s", o.Image, profile.Arch, runtime.GOARCH),
			Do:   "build the image for this machine with --env " + seccomp.Variable + "=true",
		}
	}
	return profile.Calls, err
}
