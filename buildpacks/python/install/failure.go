package install

import (
	"context"
	"errors"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// explain turns a call of uv that failed, whose words are in the log already, into the line that ends the build.
func (i *Installer) explain(err error) error {
	if err == nil || !errors.As(err, new(*command.Error)) || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Fault{ID: "python-install", What: "uv could not install the packages", Do: "see its words above"}
}
