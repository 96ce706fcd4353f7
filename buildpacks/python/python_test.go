package python_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/python"
)

func TestMain(m *testing.M) { kittest.Main(m, python.Buildpack()) }

type files = map[string]string

func TestDetect(t *testing.T) {
	t.Parallel()
	const none = "strata/python fail: no requirements.txt, pyproject.toml or other file of Python\n"
	found := func(name string) string {
		return "strata/python fail: " + name + " found, but no Procfile; apps without one cannot be started yet\n"
	}
	tests := []struct {
		name string
		app  files
		log  string
	}{
		{"requirements", files{"requirements.txt": ""}, found("requirements.txt")},
		{"project before requirements", files{"requirements.txt": "", "pyproject.toml": ""}, found("pyproject.toml")},
		{"lock alone", files{"Pipfile.lock": "{}"}, found("Pipfile.lock")},
		{"conda", files{"environment.yml": ""}, found("environment.yml")},
		{"one file", files{"main.py": ""}, found("main.py")},
		{"with a package of Node.js", files{"requirements.txt": "", "package.json": "{}"}, found("requirements.txt")},
		{"a script in an app of Node.js", files{"deploy.py": "", "package.json": "{}"}, none},
		{"a script of a site", files{"generate.py": "", "index.html": ""}, none},
		{"hidden file", files{".conf.py": ""}, none},
		{"folder", files{"requirements.txt/readme": "", "main.py/readme": ""}, none},
		{"below", files{"src/main.py": ""}, none},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: test.app})
			if got.Code != 100 || got.Log() != test.log {
				t.Errorf("got code %d and %q, want 100 and %q", got.Code, got.Log(), test.log)
			}
		})
	}
}

// TestTools asks for the interpreter and the installer that the build of an app would use.
func TestTools(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app  files
		want []string
	}{
		"packages":  {files{"requirements.txt": "flask"}, []string{"cpython-3.13", "uv-"}},
		"a version": {files{"requirements.txt": "flask", ".python-version": "3.11"}, []string{"cpython-3.11", "uv-"}},
		"one file":  {files{"main.py": ""}, []string{"cpython-3.13"}},
		"a fault":   {files{"requirements.txt": "flask", ".python-version": "2.7"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.app["Procfile"] = "web: python main.py"
			got := kittest.Detect(t, kittest.Case{App: test.app, Distro: "strata-glibc", Arch: "amd64"})
			tools := got.Tools()
			if got.Code != 0 || len(tools) != len(test.want) {
				t.Fatalf("got code %d and %v, want %v\n%s", got.Code, tools, test.want, got.Log())
			}
			for i, begins := range test.want {
				if !strings.HasPrefix(tools[i], begins) {
					t.Errorf("got %v, want %v", tools, test.want)
				}
			}
		})
	}
}
