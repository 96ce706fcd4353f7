// Package framework is the one place that knows frameworks and build tools by name: what they make of an app, how that is
// started, and what they leave behind. The table is data; what a build does with it is written elsewhere.
package framework

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Framework is a framework or a build tool.
type Framework struct {
	// Packages of npm. An app that asks for one of them is made with the framework.
	Packages []string
	// Makes is what the build script gives.
	Makes Makes
	// Exports is how an app says that it is files for a browser although the framework makes servers; nil if it cannot.
	Exports *Export
	// Develops are commands, as they begin, that serve the app to its developer.
	Develops []string
	// Server is a pattern of the file that the build script makes for Node.js, relative to the project; "" if the app says it.
	Server string
	// Handler is a module that the build script makes instead of a server; nil if it makes none.
	Handler *Handler
	// Program starts an app that needs the package when it runs and has no script that starts it; "" for none.
	Program string
	// Loads are packages that the server loads, although the framework's generator puts them among those for development.
	Loads []string
	// Variable has the build script make the server; "" if it always does.
	Variable string
	// Adapter is what an app adds that lacks the server; "" if every app has it.
	Adapter string
	// Note is what whoever runs the server has to know.
	Note string
	// Env are variables that the server needs in a container, unless the app sets them.
	Env map[string]string
	// Standalone is a server that takes the place of the app; nil if the framework makes none.
	Standalone *Standalone
	// Caches are folders of the app in which the framework keeps what makes the next build faster. No app reads them.
	Caches []string
	// Beside are folders of the same kind in node_modules.
	Beside []string
	// Generator makes code that the framework needs, of a file of the app; nil if it needs none.
	Generator *project.Generator
}

// Makes is what a framework makes of an app.
type Makes int

const (
	// Other is neither of the two, or depends on the app.
	Other Makes = iota
	// Site is files for a browser.
	Site
	// Server is a program for Node.js.
	Server
	// Library is a server that the app's own code is, if the app needs the package when it runs.
	Library
)

// Handler is a module that answers requests and listens to none.
type Handler struct {
	File   string // relative to the project, as Assets
	Assets string // the folder of the files for the browser
}

// Program returns the file that listens for a module, beside it.
func (h Handler) Program() string { return path.Join(path.Dir(h.File), "strata-listen.mjs") }

// Export is how an app says that it is files for a browser.
type Export struct {
	Title      string         // of what is made then
	Config     string         // file that says so, without its extension; "" for the build script
	Matches    *regexp.Regexp // finds it there
	SinglePage bool           // its one page answers all paths
}

// Standalone is a server that a build script makes with just the packages that it loads.
type Standalone struct {
	Title    string            // of the server
	Dir      string            // where it is made, relative to the project
	File     string            // that is started, relative to the server's own folder
	Nested   bool              // that folder is as deep in Dir as the project is in the app; otherwise it is Dir
	Starts   []string          // commands that start it
	Port     bool              // they may have the options --port and --hostname
	Unsaid   bool              // an app with the framework starts it if it does not say how it starts
	Needs    []string          // files and folders of the project that the server needs and Dir lacks
	Packages string            // folder of packages in Dir that is moved to its top; "" if it is there
	Anew     bool              // the packages are laid out in another way than they were installed
	Variable string            // that has the build script make the server; "" if it always does
	Env      map[string]string // that the server needs in a container, whatever the platform sets
}

// Made returns the first package that an app has of those whose framework makes something, "" if it has none.
func Made(has func(string) bool, makes Makes) string {
	for _, f := range frameworks {
		if i := slices.IndexFunc(f.Packages, has); i >= 0 && f.Makes == makes {
			return f.Packages[i]
		}
	}
	return ""
}

// Of returns the frameworks that an app has.
func Of(has func(string) bool) []Framework {
	var found []Framework
	for _, f := range frameworks {
		if slices.ContainsFunc(f.Packages, has) {
			found = append(found, f)
		}
	}
	return found
}

// ServerOf returns where a framework of an app makes a server, as Framework.Server says; "" if none does.
func ServerOf(has func(string) bool) string { return serverOf(has).Server }

func serverOf(has func(string) bool) Framework {
	for _, f := range Of(has) {
		if f.Handler != nil {
			f.Server = f.Handler.Program()
		}
		if f.Server != "" {
			return f
		}
	}
	return Framework{}
}

// HandlerOf returns the module that a framework of an app makes instead of a server, nil if none does.
func HandlerOf(has func(string) bool) *Handler { return serverOf(has).Handler }

// ProgramOf returns the package whose program starts an app that has no script for it, and that program; "" if there is none.
func ProgramOf(runs func(string) bool) (pkg, program string) {
	for _, f := range Of(runs) {
		if f.Program != "" {
			return f.Packages[0], f.Program
		}
	}
	return "", ""
}

// EnvOf returns the variables that the server of an app needs.
func EnvOf(has func(string) bool) map[string]string {
	env := map[string]string{}
	for _, f := range Of(has) {
		maps.Copy(env, f.Env)
	}
	return env
}

// BuildEnv returns the variables that have the build scripts of an app make its server.
func BuildEnv(has func(string) bool) map[string]string {
	env := map[string]string{}
	for _, f := range Of(has) {
		if f.Variable != "" {
			env[f.Variable] = "true"
		}
	}
	return env
}

// Loads returns packages that the server of an app may load, whether the app has them or not.
func Loads(has func(string) bool) []string { return serverOf(has).Loads }

// Note returns what whoever runs the server of an app has to know, "" for nothing.
func Note(has func(string) bool) string { return serverOf(has).Note }

// Adapter returns what an app adds whose framework made no server, "" if nothing is known.
func Adapter(has func(string) bool) string {
	for _, f := range Of(has) {
		if f.Adapter != "" {
			return f.Adapter
		}
	}
	return ""
}

// Develops reports whether a command serves an app to its developer.
func Develops(command string) bool {
	return slices.ContainsFunc(frameworks, func(f Framework) bool {
		return slices.ContainsFunc(f.Develops, func(begin string) bool {
			return command == begin || strings.HasPrefix(command, begin+" ")
		})
	})
}

// Caches returns the folders of an app in which build tools keep what they compiled.
func Caches() []string { return collect(func(f Framework) []string { return f.Caches }) }

// Beside returns the folders in node_modules in which build tools keep what no app reads.
func Beside() []string { return collect(func(f Framework) []string { return f.Beside }) }

// Generators returns the commands that make code of files of an app.
func Generators() []project.Generator {
	var all []project.Generator
	for _, f := range frameworks {
		if f.Generator != nil {
			all = append(all, *f.Generator)
		}
	}
	return all
}

func collect(of func(Framework) []string) []string {
	var all []string
	for _, f := range frameworks {
		all = append(all, of(f)...)
	}
	return all
}

// Started returns the standalone server that an app starts, nil if it starts something else, and the port that its command names.
// Words are the command of a package, or else the arguments of node. There are none if the app does not say how it starts; then its
// packages decide.
func Started(has func(string) bool, words []string) (s *Standalone, port string) {
	for _, f := range frameworks {
		s := f.Standalone
		if s == nil || s.Unsaid && !slices.ContainsFunc(f.Packages, has) {
			continue
		}
		if port, started := s.startedBy(words); started {
			return s, port
		}
	}
	return nil, ""
}

func (s *Standalone) startedBy(words []string) (port string, started bool) {
	switch {
	case len(words) == 0:
		return "", s.Unsaid
	case len(words) == 1:
		return "", path.Clean(words[0]) == path.Join(s.Dir, s.File)
	case !slices.Contains(s.Starts, words[0]+" "+words[1]):
		return "", false
	case !s.Port:
		return "", len(words) == 2
	}
	return portOf(words[2:])
}

// portOf reads the port in the options of a server. The address where it would listen does not matter in a container; other options
// may change what is served.
func portOf(options []string) (port string, known bool) {
	for len(options) > 0 {
		name, value, joined := strings.Cut(options[0], "=")
		if options = options[1:]; !joined && len(options) > 0 {
			value, options = options[0], options[1:]
		}
		switch name {
		case "-p", "--port":
			port = value
		case "-H", "--hostname":
		default:
			return "", false
		}
	}
	return port, !strings.Contains(port, "$")
}

// portVariable matches the variable PORT, its option in front if both are one word, and the port where the variable is not set.
var portVariable = regexp.MustCompile(`^(-p=?|--port=)?"?\$\{PORT(?::?-([0-9]*))?\}"?$`)

// WithoutPort returns the words of a command that starts a server which reads the variable PORT itself, without the option that says the
// same. Port is what the option says where PORT is not set, "" for nothing. It reports whether there is such an option.
func WithoutPort(words []shell.Word) (rest []shell.Word, port string, found bool) {
	reads := func(f Framework) bool {
		return f.Standalone != nil && f.Standalone.Port && slices.Contains(f.Standalone.Starts, string(words[0]+" "+words[1]))
	}
	if len(words) < 2 || !slices.ContainsFunc(frameworks, reads) {
		return words, "", false
	}
	for i, word := range words {
		match := portVariable.FindStringSubmatch(string(word))
		switch {
		case match == nil:
		case match[1] != "":
			return slices.Concat(words[:i], words[i+1:]), match[2], true
		case words[i-1] == "-p" || words[i-1] == "--port":
			return slices.Concat(words[:i-1], words[i+1:]), match[2], true
		}
	}
	return words, "", false
}
