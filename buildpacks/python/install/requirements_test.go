package install_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
)

// backend builds a wheel of a folder, as a project's own code for builds does, and needs no package for that.
const backend = `import os, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(os.path.join(wheel_directory, "own-1.0-py3-none-any.whl"), "w") as z:
        z.write("own/__init__.py")
        z.writestr("own-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
        z.writestr("own-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("own-1.0.dist-info/entry_points.txt", "[console_scripts]\nown = own:main\n")
        z.writestr("own-1.0.dist-info/RECORD", "own/__init__.py,,\n" + "".join(
            "own-1.0.dist-info/%s,,\n" % n for n in ("METADATA", "WHEEL", "entry_points.txt", "RECORD")))
    return "own-1.0-py3-none-any.whl"
`

// own returns the files of a project below a folder, whose program prints a word.
func own(folder, word string) map[string]string {
	return map[string]string{
		folder + "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n" +
			"[project]\nname = \"own\"\nversion = \"1.0\"\n",
		folder + "backend.py":      backend,
		folder + "own/__init__.py": "def main():\n    print('" + word + "')\n",
	}
}

// with returns a case with more files.
func with(c kittest.Case, more map[string]string) kittest.Case {
	c.App = maps.Clone(c.App)
	maps.Copy(c.App, more)
	return c
}

// built builds, or ends the test.
func built(t *testing.T, result kittest.Result) kittest.Result {
	t.Helper()
	if result.Code != 0 {
		t.Fatal(result.Log())
	}
	return result
}

// TestDirect installs a folder of the app after the packages of an index. The layer is made again when the folder changes, and not when
// anything else of the app does.
func TestDirect(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	r.Wheel(t, "one", "1.0", map[string]string{"one.py": ""})
	c := app(t, r, map[string]string{"requirements.txt": "one\n", "direct.txt": "./lib\n", "folder": "lib", "main.py": ""})
	c = with(c, own("lib/", "first"))
	result := built(t, kittest.Build(t, c))
	program := filepath.Join(result.Layers, "packages", "bin", "own")
	if got := run(t, program); got != "first\n" {
		t.Errorf("the folder's program says %q", got)
	}
	for name := range kittest.Tree(t, filepath.Join(result.AppDir, "lib")) {
		if strings.Contains(name, "egg-info") || strings.HasPrefix(name, "build/") {
			t.Errorf("the install writes %s into the app", name)
		}
	}
	if again := built(t, kittest.Rebuild(t, result, with(c, map[string]string{"main.py": "1"}))); !strings.Contains(again.Stdout, "reused") {
		t.Errorf("a line of the app changes packages:\n%s", again.Log())
	}
	again := built(t, kittest.Rebuild(t, result, with(c, own("lib/", "second"))))
	if got := run(t, program); got != "second\n" {
		t.Errorf("the folder's program says %q after a change:\n%s", got, again.Log())
	}
}

// TestItself installs the app itself into a layer of its own.
func TestItself(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	r.Wheel(t, "one", "1.0", map[string]string{"one.py": "word = 'one'\n"})
	c := with(app(t, r, map[string]string{"requirements.txt": "one\n", "project": "."}), own("", "' + __import__('one').word + '"))
	result := built(t, kittest.Build(t, c))
	program := filepath.Join(result.Layers, "project", "bin", "own")
	if got := run(t, program); got != "one\n" {
		t.Errorf("the app's program says %q", got)
	}
	if files := kittest.Tree(t, result.AppDir); files["build/"] != "" || files["own.egg-info/"] != "" {
		t.Errorf("the install writes into the app: %v", files)
	}
	again := built(t, kittest.Rebuild(t, result, with(c, own("", "second"))))
	if !strings.Contains(again.Stdout, "Layer packages: reused") || strings.Contains(again.Stdout, "Layer project: reused") {
		t.Errorf("the code changed:\n%s", again.Log())
	}
	if again = built(t, kittest.Rebuild(t, result, with(c, own("", "second")))); !strings.Contains(again.Stdout, "Layer project: reused") {
		t.Errorf("nothing changed:\n%s", again.Log())
	}
}

// TestWheels installs from a folder of the app, and asks nobody.
func TestWheels(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	hash := r.Wheel(t, "one", "1.0", map[string]string{"one/__init__.py": "", "one/__main__.py": "print('vendored')\n"})
	wheel := r.Read(t, "/wheels/"+hash[:8]+"/one-1.0-py3-none-any.whl")
	c := app(t, r, map[string]string{
		"requirements.txt": "--no-index\none==1.0\n", "wheels": "vendor", "vendor/one-1.0-py3-none-any.whl": wheel,
	})
	c.Env[install.IndexVariable] = "http://127.0.0.1:1/simple"
	result := built(t, kittest.Build(t, c))
	if got := run(t, filepath.Join(result.Layers, "packages", "bin", "python"), "-m", "one"); got != "vendored\n" {
		t.Errorf("the package says %q", got)
	}
	if asked := r.Asked(); len(asked) > 0 {
		t.Errorf("the index was asked for %v", asked)
	}
}

// TestOtherIndexes takes no index from files of an app.
func TestOtherIndexes(t *testing.T) {
	t.Parallel()
	r, other := kittest.NewRegistry(t), kittest.NewRegistry(t)
	r.Wheel(t, "one", "1.0", map[string]string{"one.py": ""})
	other.Wheel(t, "one", "2.0", map[string]string{"one.py": ""})
	index := other.URL + "/simple"
	settings := "[[index]]\nname = \"other\"\nurl = \"" + index + "\"\ndefault = true\n"
	for name, files := range map[string]map[string]string{
		"index":     {"requirements.txt": "--index-url " + index + "\none\n"},
		"short":     {"requirements.txt": "-i" + index + "\none\n"},
		"extra":     {"requirements.txt": "--extra-index-url=" + index + "\none\n"},
		"links":     {"requirements.txt": "-f " + index + "/one/\none\n"},
		"uv.toml":   {"requirements.txt": "one\n", "uv.toml": settings},
		"pyproject": {"requirements.txt": "one\n", "pyproject.toml": strings.ReplaceAll(settings, "[[index]]", "[[tool.uv.index]]")},
		"pip.conf":  {"requirements.txt": "one\n", "pip.conf": "[global]\nindex-url = " + index + "\n"},
	} {
		result := built(t, kittest.Build(t, app(t, r, files)))
		if asked := other.Asked(); len(asked) > 0 {
			t.Fatalf("%s: another index is asked for %v", name, asked)
		}
		if strings.HasPrefix(files["requirements.txt"], "-") != strings.Contains(result.Stdout, "is not heeded") {
			t.Errorf("%s: the log does not say so, or says it without a reason:\n%s", name, result.Log())
		}
	}
}

// TestBindings asks an index that wants a login and has a certificate of its own, by each way to tell of it. No layer, no log and no
// metadata has the login.
func TestBindings(t *testing.T) {
	t.Parallel()
	const password = "s3cret-word"
	r := kittest.NewTLSRegistry(t, password)
	hash := r.Wheel(t, "one", "1.0", map[string]string{"one.py": ""})
	authority := filepath.Join(t.TempDir(), "ca.pem")
	kittest.Write(t, filepath.Dir(authority), map[string]string{"ca.pem": r.Authority})
	host := strings.TrimPrefix(r.URL, "https://")
	login := "https://user:" + password + "@" + host + "/simple"
	for name, test := range map[string]struct {
		bindings map[string]map[string]string
		env      config.Environment
	}{
		"netrc": {map[string]map[string]string{"login": {
			"type": "netrc", ".netrc": "machine " + strings.Split(host, ":")[0] + " login user password " + password,
		}}, config.Environment{install.IndexVariable: r.URL + "/simple"}},
		"pip": {map[string]map[string]string{"index": {"type": "pip", "pip.conf": "[global]\nindex-url = " + login + "\n"}}, nil},
		"uv": {map[string]map[string]string{"index": {
			"type": "uv", "uv.toml": "[[index]]\nurl = \"" + login + "\"\ndefault = true\n",
		}}, nil},
		"variable": {nil, config.Environment{"UV_DEFAULT_INDEX": login}},
		"extra":    {nil, config.Environment{"PIP_EXTRA_INDEX_URL": login}},
	} {
		empty := kittest.NewRegistry(t)
		c := app(t, empty, map[string]string{"requirements.txt": "one==1.0 --hash=sha256:" + hash + "\n"})
		c.Bindings, c.Env = test.bindings, c.Env.With(config.Environment{"SSL_CERT_FILE": authority}).With(test.env)
		result := kittest.Build(t, c)
		if result.Code != 0 {
			t.Errorf("%s: %s", name, result.Log())
			continue
		}
		if strings.Contains(result.Log(), password) {
			t.Errorf("%s: the log has the login:\n%s", name, result.Log())
		}
		for _, dir := range []string{result.Layers, result.AppDir} {
			err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
				if err != nil || !entry.Type().IsRegular() {
					return err
				}
				content, err := os.ReadFile(path)
				if strings.Contains(string(content), password) {
					t.Errorf("%s: %s has the login", name, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestExport installs what uv.lock has, from the configured index and not from the one that the lockfile names.
func TestExport(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	hash := r.Wheel(t, "one", "1.0", map[string]string{"one.py": ""})
	c := app(t, r, map[string]string{
		"export":         "export --frozen --no-dev --no-emit-project --quiet",
		"pyproject.toml": "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"one\"]\n",
		"uv.lock": "version = 1\nrequires-python = \">=3.8\"\n\n[[package]]\nname = \"app\"\nversion = \"1\"\nsource = { virtual = \".\" }\n" +
			"dependencies = [{ name = \"one\" }]\n\n[package.metadata]\nrequires-dist = [{ name = \"one\" }]\n\n" +
			"[[package]]\nname = \"one\"\nversion = \"1.0\"\nsource = { registry = \"https://index.example.test/simple\" }\n" +
			"wheels = [{ url = \"https://files.example.test/one-1.0-py3-none-any.whl\", hash = \"sha256:" + hash + "\" }]\n",
	})
	result := built(t, kittest.Build(t, c))
	if _, err := os.Stat(filepath.Join(result.Layers, "packages", siteOf(c), "one.py")); err != nil {
		t.Errorf("the locked package is not installed:\n%s", result.Log())
	}
	if again := built(t, kittest.Rebuild(t, result, c)); strings.Contains(again.Stdout, "uv") {
		t.Errorf("with nothing changed uv runs:\n%s", again.Log())
	}
}
