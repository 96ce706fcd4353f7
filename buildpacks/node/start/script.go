package start

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Source is what says how a process starts: a script of package.json, or a line of the Procfile. Without a name it is a main file.
type Source struct{ File, Kind, Name, Text string }

// script returns the source that is a script of package.json.
func (a App) source(script string) Source {
	return Source{a.Manifest.FileOf(script), "script", script, strings.TrimSpace(a.Manifest.Scripts[script])}
}

// String names the source in its file.
func (s Source) String() string { return s.Kind + " " + s.Name }

// fault returns the fault of a source that has something, and what to do about it.
func (s Source) fault(what, do string) error {
	return fault.Fault{ID: "node-start", What: fmt.Sprintf("%s: the %s is %q%s", s.File, s, s.Text, what), Do: do}
}

// reading is a source that is read, of which one may run scripts.
type reading struct {
	App
	seen  []string // scripts that run this one, and this one
	first bool     // it runs before the app's own command
	read  int      // scripts so far, each as often as it runs
}

// maxRead bounds how many scripts a start runs. Two that each run the next one twice, and so on, would be more than anybody can read.
const maxRead = 200

// script reads a script of package.json with the scripts that it runs.
func (a App) script(name string) (Start, error) {
	r := reading{App: a}
	commands, err := r.script(name)
	return r.start(a.source(name), len(a.Scripts.Run), commands, err)
}

// process reads a process of the Procfile, of which some commands run scripts.
func (a App) process(p procfile.Process, list shell.List) (Start, error) {
	r := reading{App: a}
	of := Source{fmt.Sprintf("%s line %d", procfile.Name, p.Line), "process", p.Type, strings.Join(list.Args(), " ")}
	commands, err := r.list(list, of)
	return r.start(of, len(a.Scripts.Run), commands, err)
}

// start returns the start of what was read. What it adds to the first scripts of the build is its own.
func (r *reading) start(of Source, known int, commands []Command, err error) (Start, error) {
	if err != nil {
		return Start{}, err
	}
	s := Start{Build: r.Scripts.Run[known:], From: of}
	for _, c := range commands {
		s.Commands = append(s.Commands, c.withoutPort(len(commands) == 1))
	}
	for _, c := range commands {
		s.Bun = s.Bun || c.Bun
	}
	for _, c := range commands {
		if s.Bun && !c.Bun && c.Words == nil {
			return Start{}, of.fault(", which starts both node and bun", "start all of it with one of them")
		}
	}
	return s, nil
}

// withoutPort returns a command without an option that gives its server the variable PORT. Only the layer of a start with a single command
// can set the variable where the platform does not.
func (c Command) withoutPort(single bool) Command {
	words, port, found := framework.WithoutPort(c.Words)
	if !found || port != "" && !single {
		return c
	}
	c.Words = words
	if c.Arguments != nil {
		c.Arguments = slices.Concat(c.Arguments[:1], words[1:])
	}
	if port != "" {
		other := func(variable shell.Word) bool { return strings.HasPrefix(string(variable), "PORT=") }
		c.Variables = append(slices.DeleteFunc(slices.Clone(c.Variables), other), shell.Word("PORT="+port))
	}
	return c
}

// script returns the commands of a script. What belongs to the build is not among them.
func (r *reading) script(name string) ([]Command, error) {
	of := r.source(name)
	if slices.Contains(r.seen, name) {
		return nil, of.fault(", which runs itself", "let it start a file")
	}
	if r.read++; r.read > maxRead {
		return nil, of.fault(fmt.Sprintf(", and more than %d scripts run one another", maxRead), "let the start script start a file")
	}
	r.seen = append(r.seen, name)
	defer func() { r.seen = r.seen[:len(r.seen)-1] }()
	var all []Command
	if hook := "post" + name; r.Manifest.Scripts[hook] != "" && !r.built(hook) {
		do := "let the app do it, or run it at build time: BP_NODE_RUN_SCRIPTS=" + strings.Join(r.scriptsWith(hook), ",")
		return nil, r.source(hook).fault(", which needs npm at launch", do)
	}
	if hook := "pre" + name; r.Manifest.Scripts[hook] != "" && !r.built(hook) {
		before, err := r.before(hook)
		if err != nil {
			return nil, err
		}
		all = before
	}
	list, err := read(of, of.Text)
	if err != nil {
		return nil, err
	}
	commands, err := r.list(list, of)
	if err != nil {
		return nil, err
	}
	all, clash := join(all, shell.Command{}, commands)
	if clash != nil {
		return nil, of.fault(", "+clash.What, clash.Do)
	}
	return all, nil
}

// list reads the commands of a source.
func (r *reading) list(list shell.List, of Source) ([]Command, error) {
	var all []Command
	outer := r.first
	defer func() { r.first = outer }()
	for i, c := range list {
		r.first = outer || i < len(list)-1
		c.Dir = r.within(c.Dir)
		inner, err := r.command(c, of)
		if err != nil {
			return nil, err
		}
		joined, clash := join(all, c, inner)
		if clash != nil {
			return nil, of.fault(", "+clash.What, clash.Do)
		}
		all = joined
	}
	return all, nil
}

// within returns a folder that a command enters, relative to the project where its path in full is that of a folder of the app.
func (a App) within(dir string) string {
	if in, err := filepath.Rel(a.App, dir); err != nil || !path.IsAbs(dir) || !filepath.IsLocal(in) {
		return dir
	}
	relative, err := filepath.Rel(a.Dir, dir)
	if err != nil || relative == "." {
		return ""
	}
	return relative
}

// before reads a script that runs before the app's own command.
func (r *reading) before(name string) ([]Command, error) {
	outer := r.first
	defer func() { r.first = outer }()
	r.first = true
	return r.script(name)
}

// join adds the commands that one of a list stands for. Its folder and its variables are theirs. The error is about what cannot be told to
// the launch helper, in whose lists With parts more than Then, and Then more than And.
func join(all []Command, of shell.Command, inner []Command) ([]Command, *shell.Error) {
	with := func(c Command) bool { return c.After == shell.With }
	before := cmp.Or(of.After, shell.And) // after what npm runs before a script
	if len(all) > 0 && before != shell.With && (slices.ContainsFunc(all, with) || slices.ContainsFunc(inner, with)) {
		what := "which runs some commands at the same time, and others before or after them"
		return nil, &shell.Error{What: what, Do: "let the first ones do it, or give each process a line of a Procfile"}
	}
	for i, c := range inner {
		switch {
		case len(all) == 0:
			c.After = ""
		case i == 0:
			c.After = before
		case c.After == shell.Then && of.After != "" && of.After != shell.With:
			return nil, &shell.Error{What: "and a script that it runs is a list with ;", Do: "write its commands into this script"}
		}
		c.Dir, c.Variables = shell.Within(of.Dir, c.Dir), slices.Concat(of.Variables, c.Variables)
		all = append(all, c)
	}
	return all, nil
}

// read returns the commands of a text of a source, or the fault of one that only a shell could start.
func read(of Source, text string) (shell.List, error) {
	var list shell.List
	line, err := project.Parse(text)
	if err == nil {
		list, err = line.List()
	}
	if broken := new(shell.Error); errors.As(err, &broken) {
		return nil, of.fault(": "+broken.What, broken.Do)
	}
	if err == nil && (len(list) == 0 || len(list[len(list)-1].Words) == 0) {
		return nil, of.fault(", which starts nothing", "let it start a file")
	}
	return list, err
}

// built reports whether the build has run a script, or the only script that this one runs.
func (a App) built(name string) bool {
	other := scriptOf(strings.Fields(a.Manifest.Scripts[name]))
	return a.Scripts.Built(a.From(), name) || other != "" && a.Scripts.Built(a.From(), other)
}

// scriptsWith returns the names of the scripts of the build, and one more.
func (a App) scriptsWith(name string) []string {
	var list []string
	for _, one := range a.Scripts.Names {
		if a.Manifest.Scripts[one] != "" {
			list = append(list, one)
		}
	}
	return append(list, name)
}

// scriptOf returns the script that a command of a package manager runs without further arguments, "" for other commands. What Bun runs
// is read elsewhere, as it may be a file, too.
func scriptOf(words []string) string {
	name, rest := project.ScriptOf(words)
	if len(rest) > 0 || name != "" && words[0] == "bun" {
		return ""
	}
	return name
}

var (
	// building matches the names of scripts that make something.
	building = regexp.MustCompile(`(^|[:._-])(build|compile|bundle|generate|transpile|clean)([:._-]|$)`)
	// builders are programs that make something of an app's files, whatever their arguments are.
	builders = []string{
		"tsc", "tsc-alias", "tsup", "babel", "swc", "esbuild", "rollup", "webpack", "gulp", "grunt", "rimraf", "copyfiles", "cpx",
	}
	// makes are first arguments with which a program makes something.
	makes = []string{"build", "generate", "compile"}
)

// atBuild reports whether a command before the app's own belongs to the build: what it makes of the app's files. The build runs it,
// unless one of its scripts does.
func (r *reading) atBuild(c shell.Command) bool {
	words := shell.Texts(c.Words)
	name, text := scriptOf(words), strings.Join(words, " ")
	script := project.Script{Dir: r.From(), Name: text, Command: text, Env: shell.Texts(c.Variables)}
	program := words[project.Runner(words):]
	switch {
	case !r.first || c.Dir != "" || project.Several(program):
		return false
	case name != "" && r.built(name), r.Scripts.Has(script):
		return true
	case name != "" && building.MatchString(name) && r.Manifest.Scripts[name] != "":
		script.Name, script.Command = name, r.Manifest.Scripts[name]
	case slices.Contains(builders, program[0]),
		len(program) > 1 && slices.Contains(makes, program[1]) && program[0] != "node" && name == "":
		script.Words = program
	default:
		return false
	}
	r.Scripts = r.Scripts.With(script)
	return true
}

// workspaceOf returns the folder of the workspace that a command names, "" if it names none.
func (a App) workspaceOf(command string) string {
	name, _ := project.WorkspaceIn(command)
	if name == "" {
		return ""
	}
	if member := a.Member(name); member != "" {
		return member
	}
	if folder := path.Clean(name); filepath.IsLocal(folder) {
		if _, err := a.ReadManifest(path.Join(a.From(), folder)); err == nil {
			return path.Join(a.From(), folder)
		}
	}
	return ""
}
