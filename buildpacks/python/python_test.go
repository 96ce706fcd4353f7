package python_test

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/python"
)

func TestMain(m *testing.M) { kittest.Main(m, python.Buildpack()) }

type files = map[string]string

func TestDetect(t *testing.T) {
	t.Parallel()
	const none = "strata/python fail: no requirements.txt, pyproject.toml or other file of Python\n"
	found := func(name string) string { return "strata/python pass: " + name + " found\n" }
	tests := []struct {
		name string
		app  files
		log  string
		env  config.Environment
	}{
		{"requirements", files{"requirements.txt": ""}, found("requirements.txt"), nil},
		{"project before requirements", files{"requirements.txt": "", "pyproject.toml": ""}, found("pyproject.toml"), nil},
		{"lock alone", files{"Pipfile.lock": "{}"}, found("Pipfile.lock"), nil},
		{"conda", files{"environment.yml": ""}, found("environment.yml"), nil},
		{"one file", files{"main.py": ""}, found("main.py"), nil},
		{"with a package of Node.js", files{"requirements.txt": "", "package.json": "{}"}, found("requirements.txt"), nil},
		{"a script in an app of Node.js", files{"deploy.py": "", "package.json": "{}"}, none, nil},
		{"settings of tools beside an app of Node.js", files{"pyproject.toml": "[tool.ruff]\n", "package.json": "{}"},
			"strata/python fail: pyproject.toml has the settings of tools alone, beside package.json\n", nil},
		{"a project beside package.json", files{"pyproject.toml": "[project]\nname = \"x\"\n", "package.json": "{}"},
			found("pyproject.toml"), nil},
		{"a script in an app of Java", files{"generate.py": "", "build.gradle.kts": ""}, none, nil},
		{"a script of a site", files{"generate.py": "", "index.html": ""}, none, nil},
		{"hidden file", files{".conf.py": ""}, none, nil},
		{"folder", files{"requirements.txt/readme": "", "main.py/readme": ""}, none, nil},
		{"below", files{"src/main.py": ""}, none, nil},
		{"project", files{"api/main.py": "", "web/package.json": "{}"}, found("main.py"), config.Environment{"BP_PYTHON_PROJECT_PATH": "api"}},
		{"no project", files{"main.py": ""}, "strata/python fail: BP_PYTHON_PROJECT_PATH is \"api\", which is no folder of the app\n",
			config.Environment{"BP_PYTHON_PROJECT_PATH": "api"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: test.app, Env: test.env})
			code := 0
			if strings.Contains(test.log, "fail:") {
				code = 100
			}
			if got.Code != code || got.Log() != test.log {
				t.Errorf("got code %d and %q, want %d and %q", got.Code, got.Log(), code, test.log)
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
			got := kittest.Detect(t, kittest.Case{App: test.app, Distro: "strata-glibc", Arch: "amd64"})
			tools := slices.Compact(slices.Sorted(slices.Values(got.Tools()))) // both alternatives ask for them
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

// TestToolsForeign asks for tools of this machine for an image of another architecture.
func TestToolsForeign(t *testing.T) {
	t.Parallel()
	c := kittest.Case{App: files{"requirements.txt": "flask"}, Distro: "strata-glibc"}
	here := kittest.Detect(t, c).Tools()
	c.Arch = map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	if there := kittest.Detect(t, c).Tools(); !slices.Equal(there, here) || len(here) == 0 {
		t.Errorf("for %s it asks for %v, for this machine for %v", c.Arch, there, here)
	}
}

// TestAssets asks for what a package.json builds, and does without it.
func TestAssets(t *testing.T) {
	t.Parallel()
	got := kittest.Detect(t, kittest.Case{App: files{"requirements.txt": "django"}, Distro: "strata-glibc", Arch: "amd64"})
	if _, requires := got.Alternatives(t); len(requires) != 2 || !strings.Contains(requires[0], "assets") || strings.Contains(requires[1],
		"assets") {
		t.Errorf("it requires %q", requires)
	}
}

// TestHelper asks for the launch helper where a server is told PORT by it, and where the app is to start again.
func TestHelper(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app  files
		env  config.Environment
		want bool
	}{
		"gunicorn": {files{"requirements.txt": "flask\ngunicorn"}, nil, false},
		"uvicorn":  {files{"requirements.txt": "fastapi\nuvicorn"}, nil, true},
		"reload":   {files{"requirements.txt": "flask\ngunicorn"}, config.Environment{"BP_LIVE_RELOAD_ENABLED": "true"}, true},
	} {
		got := kittest.Detect(t, kittest.Case{App: test.app, Env: test.env, Distro: "strata-glibc", Arch: "amd64"})
		if found := strings.Contains(got.Plan, launchhelper.Entry); found != test.want || got.Code != 0 {
			t.Errorf("%s: the helper is asked for: %t, want %t\n%s", name, found, test.want, got.Log())
		}
	}
}

// locked matches what changes with each lock.
var locked = regexp.MustCompile(`pkg:deb/\S+|\b3\.1[23]\.\d+\b|uv [\d.]+`)

// TestFaults has each fault of the buildpack itself that a user can cause.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app    files
		env    config.Environment
		distro string
		arch   string
	}{
		"target":         {files{"main.py": ""}, nil, "strata-musl", "amd64"},
		"architecture":   {files{"main.py": ""}, nil, "strata-glibc", "riscv64"},
		"leave-out":      {files{"main.py": ""}, config.Environment{"BP_PYTHON_LEAVE_OUT": "tests,docs"}, "strata-glibc", "amd64"},
		"version":        {files{"main.py": "", ".python-version": "2.7"}, nil, "strata-glibc", "amd64"},
		"version-syntax": {files{"main.py": ""}, config.Environment{"BP_CPYTHON_VERSION": "newest"}, "strata-glibc", "amd64"},
		"version-gone":   {files{"main.py": "", "runtime.txt": "python-3.8.20"}, nil, "strata-glibc", "amd64"},
		"no-mirror":      {files{"main.py": ""}, nil, "strata-glibc", "amd64"},
		"no-index":       {files{"main.py": "", ".python-version": "3.12"}, nil, "strata-glibc", "amd64"},
		"tool":           {files{}, config.Environment{"BP_INSTALL_TOOL": "cpython-9.9.9-0", "BP_TOOLS_DIR": "/tools"}, "strata-glibc", "amd64"},
		"mirror-syntax":  {files{"main.py": ""}, config.Environment{"STRATA_DEBIAN_MIRROR": "mirror.example.test"}, "strata-glibc", "amd64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := "[[entries]]\nname = \"python\"\n[entries.metadata]\ntools = [\"cpython-9.9.9-0\"]\n"
			got := kittest.Build(t, kittest.Case{App: test.app, Env: test.env, Distro: test.distro, Arch: test.arch, Plan: plan})
			if got.Code != 1 {
				t.Errorf("got code %d, want 1", got.Code)
			}
			kittest.Golden(t, "fault-"+name+".txt", locked.ReplaceAllString(got.Log(), "LOCKED"))
		})
	}
}
