package start

import (
	"bytes"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/python/project"
)

// kind is how an app is served.
type kind string

const (
	asgi kind = "ASGI"
	wsgi kind = "WSGI"
)

// frameworks are what makes an app, by the first and the last part of its name.
var frameworks = map[string]kind{
	"fastapi FastAPI": asgi, "starlette Starlette": asgi, "litestar Litestar": asgi, "fasthtml FastHTML": asgi, "fasthtml fast_app": asgi,
	"quart Quart": asgi, "blacksheep Application": asgi, "socketio ASGIApp": asgi, "channels ProtocolTypeRouter": asgi,
	"django get_asgi_application": asgi, "connexion AsyncApp": asgi, "sanic Sanic": asgi, "robyn Robyn": "",
	"google get_fast_api_app": asgi,
	"flask Flask":             wsgi, "apiflask APIFlask": wsgi, "flask_openapi3 OpenAPI": wsgi, "eve Eve": wsgi, "bottle Bottle": wsgi,
	"bottle default_app": wsgi, "falcon App": wsgi, "falcon API": wsgi, "django get_wsgi_application": wsgi, "connexion FlaskApp": wsgi,
	"dash Dash": dash,
}

// dash is an app whose attribute server is the app of WSGI.
const dash kind = "Dash"

// kindOf returns how what is made of a name is served, "" for any other name.
func kindOf(of string) kind {
	first, _, _ := strings.Cut(of, ".")
	if strings.HasPrefix(of, "falcon.asgi.") {
		return asgi
	}
	return frameworks[first+" "+of[strings.LastIndex(of, ".")+1:]]
}

// server starts an app. Its package is named as project.Name has it.
type server struct {
	pkg, program string
	kinds        []kind
	words        []shell.Word // after the program; M is the app, such as "main:app"
	factory      []shell.Word // further ones for a function that makes the app; nil: M() is one, too
}

// port is the port that a server listens on.
const port = `${PORT:-8080}`

// servers are the servers that are known, the preferred first. gunicorn reads PORT itself.
var servers = []server{
	{"uvicorn", "uvicorn", []kind{asgi}, []shell.Word{"M", "--host", "0.0.0.0", "--port", port}, []shell.Word{"--factory"}},
	{"gunicorn", "gunicorn", []kind{wsgi}, []shell.Word{"M"}, nil},
	{"hypercorn", "hypercorn", []kind{asgi, wsgi}, []shell.Word{"M", "--bind", "0.0.0.0:" + port}, nil},
	{
		"granian", "granian", []kind{asgi}, []shell.Word{"M", "--interface", "asgi", "--host", "0.0.0.0", "--port", port},
		[]shell.Word{"--factory"},
	},
	{"daphne", "daphne", []kind{asgi}, []shell.Word{"-b", "0.0.0.0", "-p", port, "M"}, nil},
	{"waitress", "waitress-serve", []kind{wsgi}, []shell.Word{"--port=" + port, "M"}, nil},
	{"uwsgi", "uwsgi", []kind{wsgi}, []shell.Word{"--http-socket", "0.0.0.0:" + port, "--master", "--module", "M"}, nil},
}

// programs are the packages of programs that a Procfile may start.
var programs = map[string]string{"streamlit": "streamlit", "celery": "celery", "flask": "flask", "sanic": "sanic", "marimo": "marimo",
	"adk": "google-adk"}

// words returns what starts an app. Factory says that the name is that of a function.
func (s server) command(app string, factory bool) []shell.Word {
	words := []shell.Word{shell.Word(s.program)}
	if factory && s.factory == nil {
		app += "()"
	}
	for _, word := range s.words {
		if word == "M" {
			word = shell.Quote(app)
		}
		words = append(words, word)
	}
	if factory {
		words = append(words, s.factory...)
	}
	return words
}

// serverOf returns the server of a kind that is installed. Without one, it returns the one to install.
func (a App) serverOf(k kind) (s server, found bool) {
	fits := func(s server) bool { return slices.Contains(s.kinds, k) }
	if at := slices.IndexFunc(servers, func(s server) bool { return fits(s) && a.Installed(s.pkg) }); at >= 0 {
		return servers[at], true
	}
	return servers[slices.IndexFunc(servers, fits)], false
}

// helped are packages of apps that the launch helper starts, as their servers are told PORT by it, and those that bring such a server.
var helped = []string{
	"uvicorn", "fastapi", "starlette", "litestar", "fasthtml", "hypercorn", "granian", "daphne", "waitress", "uwsgi", "streamlit", "gradio",
	"google-adk",
}

// Helped reports whether the launch helper may be needed to start an app, by the names in the files that say what is installed. What is
// wrong with them is said by Install.
func Helped(p project.Project) bool {
	in, err := p.Install()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(in.Files, func(file string) bool {
		text, err := p.Read(file)
		lower := bytes.ToLower(text)
		return err == nil && slices.ContainsFunc(helped, func(name string) bool { return bytes.Contains(lower, []byte(name)) })
	})
}

// checkHelped refuses a process that the launch helper has to start where Helped did not see it come.
func (a App) checkHelped(processes []Process) error {
	for _, p := range processes {
		if _, simple := p.Command.Simple(); !simple && !Helped(a.Project) {
			name := shell.Texts(p.Command[0].Words)[0]
			return fault.Fault{ID: "python-server", What: p.From + ", which " + name + " starts, and no file of the app names it",
				Do: a.Project.Adding(name)}
		}
	}
	return nil
}
