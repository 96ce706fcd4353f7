// Package start decides how an app is started: by its Procfile, its scripts, its main file, or what was made of it. Nothing is
// started by a package manager or a shell, which run images do not have.
package start

import (
	"errors"
	"fmt"
	"maps"
	"path"
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
	// TypeScript says that Node.js runs it.
	TypeScript bool
}

// Start is how an app is started, as far as it is known. Nothing changes it: what becomes known later makes another one.
type Start struct {
	Commands  []Command        // one after the other, that of the app is the last; none for the main file
	Build     []project.Script // what the script does first and the build does instead
	Elsewhere bool             // strata/procfile starts the app
	Bun       bool             // Bun runs the app
	From      Source           // that says so
}

// app returns the command of the app.
func (s Start) app() Command {
	if len(s.Commands) == 0 {
		return Command{}
	}
	return s.Commands[len(s.Commands)-1]
}

// with returns the start with another command of the app.
func (s Start) with(c Command) Start {
	s.Commands = append(slices.Clone(s.Commands[:max(len(s.Commands)-1, 0)]), c)
	return s
}

// Choose reads the process web, if the build plan asks for it, or else the script start.
func (a App) Choose() (Start, error) {
	web, list, err := a.web()
	if err != nil {
		return Start{}, err
	}
	name, asked := "start", web.Type != ""
	if asked {
		if !a.starts(list) {
			bun := slices.ContainsFunc(list, func(c shell.Command) bool { return c.Words[0] == "bun" })
			return Start{Elsewhere: true, Bun: bun}, nil
		}
		name = onlyScript(list)
	}
	if a.source(name).Text == "" {
		if asked {
			return a.whole(a.process(web, list))
		}
		if of, program := framework.ProgramOf(a.Manifest.Runs); program != "" {
			r := reading{App: a}
			from := Source{project.ManifestFile, "package", of, program}
			commands, err := r.program([]shell.Word{shell.Quote(program)}, shell.Command{}, from)
			return a.whole(r.start(from, len(a.Scripts.Run), commands, err))
		}
		return a.checked(Start{Bun: a.forBun()})
	}
	s, err := a.script(name)
	if err != nil {
		s, err = a.instead(name, err)
	}
	return a.whole(s, err)
}

// forBun reports whether an app that does not say how it starts is written for Bun: with its types, as its generator makes apps, or in
// TypeScript that nothing compiles. Bun finds files and packages in TypeScript by names that Node.js does not know.
func (a App) forBun() bool {
	if !strings.HasPrefix(a.Lockfile, "bun.lock") {
		return false
	}
	a.TypeScript = true // Bun runs it
	main, err := a.mainFile()
	source := err == nil && slices.Contains(project.Extensions[3:], path.Ext(main)) && len(a.Scripts.Run) == 0
	return source || slices.ContainsFunc([]string{"@types/bun", "bun-types"}, a.Manifest.Has)
}

// onlyScript returns the script that is all that a list runs, "" for other lists.
func onlyScript(list shell.List) string {
	simple, ok := list.Simple()
	if !ok || simple.Dir != "" {
		return ""
	}
	return scriptOf(simple.Words)
}

// whole returns a start that was read, and checks it.
func (a App) whole(s Start, err error) (Start, error) {
	if err != nil {
		return Start{}, err
	}
	return a.checked(s)
}

// checked returns a start. Its files have to be there, unless scripts may make them.
func (a App) checked(s Start) (Start, error) {
	if len(a.Scripts.Run)+len(s.Build) > 0 {
		return s, nil
	}
	if len(s.Commands) == 0 {
		_, err := a.mainFile()
		return s, err
	}
	return s, a.missing(s)
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
		return a.script(production)
	}
	if has := a.Manifest.Has; framework.ServerOf(has) != "" || framework.Adapter(has) != "" {
		return Start{}, nil
	}
	return Start{}, err
}

// Helped reports whether the launch helper may be needed to start the app. What is wrong is said by Choose.
func (a App) Helped() bool {
	web, list, err := a.web()
	asked := web.Type != ""
	if err != nil || asked && !a.starts(list) {
		return err == nil && a.helped()
	}
	name := "start"
	if asked {
		name = onlyScript(list)
	}
	var starts []Start
	if name == "" {
		s, _ := a.process(web, list)
		starts = append(starts, s)
	}
	for _, name := range []string{name, production} {
		if s, err := a.script(name); name != "" && err == nil {
			starts = append(starts, s)
		}
	}
	return a.helped() || slices.ContainsFunc(starts, func(s Start) bool {
		_, simple := s.written().Simple()
		return !simple
	})
}

// Roots returns what a start needs besides the dependencies of the project, as Project.Roots.
func (a App) Roots(s Start) []string {
	roots := slices.DeleteFunc(slices.Clone(framework.Loads(a.Manifest.Has)), func(name string) bool { return !a.Manifest.OnlyDev(name) })
	for _, c := range s.Commands {
		file := c.script()
		for _, member := range a.Members {
			in, found := strings.CutPrefix(path.Join(a.From(), file), member+"/")
			if file != "" && member != a.From() && found && !strings.HasPrefix(in, project.ModulesDir) {
				roots = append(roots, member)
			}
		}
		words := shell.Texts(c.Arguments)
		if c.Words != nil {
			if words = shell.Texts(c.Words); words[0] == "dotenv" {
				words[0] = "dotenv-cli"
			}
		}
		for _, word := range words {
			if option, value, found := strings.Cut(word, "="); found && strings.HasPrefix(option, "--") {
				word = value
			}
			name := packageIn(word)
			if slices.Contains(runners, name) && a.Manifest.OnlyDev(name) {
				roots = append(roots, name)
			}
		}
	}
	slices.Sort(roots)
	return slices.Compact(roots)
}

// Find finds a program in the packages that were installed. File is an argument of node, relative to the project or absolute, "" if
// there is none; dev says that a package for development has it.
type Find func(program string) (file string, dev bool, err error)

// Resolve returns the start with the files of its programs, or of the server that build scripts made inside the app.
func (a App) Resolve(s Start, find Find) (Start, error) {
	if file := a.inside(s); file != "" {
		c := s.app()
		c.Arguments = []shell.Word{shell.Quote(file)}
		s = s.with(c)
	}
	found, err := a.resolve(s, find)
	if err == nil {
		return found, nil
	}
	if s, err = a.instead(s.From.Name, err); err != nil {
		return Start{}, err
	}
	return a.resolve(s, find)
}

func (a App) resolve(s Start, find Find) (Start, error) {
	s.Commands = slices.Clone(s.Commands)
	for i, c := range s.Commands {
		if c.Arguments != nil || c.own() {
			continue
		}
		name := shell.Texts(c.Words)[0]
		file, dev, err := find(name)
		switch {
		case err != nil:
			return Start{}, err
		case dev && (!slices.Contains(runners, name) || file == ""):
			return Start{}, s.From.onlyDev(name)
		case file == "":
			return Start{}, s.From.notFound()
		}
		if !filepath.IsAbs(file) {
			if file, err = filepath.Rel(shell.Within(a.Dir, c.Dir), filepath.Join(a.Dir, file)); err != nil {
				return Start{}, fmt.Errorf("looking for %s: %w", name, err)
			}
		}
		s.Commands[i].Arguments = append([]shell.Word{shell.Quote(file)}, c.Words[1:]...)
	}
	return s, nil
}

// Launch returns the commands of a start that was resolved, each with the program node or Bun in front of its arguments, and where
// they are from. It looks for the files of the app in what the build made.
func (a App) Launch(s Start, program ...string) (list shell.List, why string, err error) {
	why = s.From.String()
	if len(s.Commands) == 0 {
		main, err := a.mainFile()
		if err != nil {
			return nil, "", err
		}
		s, why = s.with(Command{Arguments: []shell.Word{shell.Quote(main)}}), "main file"
	} else if s.From.Name == "" {
		why = "made by the build"
	}
	if err := a.missing(s); err != nil {
		return nil, "", err
	}
	for _, c := range s.Commands {
		one := shell.Command{After: c.After, Dir: c.Dir, Variables: c.Variables, Words: c.Words}
		if !c.own() {
			one.Words = nil
			for _, word := range program {
				one.Words = append(one.Words, shell.Quote(word))
			}
			one.Words = append(one.Words, c.Arguments...)
		}
		list = append(list, one)
	}
	return list, why, nil
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

// workspaceHint returns what else to do about a root that starts nothing: it may have workspaces that do, or that lack the script.
func (a App) workspaceHint() string {
	if a.Dir != a.Root || len(a.Members) == 0 {
		return ""
	}
	hint, list := ", or set BP_NODE_PROJECT_PATH to the workspace that is the app: ", framework.Apps(a.Project)
	if len(list) == 0 {
		hint, list = ", or add a script start to a workspace and set BP_NODE_PROJECT_PATH to that: ", a.Members
	}
	return hint + strings.Join(list[:min(len(list), 8)], ", ")
}

// web returns the process web and its commands, none if the build plan does not ask this buildpack to start it. Only scripts are started
// here, without the package manager.
func (a App) web() (p procfile.Process, list shell.List, err error) {
	i := slices.IndexFunc(a.Asked, func(p procfile.Process) bool { return p.Type == "web" })
	if i < 0 {
		return procfile.Process{}, nil, nil
	}
	list, err = a.Asked[i].List()
	return a.Asked[i], list, err
}

// Unmet returns the entries of the build plan that are left to strata/procfile.
func (a App) Unmet(s Start) []string {
	var names []string
	here := a.others()
	for _, p := range a.Asked {
		own := slices.ContainsFunc(here, func(other procfile.Process) bool { return other.Type == p.Type })
		if p.Type == "web" && s.Elsewhere || p.Type != "web" && !own {
			names = append(names, p.Entry())
		}
	}
	return names
}

// Env returns the variables of a start by the names that they have in a layer. Those of frameworks and of the script are for all
// processes. Those that the Procfile sets for the process web are "TYPE/NAME" for each type of process that is started as web is. The
// script sets its own last. The launch helper sets those of a list.
func (a App) Env(s Start, types ...string) (map[string]string, error) {
	variables, own := framework.EnvOf(a.Manifest.Has), s.Variables()
	for name, value := range own {
		if value != "" || variables[name] == "" {
			variables[name] = value
		}
	}
	_, list, err := a.web()
	if err != nil || s.Elsewhere {
		return variables, err
	}
	web, _ := list.Simple()
	for name, value := range web.Variables {
		if _, last := own[name]; last {
			continue
		}
		delete(variables, name)
		for _, process := range types {
			variables[process+"/"+name] = value
		}
	}
	return variables, nil
}

// Variables returns what the script sets for its only command.
func (s Start) Variables() map[string]string {
	if len(s.Commands) != 1 {
		return nil
	}
	simple, _ := shell.List{{Variables: s.Commands[0].Variables, Words: s.Commands[0].Arguments}}.Simple()
	return simple.Variables
}

// developmentError is the fault of a script that starts what is only there for development.
type developmentError struct{ fault fault.Fault }

// Error returns the fault's line.
func (e developmentError) Error() string { return e.fault.Error() }

// Unwrap returns the fault.
func (e developmentError) Unwrap() error { return e.fault }

// onlyDev returns the fault of a source that calls a program that is only there for development.
func (s Source) onlyDev(program string) error {
	return developmentError{fault.Fault{
		ID: "node-start-development", What: fmt.Sprintf("%s: the %s calls %s, which is only there for development", s.File, s, program),
		Do: "start what it makes with node in the script " + production + ", or move it to dependencies",
	}}
}

// notFound returns the fault of a source that starts no program that is known.
func (s Source) notFound() error {
	const what = ", which is neither node nor a program of a package in the lockfile"
	return s.fault(what, "write it as node and a file, or name its package in dependencies")
}

// mainFault is the fault of an app that does not say how it starts.
func mainFault(what, do string) error {
	return fault.Fault{ID: "node-start", What: project.ManifestFile + ": " + what, Do: do}
}
