// Package launchhelper is how buildpacks use the program that strata/launch-helper puts into an image once for all of them.
package launchhelper

import (
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
)

// Entry is the name in the build plan under which the program is asked for.
const Entry = "launch-helper"

// Layer and Program are the names of the layer and of the file in it.
const (
	Layer   = "helper"
	Program = "launch"
)

// Required is what a buildpack requires to have the program in the image.
func Required() bp.Entry { return bp.Entry{Name: Entry} }

// Path returns where the program is in the image.
func Path(in bp.BuildContext) string {
	return filepath.Join(filepath.Dir(in.Layers.Path()), "strata_launch-helper", Layer, Program)
}

// RequiredToReload is what the buildpack of an app requires: the program, if the app is to start again when its files
// change. What is wrong with the variable is said at build.
func RequiredToReload(c config.Config) []bp.Entry {
	var s struct {
		Reload bool `config:"BP_LIVE_RELOAD_ENABLED"`
	}
	if err := c.Decode(&s); err != nil || !s.Reload {
		return nil
	}
	return []bp.Entry{Required()}
}

// Reload makes web a process that starts again when files below the folders change, and adds no-reload, which is web as
// it was.
func Reload(in bp.BuildContext, processes []bp.Process, folders ...string) []bp.Process {
	i := slices.IndexFunc(processes, func(p bp.Process) bool { return p.Type == "web" })
	if i < 0 {
		in.Log.Warn("BP_LIVE_RELOAD_ENABLED changes nothing: the Procfile says how web is started")
		return processes
	}
	plain := processes[i]
	plain.Type, plain.Default = "no-reload", false
	reload := append([]string{Path(in), "reload"}, folders...)
	processes[i].Command = append(append(reload, "--"), plain.Command...)
	in.Log.Decision("Reloads", "web", "BP_LIVE_RELOAD_ENABLED")
	return append(processes, plain)
}
