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

// Detect takes part in apps that have a package.json at their root or where BP_NODE_PROJECT_PATH says.
func Detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	folder, _, err := in.Config.Lookup("BP_NODE_PROJECT_PATH")
	if err != nil {
		return bp.DetectResult{}, err
	}
	for _, name := range []string{project.ManifestFile, project.AloneFile, "index.js"} {
		info, err := os.Stat(filepath.Join(in.AppDir, folder, name))
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		case err != nil:
			return bp.DetectResult{}, fmt.Errorf("looking for %s: %w", name, err)
		case !info.Mode().IsRegular():
			return bp.Fail(name + " is not a file"), nil
		case name != project.ManifestFile && (folder != "" || !project.Alone(in.AppDir)):
			return bp.Fail(name + " found, but no package.json; make one with npm init"), nil
		default:
			requires := append([]bp.Entry{bp.Tools("node", Wanted(in)...)}, launchhelper.RequiredToReload(in.Config)...)
			requires = append(append(requires, requiredToDebug(in.Config)...), requiredToStart(in)...)
			plan := bp.Plan{Provides: []string{"node"}, Requires: requires}
			return bp.Pass(name+" found", procfile.Offer(in.AppDir, plan)...), nil
		}
	}
	what, do := project.Missing(in.AppDir, folder)
	return bp.Fail(strings.TrimSuffix(what+"; "+do, "; ")), nil
}
