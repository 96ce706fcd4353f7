package procfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
)

// detect takes part in apps that have a Procfile, and asks the group to start its processes. What is wrong with the
// file is said at build, where the log is seen.
func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	info, err := os.Stat(filepath.Join(in.AppDir, procfile.Name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bp.Fail("no Procfile"), nil
	case err != nil:
		return bp.DetectResult{}, fmt.Errorf("looking for Procfile: %w", err)
	case !info.Mode().IsRegular():
		return bp.Fail("Procfile is not a file"), nil
	}
	return bp.Pass("Procfile found", procfile.Plan(in.AppDir)), nil
}
