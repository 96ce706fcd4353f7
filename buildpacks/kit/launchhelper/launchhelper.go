// Package launchhelper is how buildpacks use the program that strata/launch-helper puts into an image once for all of them.
package launchhelper

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
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

// Run returns the command of a process that runs a list, in the folder of its first command. A simple list needs no program, and a
// layer sets its variables; every other one is for a buildpack that requires the program.
func Run(in bp.BuildContext, list shell.List) []string {
	if simple, ok := list.Simple(); ok {
		return simple.Words
	}
	return append([]string{Path(in), "run"}, list.Args()...)
}

// Commands returns what the command of a process runs, which may be given to the program: a list, one that starts again when files
// change, or nothing for one of the program's own.
func Commands(command []string) shell.List {
	if len(command) < 2 || !strings.HasSuffix(command[0], filepath.Join("/strata_launch-helper", Layer, Program)) {
		var words []shell.Word
		for _, word := range command {
			words = append(words, shell.Quote(word))
		}
		return shell.List{{Words: words}}
	}
	switch command[1] {
	case "run":
		return shell.ListOf(command[2:])
	case "reload":
		if i := slices.Index(command, "--"); i >= 0 {
			return Commands(command[i+1:])
		}
	}
	return nil
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
