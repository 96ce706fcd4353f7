package frontend

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// index is the page at the top of a site.
const index = "index.html"

// settings are the variables that say what an app is.
type settings struct {
	Folder  string   `config:"BP_NODE_PROJECT_PATH"`
	Scripts []string `config:"BP_NODE_RUN_SCRIPTS,names"`
	Root    string   `config:"BP_WEB_SERVER_ROOT"`
}

// app is what an app says about itself.
type app struct {
	project.Project
	settings
	scripts project.Scripts // of the build
}

// read returns what the app in a workspace says about itself.
func read(w bp.Workspace, s settings) (app, error) {
	p, err := framework.Find(w.AppDir, s.Folder)
	if err != nil {
		return app{}, err
	}
	_, named, err := w.Config.Lookup("BP_NODE_RUN_SCRIPTS")
	if err != nil {
		return app{}, err
	}
	scripts, err := p.ChooseScripts(project.Asked{Names: s.Scripts, Named: named})
	return app{p, s, scripts}, err
}

// decision is how an app is made files for a browser.
type decision struct {
	Maker     string // what makes the files: "built by vite"; "" for an app that is no front end
	AsIs      bool   // no script makes them
	Served    bool   // the app's own server serves them from a folder that is there
	Root      string // folder that the app's own server serves, relative to the app; "" if it does not say it
	Folder    string // of the workspace that the app's script start starts, relative to the app; "" for others
	PushState string // of BP_WEB_SERVER_ENABLE_PUSH_STATE: "true", "auto" for an app with a router, or ""
	Procfile  bool   // the Procfile starts the server
}

// decideSite decides how an app is made files for a browser. If it is no front end, why says so.
func decideSite(a app) (d decision, why string) {
	launch, err := a.launch()
	if err != nil {
		return decision{}, err.Error()
	}
	d = decision{AsIs: !a.builds(), Procfile: launch.procfile, PushState: a.router()}
	if launch.files != nil {
		if launch.files.Dir != "" {
			d.Root = path.Join(a.folder(), launch.files.Dir)
		}
		if launch.files.SinglePage {
			d.PushState = "true"
		}
		d.Served = isFile(filepath.Join(a.Dir, launch.files.Dir, index))
	}
	return a.made(d, launch)
}

// made names what makes the files of an app.
func (a app) made(d decision, launch launch) (decision, string) {
	has := a.Manifest.Has
	by := func(title string) (decision, string) {
		d.Maker = "built by " + title
		if d.AsIs {
			d.Maker = "its files are a site"
		}
		return d, ""
	}
	if a.settings.Root != "" {
		return by("its scripts, as BP_WEB_SERVER_ROOT is set")
	}
	for _, f := range framework.Of(has) {
		if e := f.Exports; e != nil && !d.AsIs && e.Config != "" && configured(a.Dir, e) {
			if e.SinglePage {
				d.PushState = "true"
			}
			return by(e.Title)
		}
	}
	build := a.commands(a.scripts.Names...)
	if why := a.starts(launch, build); why != "" {
		return decision{}, why
	}
	for _, f := range framework.Of(has) {
		if e := f.Exports; e != nil && e.Config == "" && slices.ContainsFunc(build, e.Matches.MatchString) {
			return by(e.Title)
		}
	}
	if launch.files != nil {
		return by("its scripts, for a server of files")
	}
	if name := framework.Made(has, framework.Server); name != "" {
		return decision{}, "the app has " + name
	}
	if name := framework.Made(a.Manifest.Runs, framework.Library); name != "" {
		return decision{}, "the app has " + name
	}
	if name := framework.Made(has, framework.Site); name != "" && !d.AsIs {
		return by(name)
	}
	if d.AsIs || a.page() {
		return by("its scripts")
	}
	return decision{}, "nothing is built that is known to be files for browsers"
}

// folder is the path of the package's folder below the app's.
func (a app) folder() string {
	folder, err := filepath.Rel(a.App, a.Dir)
	if err != nil {
		return "." // both are absolute
	}
	return filepath.ToSlash(folder)
}

// builds reports whether a script makes something of the app.
func (a app) builds() bool { return len(a.scripts.Run) > 0 }

// page reports whether the app has a page that a site is made of.
func (a app) page() bool {
	return slices.ContainsFunc([]string{".", "public", "src", "app", "static"}, func(folder string) bool {
		return isFile(filepath.Join(a.Dir, folder, index))
	})
}

// launch is how an app is started.
type launch struct {
	commands []string         // that are run, variables left out
	procfile bool             // the Procfile says it
	files    *framework.Files // what is served, if nothing but files is
}

// launch reads how an app is started: by its Procfile, or else by the script start.
func (a app) launch() (launch, error) {
	l := launch{commands: a.commands("start")}
	processes, err := procfile.Read(a.App)
	if err != nil {
		return l, err
	}
	for _, p := range processes {
		if p.Type == "web" {
			l = launch{commands: a.lines(p.Command, nil), procfile: true}
		}
	}
	for _, command := range l.commands {
		f, serves := framework.Serves(strings.Fields(command))
		if serves && filepath.IsLocal(path.Join(".", f.Dir)) && !configuredServer(filepath.Join(a.Dir, f.Dir)) {
			l.files = &f
		}
	}
	return l, nil
}

// configuredServer reports whether a folder has a file that tells a server of files to do more than serve them.
func configuredServer(dir string) bool { return isFile(filepath.Join(dir, "serve.json")) }

// starts returns how the app starts a server, "" if it starts none. What the build runs too, what serves the app to its developer and
// what serves files are none.
func (a app) starts(l launch, build []string) string {
	for _, command := range l.commands {
		_, files := framework.Serves(strings.Fields(command))
		switch {
		case files && l.files != nil, framework.Develops(command), slices.Contains(build, command):
		case l.procfile:
			return "the Procfile starts a server"
		default:
			return "the script start starts a server"
		}
	}
	if len(l.commands) > 0 {
		return ""
	}
	main := a.Manifest.Main
	makes := framework.Made(a.Manifest.Has, framework.Site) != "" && a.builds()
	switch {
	case main != "" && (a.isFile(main) || a.isFile(main+".js") || !makes && !a.page()):
		return "main is " + main
	case a.isFile("server.js"):
		return "server.js found"
	case makes || isFile(filepath.Join(a.Dir, index)): // what else may be a server is a script of the page
		return ""
	}
	for _, name := range a.Manifest.Starts(project.Extensions) {
		if a.isFile(name) {
			return name + " found"
		}
	}
	return ""
}

func (a app) isFile(name string) bool { return isFile(filepath.Join(a.Dir, name)) }

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// routers are packages that give a page paths of its own.
var routers = []string{
	"react-router-dom", "react-router", "vue-router", "@angular/router", "@tanstack/react-router", "@tanstack/vue-router", "@solidjs/router",
	"wouter", "@reach/router", "preact-router", "preact-iso", "svelte-routing", "svelte-spa-router", "@mateothegreat/svelte5-router", "navigo",
	"page", "expo-router", "@vaadin/router", "@lit-labs/router", "ember-source",
}

// router returns auto for an app that has a router.
func (a app) router() string {
	if slices.ContainsFunc(routers, a.Manifest.Has) {
		return "auto"
	}
	return ""
}

// configured reports whether the configuration of a framework in a folder says that an app is files for a browser.
func configured(dir string, e *framework.Export) bool {
	for _, extension := range []string{".js", ".mjs", ".cjs", ".ts", ".mts"} {
		if data, err := tree.ReadFile(filepath.Join(dir, e.Config+extension)); err == nil && e.Matches.Match(data) {
			return true
		}
	}
	return false
}

// commands returns the commands that scripts run, without variables before them. In the place of a command that runs another script
// is what that one runs.
func (a app) commands(scripts ...string) []string { return a.follow(scripts, nil) }

func (a app) follow(scripts, seen []string) []string {
	var all []string
	for _, name := range scripts {
		text := a.Manifest.Scripts[name]
		line, err := project.Parse(text)
		switch {
		case text == "":
		case err != nil || slices.Contains(seen, name):
			all = append(all, text)
		default:
			all = append(all, a.lines(line, append(slices.Clone(seen), name))...)
		}
	}
	return all
}

// shellCommand stands for the commands of a line that only a shell can run.
const shellCommand = "a shell's command"

// lines returns the commands of a line.
func (a app) lines(line shell.Line, seen []string) []string {
	list, err := line.List()
	if err != nil {
		return []string{shellCommand}
	}
	var all []string
	for _, command := range list {
		words := shell.Texts(command.Words)
		if name, _ := project.ScriptOf(words); a.Manifest.Scripts[name] != "" {
			all = append(all, a.follow([]string{name}, seen)...)
		} else {
			all = append(all, strings.Join(words, " "))
		}
	}
	return all
}
