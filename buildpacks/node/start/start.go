// Package start decides how an app is started: by its Procfile, its scripts, its main file, or what was made of it. Nothing is
// started by a package manager or a shell, which run images do not have.
package start

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// App is what a start is chosen of.
type App struct {
	project.Project
	Scripts project.Scripts    // that the build runs
	Asked   []procfile.Process // that the build plan asks this buildpack to start
	// Locked finds a program in the lockfile, from a folder; both paths are relative to the root. It is nil where the lockfile
	// names no programs.
	Locked func(from, program string) (file string, dev, found bool)
}

// Start is how an app is started, as far as it is known. Nothing changes it: what becomes known later makes another one.
type Start struct {
	Arguments []string          // of node or Bun; nil if they are those of Program or the main file
	Program   []string          // of a package, with its arguments; its file is known after the install
	Elsewhere bool              // strata/procfile starts the app
	Bun       bool              // Bun runs the app
	Command   []string          // of a package, as the script says it
	Script    string            // that says so; "" for the main file
	Variables map[string]string // that the script sets for its program
}

// Choose reads the process web, if the build plan asks for it, or else the script start.
func (a App) Choose() (Start, error) {
	web, asked, err := a.web()
	name := scriptOf(web.Words)
	switch {
	case err != nil:
		return Start{}, err
	case asked && name == "":
		return Start{Elsewhere: true, Bun: web.Words[0] == "bun"}, nil
	case asked && a.Manifest.Scripts[name] == "":
		return Start{}, startFault("the Procfile starts the script "+name+", which is not there", "name another one")
	case !asked && strings.TrimSpace(a.Manifest.Scripts["start"]) == "":
		return a.checked(Start{})
	case !asked:
		name = "start"
	}
	s, err := a.script(name, nil)
	if err != nil {
		s, err = a.instead(name, err)
	}
	if err != nil {
		return Start{}, err
	}
	return a.checked(s)
}

// checked returns a start. The main file has to be there, unless build scripts may make it.
func (a App) checked(s Start) (Start, error) {
	if len(a.Scripts.Run) > 0 || s.Arguments != nil || s.Program != nil {
		return s, nil
	}
	_, err := a.mainFile()
	return s, err
}

// production is the script that starts the app where start does so for its developer, as in apps of NestJS.
const production = "start:prod"

// instead returns another start where a script starts what is only there for development: the script start:prod, or the server that
// a framework makes. Without one of them, and for any other error, it returns the error.
func (a App) instead(script string, err error) (Start, error) {
	if !errors.As(err, new(developmentError)) || script == production {
		return Start{}, err
	}
	if a.Manifest.Scripts[production] != "" {
		return a.script(production, nil)
	}
	if framework.ServerOf(a.Manifest.Has) != "" {
		return Start{}, nil
	}
	return Start{}, err
}

// Find finds a program in the packages that were installed. File is an argument of node, "" if there is none; dev says that only a
// package for development has it.
type Find func(program string) (file string, dev bool, err error)

// Resolve returns the start with the file of its program, or of the server that build scripts made inside the app.
func (a App) Resolve(s Start, find Find) (Start, error) {
	if file := a.inside(s); file != "" {
		s.Arguments, s.Program = []string{file}, nil
		return s, nil
	}
	found, err := resolve(s, find)
	if err == nil {
		return found, nil
	}
	if s, err = a.instead(s.Script, err); err != nil {
		return Start{}, err
	}
	return resolve(s, find)
}

func resolve(s Start, find Find) (Start, error) {
	if s.Program == nil {
		return s, nil
	}
	file, dev, err := find(s.Program[0])
	switch {
	case err != nil:
		return Start{}, err
	case file != "":
		s.Arguments, s.Program = append([]string{file}, s.Program[1:]...), nil
		return s, nil
	case dev:
		return Start{}, onlyDev(s.Script, s.Program[0])
	}
	return Start{}, notFound(s.Script, strings.Join(s.Program, " "))
}

// Launch returns the arguments of node or Bun for a start that was resolved, and where they are from. It looks for the main file in
// what the build made.
func (a App) Launch(s Start) (arguments []string, why string, err error) {
	switch {
	case s.Arguments == nil:
		main, err := a.mainFile()
		return []string{main}, "main file", err
	case s.Script == "":
		return s.Arguments, "made by the build", nil
	}
	return s.Arguments, "script " + s.Script, nil
}

// mainFile returns the file that main names, as Node.js finds it, or else server.js or index.js.
func (a App) mainFile() (string, error) {
	main := a.Manifest.Main
	if main != "" && !filepath.IsLocal(main) {
		return "", startFault(fmt.Sprintf("main is %q, which is outside the app", main), "name a file of the app")
	}
	if pattern := framework.ServerOf(a.Manifest.Has); pattern != "" {
		found, err := filepath.Glob(filepath.Join(a.Dir, filepath.FromSlash(pattern)))
		if err == nil && len(found) == 1 {
			return filepath.Rel(a.Dir, found[0])
		}
	}
	candidates := []string{"server.js", "index.js"}
	if main != "" {
		candidates = []string{main, main + ".js", filepath.Join(main, "index.js")}
	}
	for _, name := range candidates {
		if info, err := os.Stat(filepath.Join(a.Dir, name)); err == nil && info.Mode().IsRegular() {
			return name, nil
		}
	}
	if main != "" {
		return "", startFault(fmt.Sprintf("main is %q, which is not a file", main), "name a file that is there after the build")
	}
	do := "add a script start such as node server.js" + a.siteHint()
	return "", startFault("there is no script start, no main, no server.js and no index.js", do)
}

// siteHint returns what else to do about an app that starts nothing: it may be a site whose build script has another name.
func (a App) siteHint() string {
	for _, name := range slices.Sorted(maps.Keys(a.Manifest.Scripts)) {
		if strings.Contains(name, "build") && len(a.Scripts.Run) == 0 && framework.Made(a.Manifest.Has, framework.Site) != "" {
			return ", or set BP_NODE_RUN_SCRIPTS=" + name + " if it is a site"
		}
	}
	return ""
}

// web returns the command of the process web, and whether the build plan asks this buildpack to start it. Only a script
// is started here, without the package manager.
func (a App) web() (command shell.Simple, asked bool, err error) {
	i := slices.IndexFunc(a.Asked, func(p procfile.Process) bool { return p.Type == "web" })
	if i < 0 {
		return shell.Simple{}, false, nil
	}
	list, err := a.Asked[i].List()
	if simple, ok := list.Simple(); ok {
		return simple, true, err
	}
	first, _ := list[0].Words[0].Literal()
	return shell.Simple{Words: []string{first}}, true, err
}

// Unmet returns the entries of the build plan that are left to strata/procfile.
func (a App) Unmet(s Start) []string {
	var names []string
	for _, p := range a.Asked {
		if p.Type != "web" || s.Elsewhere {
			names = append(names, p.Entry())
		}
	}
	return names
}

// Env returns the variables of a start by the names that they have in a layer. Those of frameworks and of the script are for all
// processes. Those that the Procfile sets for the process web are "TYPE/NAME" for each type of process that is started as web is. The
// script sets its own last.
func (a App) Env(s Start, types ...string) (map[string]string, error) {
	variables := framework.EnvOf(a.Manifest.Has)
	for name, value := range s.Variables {
		if value != "" || variables[name] == "" {
			variables[name] = value
		}
	}
	web, _, err := a.web()
	if err != nil || s.Elsewhere {
		return variables, err
	}
	for name, value := range web.Variables {
		if _, last := s.Variables[name]; last {
			continue
		}
		delete(variables, name)
		for _, process := range types {
			variables[process+"/"+name] = value
		}
	}
	return variables, nil
}

// developmentError is the fault of a script that starts what is only there for development.
type developmentError struct{ fault fault.Fault }

// Error returns the fault's line.
func (e developmentError) Error() string { return e.fault.Error() }

// Unwrap returns the fault.
func (e developmentError) Unwrap() error { return e.fault }

func onlyDev(script, program string) error {
	return developmentError{fault.Fault{
		ID:   "node-start-development",
		What: fmt.Sprintf("package.json: the script %s calls %s, which is only there for development", script, program),
		Do:   "start what it makes with node in the script " + production + ", or move it to dependencies",
	}}
}

func notFound(name, script string) error {
	what := fmt.Sprintf("the script %s is %q, which is neither node nor a program of a package in the lockfile", name, script)
	return startFault(what, "write it as node and a file, or say how to start in a Procfile")
}

func startFault(what, do string) error {
	return fault.Fault{ID: "node-start", What: "package.json: " + what, Do: do}
}
