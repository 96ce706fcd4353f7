package start

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// django is an app of Django.
type django struct {
	app      App
	dir      string // of manage.py, relative to the project with slashes
	settings string // the module that wsgi.py or asgi.py names, or else manage.py
	pkg      string // the package with wsgi.py or asgi.py
	modules  []module
}

// django returns the app of Django that a file manage.py is of.
func (a App) django(modules []module) (django, bool) {
	if !a.Installed("django") {
		return django{}, false
	}
	for _, m := range modules { // the highest folder is the first
		settings := m.Texts[settingsVariable]
		if m.base() != "manage" || !dotted.MatchString(settings) {
			continue
		}
		d := django{app: a, dir: m.dir(), settings: settings, modules: modules}
		for d.pkg = settings; d.pkg != "" && !d.has("wsgi") && !d.has("asgi"); {
			d.pkg, _ = cutLast(d.pkg)
		}
		for _, name := range []string{"asgi", "wsgi"} { // as they are started, and manage.py may be for development
			if at := slices.IndexFunc(modules, d.is(name)); at >= 0 {
				if own := modules[at].Texts[settingsVariable]; dotted.MatchString(own) {
					d.settings = own
				}
			}
		}
		return d, true
	}
	return django{}, false
}

const settingsVariable = "DJANGO_SETTINGS_MODULE"

// dotted matches the name of a module, or of what is in one.
var dotted = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$`)

// is returns what reports whether a module is the one of a name in the package.
func (d django) is(name string) func(module) bool {
	at := path.Join(d.dir, strings.ReplaceAll(d.pkg, ".", "/"), name+".py")
	return func(m module) bool { return m.File == at }
}

func (d django) has(name string) bool { return slices.ContainsFunc(d.modules, d.is(name)) }

// ofSettings returns the modules of the settings, their own first, then those beside it, which it may import.
func (d django) ofSettings() []module {
	own := path.Join(d.dir, strings.ReplaceAll(d.settings, ".", "/"))
	var first, rest []module
	for _, m := range d.modules {
		switch {
		case m.File == own+".py", m.File == own+"/__init__.py":
			first = append(first, m)
		case m.dir() == path.Dir(own), strings.HasPrefix(m.dir(), own):
			rest = append(rest, m)
		}
	}
	return append(first, rest...)
}

// said returns what the settings say.
func (d django) said(name string) (value string, set bool) {
	for _, m := range d.ofSettings() {
		if text, found := m.Texts[name]; found && (text == "" || dotted.MatchString(text)) {
			return text, true
		}
	}
	return "", false
}

// place returns the absolute path of the folder that Django's commands run in.
func (d django) place() string { return filepath.Join(d.app.Project.Dir, filepath.FromSlash(d.dir)) }

// manage returns a process that runs a command of manage.py.
func (d django) manage(kind string, args ...shell.Word) Process {
	words := append([]shell.Word{"python", "manage.py"}, args...)
	return Process{kind, false, d.place(), shell.List{{Words: words}}, path.Join(d.dir, "manage.py")}
}

// web returns the process web: that of ASGI where the settings name an app of it and a server for it is installed, or else that of WSGI.
func (d django) web() (Process, error) {
	app := func(name, file string) string {
		value, _ := d.said(name)
		if module, variable := cutLast(value); module != "" {
			return module + ":" + variable
		}
		if d.has(file) {
			return strings.TrimPrefix(d.pkg+"."+file, ".") + ":application"
		}
		return ""
	}
	type way struct {
		kind kind
		app  string
	}
	_, asked := d.said("ASGI_APPLICATION")
	ways := []way{{wsgi, app("WSGI_APPLICATION", "wsgi")}, {asgi, app("ASGI_APPLICATION", "asgi")}}
	if asked {
		slices.Reverse(ways)
	}
	from := path.Join(d.dir, "manage.py") + " has the settings " + d.settings
	var missing error
	for _, w := range ways {
		if w.app == "" {
			continue
		}
		s, found := d.app.serverOf(w.kind)
		if found {
			return Process{"web", false, d.place(), shell.List{{Words: s.command(w.app, false)}}, from}, nil
		}
		if missing == nil {
			missing = d.app.noServer(from, w.kind, s)
		}
	}
	if missing == nil {
		missing = fault.Fault{ID: "python-start", What: from + ", which name no WSGI_APPLICATION, and there is no wsgi.py beside them",
			Do: `set WSGI_APPLICATION, or write a Procfile with "web:" and the program with its arguments`}
	}
	return Process{}, missing
}

// cutLast cuts a dotted name before its last part.
func cutLast(dotted string) (before, last string) {
	at := strings.LastIndex(dotted, ".")
	return dotted[:max(at, 0)], dotted[at+1:]
}

// static returns what collects static files, nil where the settings have none.
func (d django) static(asked string) (*Static, error) {
	_, root := d.said("STATIC_ROOT")
	on := slices.ContainsFunc(d.ofSettings(), func(m module) bool { return m.Static }) && root
	if asked != "" {
		var err error
		if on, err = config.Bool("BP_DJANGO_COLLECTSTATIC", asked); err != nil {
			return nil, err
		}
	}
	if !on {
		return nil, nil
	}
	from := cmp.Or(map[bool]string{true: "BP_DJANGO_COLLECTSTATIC"}[asked != ""], fmt.Sprintf("STATIC_ROOT of %s", d.settings))
	args := []string{"manage.py", "collectstatic", "--noinput"}
	return &Static{d.place(), args, map[string]string{settingsVariable: d.settings}, from}, nil
}
