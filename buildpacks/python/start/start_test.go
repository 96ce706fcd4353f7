package start_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/python/project"
	"github.com/strata-buildpacks/strata/buildpacks/python/start"
)

func TestMain(m *testing.M) { kittest.Main(m) }

type files = map[string]string

// interpreter is the machine's own Python: python3 on PATH may be a script that looks for it.
var interpreter = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

// python returns what reads the apps of the tests.
func python(t *testing.T) start.Interpreter {
	t.Helper()
	path, err := interpreter()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("this machine has no python3, which reads the syntax of apps")
	}
	return start.Interpreter{Program: path}
}

// choose returns the start of an app, with what its files of requirements name installed, as a person reads it.
func choose(t *testing.T, app files, collect string) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app")
	kittest.Write(t, dir, app)
	p, err := project.Find(dir, project.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := p.Install()
	if err != nil {
		t.Fatal(err)
	}
	processes, err := procfile.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := start.App{Project: p, Installed: in.Has, Procfile: processes, Python: python(t)}.Choose(t.Context(), collect)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range s.Processes {
		star := map[bool]string{true: "*"}[p.Default]
		fmt.Fprintf(&b, "%s%s: %s\n  in %s: %s\n", p.Type, star, strings.Join(p.Command.Args(), " "), p.Dir, p.From)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
		fmt.Fprintf(&b, "%s=%s\n", name, s.Variables[name])
	}
	if s.Modules != "" {
		fmt.Fprintf(&b, "modules in %s\n", s.Modules)
	}
	if s.Static != nil {
		fmt.Fprintf(&b, "at build: python %s\n  in %s with %s: %s\n", strings.Join(s.Static.Args, " "), s.Static.Dir, s.Static.Env,
			s.Static.From)
	}
	return strings.ReplaceAll(b.String(), dir, "<app>"), nil
}

const (
	manage = "import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n" +
		"if __name__ == '__main__':\n    main()\n"
	settings = "INSTALLED_APPS = [\n    'django.contrib.staticfiles',\n]\nWSGI_APPLICATION = 'mysite.wsgi.application'\n"
	fastAPI  = "from fastapi import FastAPI\napp = FastAPI()\n"
	flask    = "import flask\napp = flask.Flask(__name__)\n"
	agent    = "from google.adk.agents import Agent\nroot_agent = Agent()\n"
)

// TestStart has a row for each way to start an app. No module of an app is imported: each would fail.
func TestStart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		requirements string
		files        files
		collect      string
	}{
		"django": {"Django\ngunicorn", files{"manage.py": manage, "mysite/settings.py": settings, "mysite/wsgi.py": ""}, ""},
		"django static": {"Django\ngunicorn", files{"manage.py": manage,
			"mysite/settings.py": settings + "STATIC_ROOT = BASE_DIR / 'x'\n"}, ""},
		"django static off": {"Django\ngunicorn", files{"manage.py": manage, "mysite/settings.py": settings + "STATIC_ROOT = 1\n"}, "false"},
		"django static on":  {"Django\ngunicorn", files{"manage.py": manage, "mysite/settings.py": settings}, "true"},
		"django asgi": {"Django\ngunicorn\nuvicorn", files{
			"manage.py": manage, "mysite/settings.py": settings + "ASGI_APPLICATION = 'mysite.routing.application'\n"}, ""},
		"django asgi without a server": {"Django\ngunicorn", files{
			"manage.py": manage, "mysite/settings.py": settings + "ASGI_APPLICATION = 'mysite.asgi.application'\n"}, ""},
		"django production": {"Django\ngunicorn", files{
			"backend/manage.py":                   strings.Replace(manage, "mysite.settings", "mysite.settings.local", 1),
			"backend/mysite/settings/local.py":    "from .base import *\nSTATIC_ROOT = 'local'\n",
			"backend/mysite/settings/base.py":     strings.Replace(settings, "WSGI_APPLICATION", "X", 1),
			"backend/mysite/settings/prod.py":     "from .base import *\nSTATIC_ROOT = os.environ['X']\n",
			"backend/mysite/wsgi.py":              "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings.prod')\n",
			"backend/mysite/settings/__init__.py": "",
			"backend/other/templates/manage.py":   "",
			"node_modules/x/manage.py":            manage,
		}, ""},
		"django celery": {"Django\ngunicorn\ncelery", files{"manage.py": manage, "mysite/settings.py": settings,
			"mysite/celery.py": "from celery import Celery\napp = Celery('mysite')\n"}, ""},
		"fastapi": {"fastapi\nuvicorn", files{"main.py": fastAPI}, ""},
		"fastapi nested": {"fastapi\nuvicorn", files{"service/api/main.py": "import fastapi as f\napi: f.FastAPI = f.FastAPI()\n",
			"setup_db.py": ""}, ""},
		"fastapi src":    {"fastapi\nuvicorn", files{"src/shop/__init__.py": "", "src/shop/app.py": fastAPI + "import shop.db\n"}, ""},
		"fastapi folder": {"fastapi\nuvicorn", files{"backend/main.py": fastAPI + "import models\n", "backend/models.py": ""}, ""},
		"fastapi factory": {"fastapi\nuvicorn", files{
			"shop/__init__.py": "from fastapi import FastAPI\ndef create_app(x=1):\n    return FastAPI()\n"}, ""},
		"fastapi in a block": {"fastapi\nuvicorn", files{
			"main.py": "try:\n    from fastapi import FastAPI\nfinally: 0\nif True:\n    app = FastAPI()\nclass A:\n    other = FastAPI()\n"}, ""},
		"fastapi with hypercorn": {"fastapi\nhypercorn", files{"main.py": fastAPI}, ""},
		"fasthtml": {"python-fasthtml\nuvicorn", files{
			"main.py": "from fasthtml.common import *\napp, rt = fast_app()\nserve()\n"}, ""},
		"litestar": {"litestar\nuvicorn", files{"asgi.py": "from litestar import Litestar\napplication = Litestar([])\n",
			"main.py": ""}, ""},
		"flask": {"flask\ngunicorn", files{"app.py": flask, "tests/app.py": flask, "venv/pyvenv.cfg": "",
			"venv/app.py": flask}, ""},
		"flask of a package": {"flask\ngunicorn", files{"wsgi.py": "from shop import create_app\napp = create_app()\n",
			"shop/__init__.py": "from flask import Flask\ndef create_app():\n    app = Flask(__name__)\n    return app\n"}, ""},
		"flask factory": {"flask\nwaitress", files{
			"shop/__init__.py": "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n"}, ""},
		"flask factory that needs": {"flask\ngunicorn", files{"app.py": "def create_app(x):\n    return Flask(__name__)\nprint(1)\n"}, ""},
		"falcon of asgi":           {"falcon\nuvicorn\ngunicorn", files{"app.py": "import falcon.asgi\napp = falcon.asgi.App()\n"}, ""},
		"dash": {"dash\ngunicorn", files{"app.py": "from dash import Dash\napp = Dash(__name__)\nserver = app.server\n"},
			""},
		"streamlit": {"streamlit", files{"Home.py": "import streamlit as st\n", "pages/app.py": "import streamlit\n"}, ""},
		"adk": {"google-adk", files{"main.py": "", "agents/weather/__init__.py": "from . import agent\n",
			"agents/weather/agent.py": agent}, ""},
		"adk with a main": {"google-adk", files{"main.py": "from google.adk.runners import Runner\n" +
			"if __name__ == '__main__':\n    Runner(agent=None).run()\n", "weather/agent.py": agent}, ""},
		"adk with a runner": {"google-adk", files{"main.py": "from google.adk.runners import InMemoryRunner\n" +
			"runner = InMemoryRunner(agent=None)\nrunner.run()\n", "weather/agent.py": agent}, ""},
		"adk with a server": {"google-adk", files{"weather/agent.py": agent, "weather/__init__.py": "", "x.py": "", "y.py": "",
			"weather/server.py": "if __name__ == '__main__':\n    serve()\n"}, ""},
		"adk with fastapi": {"google-adk\nuvicorn", files{"main.py": "from google.adk.cli.fast_api import get_fast_api_app\n" +
			"app = get_fast_api_app()\n", "weather/agent.py": agent}, ""},
		"gradio":   {"gradio", files{"app.py": "import gradio as gr\ngr.Interface().launch()\n", "other.py": ""}, ""},
		"main":     {"requests", files{"main.py": "1/0\n", "bot.py": ""}, ""},
		"bot":      {"discord.py", files{"bot.py": "", "util.py": ""}, ""},
		"one file": {"", files{"my thing.py": ""}, ""},
		"package": {"", files{"shop/__main__.py": "if __name__ == '__main__':\n    pass\n", "shop/x.py": "", "a.py": "",
			"b.py": ""}, ""},
		"celery alone": {"celery", files{"src/tasks.py": "from celery import Celery\napp = Celery()\n", "a.py": "", "b.py": ""}, ""},
		"procfile": {"flask\ngunicorn\ncelery", files{"Procfile": "web: gunicorn x:app\nbeat: true\n", "app.py": flask,
			"tasks.py": "import celery\napp = celery.Celery()\n"}, ""},
		"broken file": {"", files{"main.py": "", "x.py": "def (:\n", "y.py": "\x00", "z.py": strings.Repeat("(", 100000),
			"w.py": "# coding: none\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := maps.Clone(test.files)
			app["requirements.txt"] = test.requirements
			got, err := choose(t, app, test.collect)
			if err != nil {
				t.Fatal(err)
			}
			kittest.Golden(t, strings.ReplaceAll(name, " ", "-")+".txt", got)
		})
	}
}

// TestScript starts the one program of a project that is installed.
func TestScript(t *testing.T) {
	t.Parallel()
	got, err := choose(t, files{"pyproject.toml": "[project]\n[project.scripts]\nshop = 'shop:main'\n[build-system]\n", "a.py": "",
		"b.py": ""}, "")
	if err != nil || !strings.HasPrefix(got, "web*: shop\n") {
		t.Errorf("got %q, %v", got, err)
	}
	got, err = choose(t, files{"pyproject.toml": "[project]\ndependencies = ['google-adk']\n[project.scripts]\nshop = 'shop:main'\n" +
		"[build-system]\n", "weather/agent.py": agent}, "")
	if err != nil || !strings.HasPrefix(got, "web*: shop\n") || !strings.Contains(got, "not the agents: weather/agent.py line 2") {
		t.Errorf("beside agents: got %q, %v", got, err)
	}
}

// TestFaults has each refusal once, with its next step.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app     files
		collect string
	}{
		"nothing":          {files{"requirements.txt": "", "a.py": "", "b.py": ""}, ""},
		"no asgi server":   {files{"requirements.txt": "fastapi", "main.py": fastAPI}, ""},
		"no wsgi server":   {files{"pyproject.toml": "[project]\ndependencies = ['flask']\n", "main.py": flask}, ""},
		"no server of uv":  {files{"pyproject.toml": "[project]\n", "uv.lock": "", "main.py": flask}, ""},
		"no django server": {files{"requirements.txt": "django", "manage.py": manage, "mysite/settings.py": settings}, ""},
		"django nameless":  {files{"requirements.txt": "django", "manage.py": manage}, ""},
		"dash":             {files{"requirements.txt": "dash\ngunicorn", "a.py": "import dash\nx = dash.Dash()\n"}, ""},
		"procfile":         {files{"requirements.txt": "", "Procfile": "web: PORT=1 gunicorn a:b\n"}, ""},
		"collect":          {files{"requirements.txt": "django\ngunicorn", "manage.py": manage, "mysite/wsgi.py": ""}, "perhaps"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := choose(t, test.app, test.collect)
			if !errors.As(err, new(fault.Fault)) {
				t.Fatalf("got %q and %v, want a fault", got, err)
			}
			kittest.Golden(t, "fault-"+strings.ReplaceAll(name, " ", "-")+".txt", err.Error()+"\n")
		})
	}
}

// TestIsolated reads an app whose modules have the names of those that the reader needs.
func TestIsolated(t *testing.T) {
	t.Parallel()
	got, err := choose(t, files{"requirements.txt": "", "main.py": "", "ast.py": "1/0\n", "json.py": "1/0\n", "sitecustomize.py": "1/0\n"},
		"")
	if err != nil || !strings.HasPrefix(got, "web*: python main.py\n") {
		t.Errorf("got %q, %v", got, err)
	}
}

// FuzzRead reads a file of the app: what is started is in the app's folder, by words without control characters.
func FuzzRead(f *testing.F) {
	f.Add("app.py", "from flask import Flask\nx = y = Flask()\nz = '\\ud800'")
	f.Add("manage.py", "f('DJANGO_SETTINGS_MODULE', '../x.y')\nWSGI_APPLICATION = '\\n.b'")
	f.Add("tasks.py", "import celery as c\na, b = c.Celery(), 1")
	f.Fuzz(func(t *testing.T, name, text string) {
		if name != "manage.py" && name != "tasks.py" {
			name = "app.py"
		}
		got, err := choose(t, files{"requirements.txt": "flask\ngunicorn\ncelery\ndjango", name: text}, "")
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if strings.ContainsAny(got, "\x00\x1b\r") || strings.Contains(got, "in ..") {
			t.Errorf("%q starts %q", text, got)
		}
	})
}
