package integration

import "maps"

// pythonLayers are those of an app with packages, and pythonHelped those of one whose server is told the port.
var (
	pythonLayers = []string{"strata/python/cpython", "strata/python/packages", "strata/python/start"}
	djangoLayers = []string{"strata/python/cpython", "strata/python/package-django", "strata/python/packages", "strata/python/start"}
	pythonHelped = append([]string{"strata/launch-helper/helper"}, pythonLayers...)
)

// django is an app of Django, with further settings.
func django(settings string) map[string]string {
	return map[string]string{
		"requirements.txt": "django\ngunicorn\nwhitenoise\n",
		"manage.py": `import os
import sys

if __name__ == '__main__':
    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
`,
		"shop/__init__.py": "",
		"shop/wsgi.py": `import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')
application = get_wsgi_application()
`,
		"shop/urls.py": `from django.http import HttpResponse
from django.urls import path

urlpatterns = [path('', lambda request: HttpResponse('django'))]
`,
		"shop/settings.py": `SECRET_KEY = 'x'
ALLOWED_HOSTS = ['*']
ROOT_URLCONF = 'shop.urls'
INSTALLED_APPS = ['django.contrib.staticfiles']
MIDDLEWARE = ['whitenoise.middleware.WhiteNoiseMiddleware']
STATIC_URL = '/static/'
STATIC_ROOT = 'collected'
WSGI_APPLICATION = 'shop.wsgi.application'
` + settings,
	}
}

// with returns files with further ones.
func with(files, more map[string]string) map[string]string {
	maps.Copy(files, more)
	return files
}

// pythonServer is a program that answers every request with the value of an expression.
func pythonServer(expression string) string {
	return `import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(` + expression + `).encode())


http.server.ThreadingHTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()
`
}

const (
	flaskApp   = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef hello():\n    return 'flask'\n"
	fastAPIApp = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/')\ndef hello():\n    return 'fastapi'\n"
)

var pythonCorpus = []small{
	{
		name: "one file", app: map[string]string{"main.py": pythonServer("'alone'")},
		processes: []string{"web*"}, layers: []string{"strata/python/cpython", "strata/python/start"}, answer: "alone",
	},
	{
		name: "a version", app: map[string]string{"bot.py": pythonServer("sys.version"), ".python-version": "3.11\n"},
		processes: []string{"web*"}, layers: []string{"strata/python/cpython", "strata/python/start"}, answer: "3.11.",
	},
	{
		name: "flask", app: map[string]string{"requirements.txt": "flask\ngunicorn\n", "app.py": flaskApp},
		processes: []string{"web*"}, layers: pythonLayers, answer: "flask",
	},
	{
		name: "flask without a server", app: map[string]string{"requirements.txt": "flask\n", "app.py": flaskApp},
		fails: []string{"app.py line 3", "add the line gunicorn to requirements.txt"},
	},
	{
		name: "fastapi of a package in src", app: map[string]string{
			"requirements.txt": "-r base.txt\nuvicorn\n", "base.txt": "fastapi\n", "src/service/__init__.py": "", "src/service/main.py": fastAPIApp,
		},
		processes: []string{"web*"}, layers: pythonHelped, answer: "fastapi",
	},
	{
		name: "a file that is not there", app: map[string]string{"requirements.txt": "flask\n\n-r base.txt\n", "app.py": flaskApp},
		fails: []string{"requirements.txt line 3", "base.txt"},
	},
	{
		name: "two lockfiles", app: map[string]string{"poetry.lock": "", "uv.lock": "", "app.py": flaskApp},
		fails: []string{"poetry.lock", "uv.lock", "BP_PYTHON_PACKAGE_MANAGER"},
	},
	{
		name: "conda", app: map[string]string{"environment.yml": "name: x\n", "app.py": flaskApp},
		fails: []string{"environment.yml", "requirements.txt"},
	},
	{
		name: "django", app: django(""), processes: []string{"migrate", "web*"}, layers: djangoLayers, answer: "django",
	},
	{
		name: "django with a style sheet that Node.js builds", app: with(django("STATICFILES_DIRS = ['made']\n"), map[string]string{
			"package.json": manifest(`, "scripts": {"build": "node build.js"}`),
			"build.js":     "require('fs').mkdirSync('made'); require('fs').writeFileSync('made/app.css', 'body { color: teal }')\n",
		}),
		processes: []string{"migrate", "web*"}, layers: djangoLayers, path: "/static/app.css", answer: "teal",
	},
	{
		name: "celery", app: map[string]string{
			"requirements.txt": "celery\nflower\n", "tasks.py": "from celery import Celery\n\napp = Celery('tasks', broker='memory://')\n",
			"Procfile": "web: celery --app tasks flower --address=0.0.0.0 --port=${PORT:-8080}\n",
		},
		processes: []string{"beat", "web*", "worker"}, layers: pythonHelped, answer: "Flower",
	},
	{
		who: nightly, name: "litestar", app: map[string]string{
			"requirements.txt": "litestar\nuvicorn\n",
			"app.py": "from litestar import Litestar, get\n\n\n@get('/')\nasync def hello() -> str:\n    return 'litestar'\n\n\n" +
				"app = Litestar([hello])\n",
		},
		processes: []string{"web*"}, layers: pythonHelped, answer: "litestar",
	},
	{
		who: nightly, name: "dash", app: map[string]string{
			"requirements.txt": "dash\ngunicorn\n",
			"app.py": "from dash import Dash, html\n\napp = Dash(__name__, title='dash')\nserver = app.server\n" +
				"app.layout = html.Div('x')\n",
		},
		processes: []string{"web*"}, answer: "<title>dash</title>", layers: []string{
			"strata/python/cpython", "strata/python/package-dash", "strata/python/package-plotly", "strata/python/packages", "strata/python/start",
		},
	},
	{
		name: "pypiserver", app: map[string]string{
			"requirements.txt": "pypiserver\n", "packages/README": "", "Procfile": "web: pypi-server run -i 0.0.0.0 -p ${PORT:-8080} packages\n",
		},
		processes: []string{"web*"}, layers: pythonHelped, answer: "pypiserver",
	},
	{
		name: "httpbin", app: map[string]string{"requirements.txt": "httpbin\ngunicorn\n", "Procfile": "web: gunicorn httpbin:app\n"},
		processes: []string{"web*"}, layers: pythonLayers, path: "/get", answer: `"headers"`,
	},
	{
		name: "radicale", app: map[string]string{
			"requirements.txt": "radicale\n",
			"Procfile":         "web: radicale --server-hosts 0.0.0.0:${PORT:-8080} --auth-type none --storage-filesystem-folder /tmp/collections\n",
		},
		processes: []string{"web*"}, layers: pythonHelped, path: "/.web/", answer: "Radicale",
	},
	{
		who: nightly, name: "datasette", app: map[string]string{
			"requirements.txt": "datasette\n", "Procfile": "web: datasette serve --host 0.0.0.0 --port ${PORT:-8080} --memory\n",
		},
		processes: []string{"web*"}, layers: pythonHelped, answer: "Datasette",
	},
	{
		who: nightly, name: "locust", app: map[string]string{
			"requirements.txt": "locust\n", "Procfile": "web: locust --web-host 0.0.0.0 --web-port ${PORT:-8080}\n",
			"locustfile.py": "from locust import HttpUser\n\n\nclass Visitor(HttpUser):\n    host = 'http://localhost'\n    tasks = []\n",
		},
		processes: []string{"web*"}, layers: pythonHelped, answer: "Locust",
	},
}
