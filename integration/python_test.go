package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPythonBuild builds each sample and asks it, builds it again, and changes it.
func TestPythonBuild(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	name := image(t)
	tests := []struct {
		who               who
		app, answer       string
		file              string   // in which the answer begins with another word after a change
		layers, processes []string // besides cpython and start, and besides web
		purls             []string
		absent            []string
	}{
		{
			who: everyUser, app: "flask", answer: "Hello from Flask.", file: "app.py", layers: []string{"packages"},
			purls: []string{"pkg:pypi/flask@3.1.2", "pkg:pypi/werkzeug@", "pkg:deb/debian/python3.13-minimal@"},
		},
		{
			who: nightly, app: "starlette", answer: "Hello from Starlette.", file: "main.py", layers: []string{"packages"},
			purls: []string{"pkg:pypi/starlette@0.50.0", "pkg:pypi/uvicorn@0.38.0"}, absent: []string{"iniconfig"},
		},
		{
			who: anyUser, app: "django", answer: "Hello from Django, collected at build.", file: "site_of_test/urls.py",
			layers: []string{"package-django", "packages"}, processes: []string{"migrate"}, purls: []string{"pkg:pypi/django@5.2.8"},
		},
		{
			who: anyUser, app: "numpy", answer: "Hello from NumPy, 45.", file: "main.py", layers: []string{"package-numpy", "packages"},
			purls: []string{"pkg:pypi/numpy@2.3.5"},
		},
		{who: nightly, app: "plain", answer: "Hello from Python 3.13.", file: "main.py"},
		{
			who: nightly, app: "python311", answer: "Hello from Python 3.11, __init__.cpython-311.pyc.", file: "main.py",
			purls: []string{"pkg:deb/debian/python3.11-minimal@", "pkg:deb/debian/libcrypt1@"},
		},
		{
			who: nightly, app: "poetry", answer: "Hello from poetry, xn--4ca.test.", file: "main.py", layers: []string{"packages"},
			purls: []string{"pkg:pypi/idna@3.20"}, absent: []string{"iniconfig"},
		},
		{
			who: nightly, app: "pipenv", answer: "Hello from pipenv, xn--4ca.test.", file: "main.py", layers: []string{"packages"},
			purls: []string{"pkg:pypi/idna@3.20"},
		},
		{
			who: nightly, app: "pdm", answer: "Hello from pdm, xn--4ca.test.", file: "main.py", layers: []string{"packages"},
			purls: []string{"pkg:pypi/idna@3.20"}, absent: []string{"iniconfig"},
		},
		{
			who: nightly, app: "pylock", answer: "Hello from pylock, xn--4ca.test.", file: "main.py", layers: []string{"packages"},
			purls: []string{"pkg:pypi/idna@3.20"}, absent: []string{"colorama"},
		},
	}
	interpreters := map[string]string{} // version -> digest
	for _, tt := range tests {
		t.Run(tt.app, func(t *testing.T) {
			skipShown(t, tt.who)
			app := filepath.Join(t.TempDir(), tt.app)
			if err := os.CopyFS(app, os.DirFS(filepath.Join("testdata", "python", tt.app))); err != nil {
				t.Fatal(err)
			}
			digest := build(t, app, name)
			patience := []string{"--timeout", "3m"} // numpy and Django are large to unpack on a busy machine
			if body := strings.TrimSpace(ask(t, name, "/", patience...)); body != tt.answer {
				t.Errorf("it answers %q, want %q", body, tt.answer)
			}
			if again := build(t, app, name); again != digest {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
			}
			first := inspect(t, digest)
			edit(t, app, tt.file, "Hello", "Goodbye")
			second := open(t, build(t, app, name))
			if body, want := strings.TrimSpace(ask(t, name, "/", patience...)), strings.Replace(tt.answer, "Hello", "Goodbye", 1); body != want {
				t.Errorf("after the change it answers %q, want %q", body, want)
			}
			layers := first.layersOf(t, "strata/python")
			if diff := cmp.Diff(layers, second.layersOf(t, "strata/python")); diff != "" {
				t.Errorf("a change of code changes layers (-before +after):\n%s", diff)
			}
			all := append([]string{"cpython", "start"}, tt.layers...)
			version := first.checkPython(t, all, append([]string{"web*"}, tt.processes...), tt.purls, tt.absent)
			if other := interpreters[version]; other != "" && other != layers["cpython"] {
				t.Errorf("the layer of Python %s is %s, in another app %s", version, layers["cpython"], other)
			}
			interpreters[version] = layers["cpython"]
		})
	}
}

// TestPythonStandalone builds for a version that Debian does not have.
func TestPythonStandalone(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	name := image(t)
	app := filepath.Join(t.TempDir(), "plain")
	if err := os.CopyFS(app, os.DirFS("testdata/python/plain")); err != nil {
		t.Fatal(err)
	}
	got := strata(t, "build", app, "-t", name, "-q", "-e", "BP_CPYTHON_VERSION=3.12")
	if got.status != 0 && strings.Contains(got.stderr, "error: Python 3.12") && strings.Contains(got.stderr, "UV_PYTHON_INSTALL_MIRROR") {
		t.Skipf("the standalone builds of Python cannot be reached, and no mirror of them is set: %s", got.stderr)
	}
	if got.status != 0 {
		t.Fatalf("status %d\n%s", got.status, got.stderr)
	}
	if body := strings.TrimSpace(ask(t, name, "/")); body != "Hello from Python 3.12." {
		t.Errorf("it answers %q", body)
	}
}

// checkPython looks at the layers, the processes, the files and the bill of materials of an app's image. It returns the package URL of
// the interpreter.
func (b built) checkPython(t *testing.T, layers, processes, purls, absent []string) string {
	t.Helper()
	slices.Sort(layers)
	slices.Sort(processes)
	if diff := cmp.Diff(layers, sortedKeys(b.layersOf(t, "strata/python"))); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(processes, b.processes(t)); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	all := b.purls(t)
	for _, prefix := range purls {
		if !slices.ContainsFunc(all, func(purl string) bool { return strings.HasPrefix(purl, prefix) }) {
			t.Errorf("the SBOM has no %s: %v", prefix, all)
		}
	}
	files := b.files(t)
	for _, gone := range append([]string{"/bin/uv\n", "/pip/", "/activate", "/sitecustomize.py"}, absent...) {
		if strings.Contains(files, gone) {
			t.Errorf("the image has %s", gone)
		}
	}
	at := slices.IndexFunc(all, func(purl string) bool { return strings.HasPrefix(purl, "pkg:generic/python@") })
	if at < 0 {
		t.Fatalf("the SBOM has no Python: %v", all)
	}
	return all[at]
}
