package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

const leaveOut = "BP_NODE_LEAVE_OUT"

// checkLeaveOut refuses kinds of files that do not exist.
func checkLeaveOut(named []string) error {
	for _, kind := range named {
		if !slices.Contains(layout.Kinds(), kind) && kind != "none" {
			return fault.Fault{
				ID: "node-leave-out", What: fmt.Sprintf("%s names %q", leaveOut, kind),
				Do: "name some of " + strings.Join(layout.Kinds(), ", ") + ", or none",
			}
		}
	}
	return nil
}

// withMaps returns the kinds of files that are left out of packages by default, without source maps where the app reads them. Why
// says what reads them.
func withMaps(in bp.BuildContext, m project.Manifest, kinds []string) (kept []string, why string, err error) {
	_, named, err := in.Config.Lookup(leaveOut)
	if err != nil || named {
		return kinds, "", err
	}
	if why, err = mapsReader(in, m); why == "" || err != nil {
		return kinds, "", err
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return kind == "maps" }), why, nil
}

const (
	mapsOption  = "--enable-source-maps"
	mapsPackage = "source-map-support"
)

// mapsReader returns what of an app reads source maps when it runs: a dependency, a script, the Procfile, NODE_OPTIONS; "" for nothing.
func mapsReader(in bp.BuildContext, m project.Manifest) (string, error) {
	if m.Runs(mapsPackage) {
		return mapsPackage, nil
	}
	reads := func(command string) bool {
		return strings.Contains(command, mapsOption) || strings.Contains(command, mapsPackage)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Scripts)) {
		if reads(m.Scripts[name]) {
			return "script " + name, nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Env)) { // BPE_NODE_OPTIONS, too
		if strings.HasSuffix(name, "NODE_OPTIONS") && reads(in.Env[name]) {
			return name, nil
		}
	}
	commands, err := tree.ReadFile(filepath.Join(in.AppDir, procfile.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if bytes.Contains(commands, []byte(mapsOption)) || bytes.Contains(commands, []byte(mapsPackage)) {
		return procfile.Name, err
	}
	return "", err
}
