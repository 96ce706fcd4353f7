package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Detect takes part in apps that have a package.json at their root or where BP_NODE_PROJECT_PATH says, and in programs without one.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	folder, _, err := in.Config.Lookup("BP_NODE_PROJECT_PATH")
	if err != nil {
		return bp.DetectResult{}, err
	}
	found := project.ManifestFile
	info, err := os.Stat(filepath.Join(in.AppDir, folder, found))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		if found = project.Alone(in.AppDir); folder != "" || found == "" {
			if p, err := project.Find(in.AppDir, folder); folder != "" && err == nil && p.Nx != "" {
				found = "project of Nx"
				break
			}
			what, do := project.Missing(in.AppDir, folder)
			return bp.Fail(strings.TrimSuffix(what+"; "+do, "; ")), nil
		}
	case err != nil:
		return bp.DetectResult{}, fmt.Errorf("looking for %s: %w", found, err)
	case !info.Mode().IsRegular():
		return bp.Fail(found + " is not a file"), nil
	}
	requires := append([]bp.Entry{bp.Tools("node", Wanted(in)...)}, launchhelper.RequiredToReload(in.Config)...)
	requires = append(append(requires, requiredToDebug(in.Config)...), requiredToStart(in)...)
	plan := bp.Plan{Provides: []string{"node"}, Requires: requires}
	return bp.Pass(found+" found", procfile.Offer(in.AppDir, plan)...), nil
}
