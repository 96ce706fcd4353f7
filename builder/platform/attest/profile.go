package attest

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
)

// ProfileType is the type of a seccomp profile that is attached to an image.
const ProfileType = "application/vnd.cncf.seccomp-profile.config.v1+json"

// suffixProfile ends the name of a file with a seccomp profile.
const suffixProfile = ".seccomp.json"

// profiles returns the seccomp profile that the label of an image has, or nothing. The build wrote it: what is no profile ends the command.
func profiles(title string, image v1.Image) ([]store.Artifact, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	text, found := config.Config.Labels[seccomp.Label]
	if !found {
		return nil, nil
	}
	profile, err := seccomp.Parse(text)
	if err == nil {
		text, err = profile.Text()
	}
	if err != nil {
		return nil, fault.Fault{
			ID: "seccomp-label", What: "the label " + seccomp.Label + " holds no seccomp profile", Err: err,
			Do: "see which buildpack or variable of the build sets it",
		}
	}
	return []store.Artifact{{Type: ProfileType, Title: title + suffixProfile, Content: []byte(text + "\n")}}, nil
}
