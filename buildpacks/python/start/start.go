// Package start decides how an app of Python is started: by the framework whose app it has, its one script, or its main file. What the
// app says is read from its syntax, and nothing of it is imported. Each process is a program with its arguments.
package start

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/python/project"
)

// App is what a start is chosen of.
type App struct {
	Project   project.Project
	Installed func(name string) bool // reports whether a package is installed, by its name as project.Name has it
	Procfile  []procfile.Process     // that others start
	Python    Interpreter
}

// Process is a way to start the app. Its programs are those of the virtual environment: python, gunicorn.
type Process struct {
	Type    string
	Default bool       // it is started where no process is named
	Dir     string     // absolute path of the folder that it is started in
	Command shell.List // of one command; the launch helper runs it where it is not simple
	From    string     // what says so: "main.py line 3 makes app of fastapi.FastAPI"
}

// Start is how an app is started. Nothing changes it.
type Start struct {
	Processes []Process         // that the Procfile does not have
	Variables map[string]string // for all processes, unless they are set
	Modules   string            // absolute path of a folder that modules are found in, for PYTHONPATH; "" for none
	Static    *Static           // what collects static files at build; nil for nothing
}

// Static is a command that a build runs after the packages are installed, before the app is complete.
type Static struct {
	Dir  string            // absolute path of the folder that it runs in
	Args []string          // of python
	Env  map[string]string // variables, unless they are set
	From string            // why
}

// Fault explains why static files could not be collected.
func (s Static) Fault(err error) error {
	return fault.Fault{ID: "python-collectstatic", What: "python " + strings.Join(s.Args, " ") + " failed at build", Err: err,
		Do: "give the settings defaults for what is known at launch alone, or set BP_DJANGO_COLLECTSTATIC=false"}
}

// Choose returns how the app is started. CollectStatic is BP_DJANGO_COLLECTSTATIC: "true", "false" or "" for what the settings say.
func (a App) Choose(ctx context.Context, collectStatic string) (Start, error) {
	if err := a.checkProcfile(); err != nil {
		return Start{}, err
	}
	modules, err := a.Python.read(ctx, a.Project.Dir)
	if err != nil {
		return Start{}, err
	}
	s := Start{Variables: map[string]string{"PORT": "8080"}}
	d, isDjango := a.django(modules)
	if isDjango {
		if s.Static, err = d.static(collectStatic); err != nil {
			return Start{}, err
		}
		s.Variables[settingsVariable] = d.settings
		s.Processes = append(s.Processes, d.manage("migrate", "migrate", "--noinput"))
	}
	s.Processes = append(s.Processes, a.celery(modules)...)
	if !a.named("web") {
		web, err := a.web(modules, d, isDjango)
		if err != nil && !slices.ContainsFunc(s.Processes, func(p Process) bool { return p.Type == "worker" }) {
			return Start{}, err
		}
		if err == nil {
			s.Processes = append([]Process{web}, s.Processes...)
		}
	}
	if len(s.Processes) > 0 && !a.named("web") { // web, or else the worker
		s.Processes[0].Default = s.Processes[0].Type != "migrate"
	}
	s.Processes = slices.DeleteFunc(s.Processes, func(p Process) bool { return a.named(p.Type) })
	if slices.ContainsFunc(modules, func(m module) bool { return a.root(m) == source }) {
		s.Modules = filepath.Join(a.Project.Dir, source)
	}
	return s, a.checkHelped(s.Processes)
}

// named reports whether a Procfile has a process.
func (a App) named(kind string) bool {
	return slices.ContainsFunc(a.Procfile, func(p procfile.Process) bool { return p.Type == kind })
}

// place returns the folder that a module is started in, and its name there.
func (a App) place(m module) (dir, name string) {
	root := a.root(m)
	if root == source {
		return a.Project.Dir, m.name(root) // PYTHONPATH has it, and files of the app are found from its folder
	}
	return filepath.Join(a.Project.Dir, root), m.name(root)
}

// candidate is an app that a module has.
type candidate struct {
	module  module
	name    string
	of      string
	line    int
	kind    kind
	factory bool
}

// factories are names of functions that make an app, and apps names of apps, the most usual first.
var (
	factories = []string{"create_app", "make_app", "get_app", "build_app", "app_factory", "create_application", "get_application"}
	apps      = []string{"app", "application", "api", "server", "asgi_app", "wsgi_app"}
	bases     = []string{"asgi", "wsgi", "main", "app", "server", "application", "api", "__init__", "run", "index"}
)

// candidates returns the apps of all modules, the likeliest first.
func (a App) candidates(modules []module) []candidate {
	var all []candidate
	madeBy := map[string]kind{} // functions, by their names
	for _, m := range modules {
		for _, f := range m.Functions {
			at := slices.IndexFunc(f.Calls, func(call string) bool { return kindOf(call) != "" })
			if at >= 0 && slices.Contains(factories, f.Name) {
				madeBy[f.Name] = kindOf(f.Calls[at])
				all = append(all, candidate{m, f.Name, f.Calls[at], f.Line, kindOf(f.Calls[at]), true})
			}
		}
	}
	for _, m := range modules {
		for _, one := range m.Made {
			k := cmp.Or(kindOf(one.Of), madeBy[one.Of[strings.LastIndex(one.Of, ".")+1:]])
			if one.Call && k != "" {
				all = append(all, candidate{m, one.Name, one.Of, one.Line, k, false})
			}
		}
	}
	rank := func(list []string, name string) int {
		if at := slices.Index(list, name); at >= 0 {
			return at
		}
		return len(list)
	}
	factory := map[bool]int{true: 1}
	slices.SortStableFunc(all, func(x, y candidate) int {
		depth := func(c candidate) int { return strings.Count(strings.TrimPrefix(c.module.File, source+"/"), "/") }
		return cmp.Or(cmp.Compare(depth(x), depth(y)), rank(bases, x.module.base())-rank(bases, y.module.base()),
			factory[x.factory]-factory[y.factory], rank(apps, x.name)-rank(apps, y.name), cmp.Compare(x.module.File, y.module.File))
	})
	return all
}

// source is a folder that modules are imported from.
const source = "src"

// web returns the process web.
func (a App) web(modules []module, d django, isDjango bool) (Process, error) {
	if isDjango {
		return d.web()
	}
	for _, k := range []kind{asgi, wsgi, dash} {
		for _, c := range a.candidates(modules) {
			if c.kind == k {
				return a.serve(c)
			}
		}
	}
	for _, tool := range []string{"streamlit", "gradio"} {
		if m, found := mainOf(modules, func(m module) bool { return slices.Contains(m.Imports, tool) }); found {
			return a.tool(tool, m), nil
		}
	}
	own, runs, found := a.own(modules)
	agents, served := a.agents(modules)
	switch {
	case served && runs:
		own.From += ", and not the agents: " + agents.From
		return own, nil
	case served && found:
		agents.From += ", and not " + strings.Join(own.Command.Args(), " ") + ", which may serve nothing"
		return agents, nil
	case served:
		return agents, nil
	case found:
		return own, nil
	}
	return Process{}, fault.Fault{ID: "python-start", Do: `write a Procfile with "web:" and the program with its arguments`,
		What: "the app has no app of a framework that is known, no script of its own and no main.py, app.py, server.py or bot.py"}
}

// own returns the process of the app's one script, or else of its main file, and whether it surely does something when it is started.
func (a App) own(modules []module) (p Process, runs, found bool) {
	if name, found := a.script(); found {
		command := shell.List{{Words: []shell.Word{shell.Quote(name)}}}
		return Process{"web", false, a.Project.Dir, command, "project.scripts of pyproject.toml"}, true, true
	}
	top := func(m module) bool { return m.dir() == "." || m.dir() == source }
	m, found := mainOf(modules, func(m module) bool { return top(m) || m.Main })
	if !found {
		return Process{}, false, false
	}
	runner := func(one made) bool {
		return one.Call && strings.HasPrefix(one.Of, "google.adk.") && strings.HasSuffix(one.Of, "Runner")
	}
	runs = (top(m) && slices.Contains(mainFiles, m.base()) || m.base() == "__main__") && (m.Main || slices.ContainsFunc(m.Made, runner))
	return a.file(m, "main file"), runs, true
}

// serve returns the process of an app that a server serves.
func (a App) serve(c candidate) (Process, error) {
	dir, module := a.place(c.module)
	from := fmt.Sprintf("%s line %d has %s of %s", c.module.File, c.line, c.name, c.of)
	name := c.name
	if c.kind == dash {
		at := slices.IndexFunc(c.module.Made, func(m made) bool { return m.Of == c.name+".server" })
		if at < 0 {
			return Process{}, fault.Fault{ID: "python-start", What: from + ", and no name is its server",
				Do: fmt.Sprintf("add the line server = %s.server to %s", c.name, c.module.File)}
		}
		c.kind, name = wsgi, c.module.Made[at].Name
	}
	s, found := a.serverOf(c.kind)
	if !found {
		return Process{}, a.noServer(from, c.kind, s)
	}
	return Process{"web", false, dir, shell.List{{Words: s.command(module+":"+name, c.factory)}}, from}, nil
}

// noServer returns the fault of an app whose server is not installed.
func (a App) noServer(from string, k kind, s server) error {
	return fault.Fault{ID: "python-server", Do: a.Project.Adding(s.pkg),
		What: fmt.Sprintf("%s, and no server of %s is among the packages", from, k)}
}

// mainFiles are names of files that are started, the first in precedence first.
var mainFiles = []string{"streamlit_app", "main", "app", "server", "bot", "__main__"}

// mainOf returns the module of a usual name that fits, in the highest folder, or else the only one of the app's folder.
func mainOf(modules []module, fits func(module) bool) (module, bool) {
	for depth := range 3 {
		for _, name := range mainFiles {
			at := slices.IndexFunc(modules, func(m module) bool {
				return m.base() == name && strings.Count(m.File, "/") == depth && fits(m) && m.Error == ""
			})
			if at >= 0 {
				return modules[at], true
			}
		}
		if depth > 0 {
			continue
		}
		top := slices.DeleteFunc(slices.Clone(modules), func(m module) bool { return m.dir() != "." || !fits(m) || m.Error != "" })
		if len(top) == 1 && top[0].base() != "setup" && top[0].base() != "manage" && top[0].base() != "conftest" {
			return top[0], true
		}
	}
	return module{}, false
}

// tool returns the process of an app that its framework serves.
func (a App) tool(name string, m module) Process {
	p := a.file(m, m.File+" imports "+name)
	c := &p.Command[0]
	switch name {
	case "streamlit":
		c.Words = []shell.Word{"streamlit", "run", c.Words[1], "--server.address", "0.0.0.0", "--server.port", port, "--server.headless", "true"}
	case "gradio":
		c.Variables = []shell.Word{"GRADIO_SERVER_NAME=0.0.0.0", "GRADIO_SERVER_PORT=" + port}
	}
	return p
}

// agents returns the process that serves the agents of Google's ADK. Each agent is a folder with root_agent; all are in one folder.
func (a App) agents(modules []module) (Process, bool) {
	if !a.Installed("google-adk") {
		return Process{}, false
	}
	for _, m := range modules {
		at := slices.IndexFunc(m.Made, func(one made) bool { return one.Name == "root_agent" })
		if at < 0 || m.dir() == "." || m.base() != "agent" && m.base() != "__init__" {
			continue
		}
		words := []shell.Word{"adk", "api_server", "--host", "0.0.0.0", "--port", port, shell.Quote(path.Dir(m.dir()))}
		from := fmt.Sprintf("%s line %d has root_agent of google-adk", m.File, m.Made[at].Line)
		return Process{"web", false, a.Project.Dir, shell.List{{Words: words}}, from}, true
	}
	return Process{}, false
}

// file returns the process of a file that Python starts.
func (a App) file(m module, from string) Process {
	words := []shell.Word{"python", shell.Quote(m.File)}
	if m.base() == "__main__" {
		_, name := a.place(m)
		words = []shell.Word{"python", "-m", shell.Quote(strings.TrimSuffix(name, ".__main__"))}
	}
	return Process{"web", false, a.Project.Dir, shell.List{{Words: words}}, from}
}

// script returns the program of the project, if it has one and is installed.
func (a App) script() (string, bool) {
	scripts := a.Project.Manifest.Object("project").Texts("scripts")
	if len(scripts) != 1 || !a.Project.Built() {
		return "", false
	}
	for name := range scripts {
		return name, path.Base(name) == name && name != "." && name != ".."
	}
	return "", false
}

// celery returns the processes of Celery: its workers, and what sends tasks at their times.
func (a App) celery(modules []module) []Process {
	if !a.Installed("celery") {
		return nil
	}
	for _, m := range modules {
		for _, one := range m.Made {
			if !one.Call || one.Of != "celery.Celery" {
				continue
			}
			dir, name := a.place(m)
			app := shell.Quote(name + ":" + one.Name)
			from := fmt.Sprintf("%s line %d has %s of %s", m.File, one.Line, one.Name, one.Of)
			words := func(words ...shell.Word) shell.List {
				return shell.List{{Words: append([]shell.Word{"celery", "--app", app}, words...)}}
			}
			return []Process{
				{"worker", false, dir, words("worker", "--loglevel", "INFO"), from},
				{"beat", false, dir, words("beat", "--loglevel", "INFO", "--schedule", "/tmp/celerybeat-schedule"), from},
			}
		}
	}
	return nil
}

// checkProcfile refuses a Procfile that starts a server which is not installed.
func (a App) checkProcfile() error {
	known := maps.Clone(programs)
	for _, s := range servers {
		known[s.program] = s.pkg
	}
	for _, p := range a.Procfile {
		list, err := p.List()
		if err != nil {
			return err
		}
		for _, c := range list {
			program, _ := c.Words[0].Literal()
			if pkg := known[program]; pkg != "" && !a.Installed(pkg) {
				return fault.Fault{ID: "python-server", Do: a.Project.Adding(pkg),
					What: fmt.Sprintf("Procfile line %d starts %s, which is not among the packages", p.Line, program)}
			}
		}
	}
	return nil
}
