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

// Names in the build plan of what another buildpack serves or reads: the files that a front end is built to, those that an app has, and
// those that the build scripts of an app in another language make.
const (
	site   = "site"
	files  = "files"
	assets = "assets"
)

// detect takes part in apps with a package.json that are files for a browser, and in apps whose build scripts may make some for an app
// in another language. What is wrong with an app is strata/node's to say.
func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	in.Workspace = in.Here()
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
	if d.Maker == "" && !a.builds() {
		return bp.Fail(why), nil
	}
	var plans []bp.Plan
	if d.Maker != "" {
		plans = append(plans, d.plan(in))
		why = d.Maker
	}
	if a.builds() {
		plans = append(plans, runs(in, assets))
	}
	return bp.Pass(why, plans...), nil
}

// plan returns the plan of an app that is files for a browser.
func (d decision) plan(in bp.DetectContext) bp.Plan {
	plan := bp.Plan{Provides: []string{site}}
	switch {
	case d.AsIs && !d.Served:
		plan.Provides = []string{files}
	case !d.AsIs:
		plan = runs(in, site)
	}
	if d.Procfile {
		plan.Provides = append(plan.Provides, procfile.Process{Type: "web"}.Entry())
	}
	return plan
}

// runs returns the plan of an app whose build scripts run.
func runs(in bp.DetectContext, made string) bp.Plan {
	return bp.Plan{Provides: []string{made, "node"}, Requires: []bp.Entry{bp.Tools("node", node.Wanted(in)...)}}
}
