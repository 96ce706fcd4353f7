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

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// reading is a script that is read, of which one may run others.
type reading struct {
	App
	seen  []string         // scripts that run this one, and this one
	first bool             // it runs before the app's own command
	build []project.Script // what belongs to the build, of all that was read
}

// script reads a script of package.json with the scripts that it runs.
func (a App) script(name string) (Start, error) {
	r := reading{App: a}
	commands, err := r.script(name)
	return r.start(name, commands, err)
}

// list reads a list of the Procfile, of which some commands run scripts.
func (a App) list(list shell.List, process string) (Start, error) {
	for _, c := range list {
		if name := scriptOf(texts(c.Words)); name != "" && c.Dir == "" && a.Manifest.Scripts[name] == "" && c.Words[0] == "npm" {
			return Start{}, noScript(name)
		}
	}
	r := reading{App: a}
	name := process + " of the Procfile"
	commands, err := r.list(list, name, strings.Join(list.Args(), " "))
	return r.start(name, commands, err)
}

func noScript(name string) error {
	return startFault("the Procfile starts the script "+name+", which is not there", "name another one")
}

// start returns the start of what was read.
func (r *reading) start(name string, commands []Command, err error) (Start, error) {
	if err != nil {
		return Start{}, err
	}
	s := Start{Commands: commands, Build: r.build, Script: name}
	for _, c := range commands {
		s.Bun = s.Bun || c.Bun
	}
	for _, c := range commands {
		if s.Bun && !c.Bun && c.Words == nil {
			return Start{}, startFault("the script "+name+" starts both node and bun", "start all of it with one of them")
		}
	}
	return s, nil
}

// script returns the commands of a script. What belongs to the build is not among them.
func (r *reading) script(name string) ([]Command, error) {
	if slices.Contains(r.seen, name) {
		return nil, startFault("the script "+name+" runs itself", "let it start a file")
	}
	r.seen = append(r.seen, name)
	defer func() { r.seen = r.seen[:len(r.seen)-1] }()
	var all []Command
	if hook := "post" + name; r.Manifest.Scripts[hook] != "" && !r.built(hook) {
		do := "let the app do it, or run it at build time: BP_NODE_RUN_SCRIPTS=" + strings.Join(r.scriptsWith(hook), ",")
		return nil, startFault(fmt.Sprintf("the script %s needs npm at launch", hook), do)
	}
	if hook := "pre" + name; r.Manifest.Scripts[hook] != "" && !r.built(hook) {
		before, err := r.before(hook)
		if err != nil {
			return nil, err
		}
		all = before
	}
	text := strings.TrimSpace(r.Manifest.Scripts[name])
	list, err := read(name, text)
	if err != nil {
		return nil, err
	}
	commands, err := r.list(list, name, text)
	if err != nil {
		return nil, err
	}
	return join(all, shell.Command{}, commands)
}

// list reads the commands of a script.
func (r *reading) list(list shell.List, name, text string) (all []Command, err error) {
	outer := r.first
	defer func() { r.first = outer }()
	for i, c := range list {
		r.first = outer || i < len(list)-1
		inner, err := r.command(c, name, text)
		if err != nil {
			return nil, err
		}
		if all, err = join(all, c, inner); err != nil {
			return nil, startFault(fmt.Sprintf("the script %s is %q, and a script that it runs is a list with ;", name, text), err.Error())
		}
	}
	return all, nil
}

// before reads a script that runs before the app's own command.
func (r *reading) before(name string) ([]Command, error) {
	outer := r.first
	defer func() { r.first = outer }()
	r.first = true
	return r.script(name)
}

// join adds the commands that one of a list stands for. Its folder and its variables are theirs.
func join(all []Command, of shell.Command, inner []Command) ([]Command, error) {
	for i, c := range inner {
		switch {
		case len(all) == 0:
			c.After = ""
		case i == 0:
			c.After = cmp.Or(of.After, shell.And) // after what npm runs before a script
		case c.After != shell.And && of.After != "":
			return nil, errors.New("write its commands into this script")
		}
		c.Dir, c.Variables = path.Join(of.Dir, c.Dir), slices.Concat(of.Variables, c.Variables)
		all = append(all, c)
	}
	return all, nil
}

// nextPort matches a port for Next.js that is a variable, which it reads by itself.
var nextPort = regexp.MustCompile(`^((?:\S+ )*next start\b.*?) (?:-p|--port)[ =]["']?\$(?:PORT|\{PORT(?::?-\d+)?\})["']?`)

// read returns the commands of a script, or the fault of a script that only a shell could start.
func read(name, script string) (shell.List, error) {
	var list shell.List
	line, err := shell.Parse(nextPort.ReplaceAllString(script, "$1"))
	if err == nil {
		list, err = line.List()
	}
	if broken := new(shell.Error); errors.As(err, &broken) {
		what := fmt.Sprintf("the script %s is %q: %s", name, script, broken.What)
		return nil, startFault(what, broken.Do)
	}
	if err == nil && (len(list) == 0 || len(list[len(list)-1].Words) == 0) {
		return nil, startFault("the script "+name+" is empty", "let it start a file")
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
	words := texts(c.Words)
	name, text := scriptOf(words), strings.Join(words, " ")
	script := project.Script{Dir: r.From(), Name: name, Command: r.Manifest.Scripts[name], Env: texts(c.Variables)}
	switch {
	case !r.first || c.Dir != "":
		return false
	case name != "" && r.built(name):
		return true
	case slices.ContainsFunc(r.Scripts.Run, func(s project.Script) bool { return s.Dir == r.From() && s.Command == text }):
		return true
	case name != "" && building.MatchString(name) && r.Manifest.Scripts[name] != "":
		r.build = append(r.build, script)
		return true
	}
	program := words
	if len(words) > 1 && words[0] == "npx" {
		program = words[1:]
	}
	if slices.Contains(builders, program[0]) || len(program) > 1 && slices.Contains(makes, program[1]) && program[0] != "node" && name == "" {
		script.Name, script.Command, script.Words = r.seen[len(r.seen)-1], text, program
		r.build = append(r.build, script)
		return true
	}
	return false
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
