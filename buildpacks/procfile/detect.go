package procfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
)

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	info, err := os.Stat(filepath.Join(in.AppDir, fileName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bp.Fail("no Procfile"), nil
	case err != nil:
		return bp.DetectResult{}, fmt.Errorf("looking for Procfile: %w", err)
	case !info.Mode().IsRegular():
		return bp.Fail("Procfile is not a file"), nil
	}
	return bp.Pass("Procfile found"), nil
}
