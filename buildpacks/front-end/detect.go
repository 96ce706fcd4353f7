package frontend

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/node"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Names in the build plan of what another buildpack serves: the files that a front end is built to, and those that an app has.
const (
	site  = "site"
	files = "files"
)

// detect takes part in apps with a package.json that are files for a browser. What is wrong with an app is strata/node's to say.
func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.DetectResult{}, err
	}
	if _, err := os.Stat(filepath.Join(in.AppDir, s.Folder, project.ManifestFile)); errors.Is(err, fs.ErrNotExist) {
		return bp.Fail("no package.json"), nil
	}
	a, err := read(in.Workspace, s)
	if err != nil {
		return bp.Fail(err.Error()), nil
	}
	d, why := decideSite(a)
	plan := bp.Plan{Provides: []string{site}}
	switch {
	case d.Maker == "":
		return bp.Fail(why), nil
	case d.AsIs && !d.Served:
		plan.Provides = []string{files}
	case !d.AsIs:
		plan.Provides = append(plan.Provides, "node")
		plan.Requires = []bp.Entry{bp.Tools("node", node.Wanted(in)...)}
	}
	if d.Procfile {
		plan.Provides = append(plan.Provides, procfile.Process{Type: "web"}.Entry())
	}
	return bp.Pass(d.Maker, plan), nil
}
