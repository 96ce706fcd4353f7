package start

import (
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Process is a process of the Procfile other than web that runs scripts of package.json or programs of packages.
type Process struct {
	procfile.Process
	Start Start
}

// others returns the processes of the Procfile other than web that are started here. What else there is, is left to strata/procfile.
func (a App) others() []procfile.Process {
	return slices.DeleteFunc(slices.Clone(a.Asked), func(p procfile.Process) bool {
		list, err := p.List()
		return p.Type == "web" || err != nil || !a.starts(list)
	})
}

// starts reports whether a command of a list runs a script of package.json, or a program of a package in the lockfile. Where the lockfile
// names no programs, a command that asks the package manager for one does.
func (a App) starts(list shell.List) bool {
	return slices.ContainsFunc(list, func(c shell.Command) bool {
		words := shell.Texts(c.Words)
		if scriptOf(words) != "" {
			return true
		}
		runner := project.Runner(words)
		words = words[runner:]
		if a.Locked == nil && runner > 0 { // it is found after the install
			return a.HasPackages() && !slices.Contains(absent, words[0])
		}
		if a.Locked == nil || c.Dir != "" || strings.ContainsAny(words[0], "/$") || slices.Contains(absent, words[0]) {
			return false
		}
		_, _, found := a.Locked(a.From(), words[0])
		return found && words[0] != "node"
	})
}

// Others reads the starts of processes of the Procfile other than web.
func (a App) Others(web Start) ([]Process, error) {
	var all []Process
	for _, p := range a.others() {
		list, err := p.List()
		if err != nil {
			return nil, err
		}
		s, err := a.whole(a.process(p, list))
		if err != nil {
			return nil, err
		}
		if s.Bun != web.Bun {
			return nil, s.From.fault(", and the process web needs the other one of node and bun", "start all of it with one of them")
		}
		all = append(all, Process{p, s})
	}
	return all, nil
}

// ResolveOther returns the start of a process other than web with the files of its programs.
func (a App) ResolveOther(p Process, find Find) (Start, error) { return a.resolve(p.Start, find) }

// helped reports whether the launch helper has to start some of the other processes.
func (a App) helped() bool {
	return slices.ContainsFunc(a.others(), func(p procfile.Process) bool {
		list, err := p.List()
		if err != nil {
			return false
		}
		s, _ := a.process(p, list)
		_, simple := s.written().Simple()
		return !simple
	})
}

// written returns the commands of a start as the script says them.
func (s Start) written() shell.List {
	var list shell.List
	for _, c := range s.Commands {
		list = append(list, shell.Command{Words: slices.Concat(c.Words, c.Arguments), Variables: c.Variables})
	}
	return list
}
