package golang

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// Detect takes part in apps that have a go.work or go.mod at their root or name their modules in BP_GO_WORK_USE.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	plan := bp.Plan{
		Provides: []string{"go"},
		Requires: append([]bp.Entry{bp.Tools("go", tools(in)...)}, launchhelper.RequiredToReload(in.Config)...),
	}
	if use, set, err := in.Config.Lookup("BP_GO_WORK_USE"); err != nil {
		return bp.DetectResult{}, err
	} else if set {
		return bp.Pass("BP_GO_WORK_USE is "+use, plan), nil
	}
	for _, name := range []string{"go.work", "go.mod"} {
		info, err := os.Stat(filepath.Join(in.AppDir, name))
		if err == nil && info.Mode().IsRegular() {
			return bp.Pass(name+" found", plan), nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return bp.DetectResult{}, fmt.Errorf("looking for %s: %w", name, err)
		}
	}
	loose, err := filepath.Glob(filepath.Join(in.AppDir, "*.go"))
	if err != nil {
		return bp.DetectResult{}, fmt.Errorf("looking for Go files: %w", err)
	}
	if len(loose) > 0 {
		return bp.Fail(fmt.Sprintf("%s found, but no go.mod or go.work; make one with go mod init", filepath.Base(loose[0]))), nil
	}
	below, err := nested(in.AppDir, nil)
	if err != nil {
		return bp.DetectResult{}, err
	}
	if len(below) > 0 {
		use := list(below[:1])
		return bp.Fail(fmt.Sprintf("no go.mod or go.work, but %s/go.mod; build that folder, or set BP_GO_WORK_USE=%s", below[0], use)), nil
	}
	return bp.Fail("no go.mod or go.work"), nil
}
