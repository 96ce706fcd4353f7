package python_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// bench has an interpreter for all apps that says what the app's files have, and runs nothing.
type bench struct {
	c     kittest.Case
	tools string
}

// newBench makes a bench for an app.
func newBench(t *testing.T, app files) bench {
	t.Helper()
	b := bench{tools: t.TempDir()}
	b.c = kittest.Case{App: app, Distro: "strata-glibc", Env: config.Environment{"BP_TOOLS_DIR": b.tools}}
	b.install(t)
	return b
}

// install puts the interpreter that the app asks for where all apps find it.
func (b bench) install(t *testing.T) {
	t.Helper()
	const program = `#!/bin/sh
echo '[{"File": "main.py", "Made": [], "Functions": [], "Imports": [], "Texts": {}}]'
`
	for _, name := range kittest.Detect(t, b.c).Tools() {
		_, version, _ := strings.Cut(name, "-")
		minor := strings.Join(strings.SplitN(version, ".", 3)[:2], ".")
		dir := filepath.Join(b.tools, name)
		kittest.Write(t, dir, files{"bin/python" + minor: program, "lib/python" + minor + "/os.py": "",
			"lib/python" + minor + "/__pycache__/os.cpython-" + strings.ReplaceAll(minor, ".", "") + ".pyc": "\xf3\x0d\r\n"})
		if err := os.Chmod(filepath.Join(dir, "bin", "python"+minor), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBuild has what a build of one file says, and what it leaves.
func TestBuild(t *testing.T) {
	t.Parallel()
	b := newBench(t, files{"main.py": "", ".venv/pyvenv.cfg": "", "venv/main.py": "", ".git/HEAD": ""})
	got := kittest.Build(t, b.c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	kittest.Golden(t, "build.txt", locked.ReplaceAllString(got.Log(), "LOCKED"))
	launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "launch.toml", strings.ReplaceAll(string(launch), got.AppDir, "<app>"))
	var names []string
	for name, kind := range kittest.Tree(t, got.Layers) {
		if inner, found := strings.CutPrefix(name, "cpython/env.launch/"); found || strings.HasPrefix(name, "start/env.launch/") {
			names = append(names, strings.TrimPrefix(inner, "start/env.launch/")+" "+kind[:4])
		}
	}
	want := map[string]bool{
		"PYTHONDONTWRITEBYTECODE.default file": true, "PYTHONFAULTHANDLER.default file": true, "PYTHONUNBUFFERED.default file": true,
		"PORT.default file": true,
	}
	for _, name := range names {
		if name = strings.TrimSpace(name); strings.HasSuffix(name, "file") && !want[name] {
			t.Errorf("a layer sets %s", name)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("no layer sets %v", want)
	}
	left := kittest.Tree(t, got.AppDir)
	if diff := cmp.Diff(map[string]string{
		"main.py": "file 0644 empty", "venv/": "dir 0755", "venv/main.py": "file 0644 empty",
	}, left); diff != "" {
		t.Errorf("the app (-want +got):\n%s", diff)
	}
}

// TestKeys makes the layer of Python again when the interpreter is another one, and for nothing else.
func TestKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(app files)
		made   bool
	}{
		"nothing":                       {func(files) {}, false},
		"the app":                       {func(app files) { app["main.py"] = "print(1)" }, false},
		"a file more":                   {func(app files) { app["more.py"] = "" }, false},
		"the version":                   {func(app files) { app[".python-version"] = "3.11" }, true},
		"a way to say the same version": {func(app files) { app["runtime.txt"] = "python-3.13" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := files{"main.py": ""}
			b := newBench(t, app)
			first := kittest.Build(t, b.c)
			test.change(app)
			b.install(t)
			second := kittest.Rebuild(t, first, b.c)
			if first.Code != 0 || second.Code != 0 {
				t.Fatalf("codes %d and %d\n%s%s", first.Code, second.Code, first.Log(), second.Log())
			}
			if made := !strings.Contains(second.Log(), "Layer cpython: reused"); made != test.made {
				t.Errorf("the layer is made again: %t, want %t\n%s", made, test.made, second.Log())
			}
		})
	}
}

// TestModules compiles modules of the app that changed, and no others, and removes what was compiled of them elsewhere.
func TestModules(t *testing.T) {
	t.Parallel()
	b := newBench(t, files{
		"main.py": "1", "shop/one.py": "1", "shop/two.py": "1", "shop/__pycache__/old.cpython-313.pyc": "of another machine",
		"node_modules/x/setup.py": "1", "large.py": strings.Repeat("#", 5<<20), "none.py": "",
	})
	const program = `#!/bin/sh
case "$*" in
*/compile.py*) for output in $(grep -o '"output":"[^"]*"' "$7" | cut -d '"' -f 4); do printf 'compiled' >"$output"; done ;;
*) echo '[{"File": "main.py", "Made": [], "Functions": [], "Imports": [], "Texts": {}}]' ;;
esac
`
	found, err := filepath.Glob(filepath.Join(b.tools, "cpython-*", "bin", "python3.*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("interpreters %v: %v", found, err)
	}
	if err := os.WriteFile(found[0], []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	result := kittest.Build(t, b.c)
	changed := b.c
	changed.App = files{"main.py": "2", "shop/one.py": "1"}
	for _, test := range []struct{ says, compiled string }{
		{"Compiling 4 modules of the app", "main.py none.py shop/one.py shop/two.py"},
		{"", "main.py none.py shop/one.py shop/two.py"}, {"Compiling 1 modules of the app", "main.py shop/one.py"},
	} {
		said := regexp.MustCompile("Compiling .* of the app").FindString(result.Log())
		var compiled []string
		for name := range kittest.Files(t, result.AppDir) {
			if before, after, found := strings.Cut(name, "__pycache__/"); found {
				compiled = append(compiled, before+strings.TrimSuffix(after, ".cpython-313.pyc")+".py")
			}
		}
		slices.Sort(compiled)
		if got := strings.Join(compiled, " "); said != test.says || got != test.compiled || result.Code != 0 {
			t.Errorf("code %d, it says %q and has compiled %s, want %q and %s\n%s", result.Code, said, got, test.says, test.compiled, result.Log())
		}
		if test.says != "" {
			result = kittest.Rebuild(t, result, b.c)
		} else {
			result = kittest.Rebuild(t, result, changed)
		}
	}
}
