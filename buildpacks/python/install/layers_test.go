package install_test

import (
	"archive/zip"
	"bytes"
	debugelf "debug/elf"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// TestBig gives a large package a layer of its own, which is the same with whatever else an app has. A package that shares a folder with
// another one has none.
func TestBig(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	data := strings.Repeat("0123456789abcdef", 700_000)
	r.Wheel(t, "Big", "1.0", map[string]string{
		"big/__init__.py": "import os\nfrom importlib.metadata import version\nprint('big', version('big'), sorted(os.listdir(__path__[0])))\n",
		"big/lib/core.so": elftest.Library(debugelf.EM_X86_64, "$ORIGIN/../../big.libs:$ORIGIN/../../two/lib:$ORIGIN/../../..:/lib", "libtwo.so"),
		"big/data.bin":    data, "big.libs/libx.so.1": elftest.Program(debugelf.EM_X86_64, "", "libc.so.6"), "bigger.py": "word = 'top'\n",
		"big-1.0.dist-info/entry_points.txt": "[console_scripts]\nbig = bigger:word.title\n",
	})
	r.Wheel(t, "shared-one", "1.0", map[string]string{"shared/one/__init__.py": "", "shared/one/data.bin": data})
	r.Wheel(t, "shared-two", "1.0", map[string]string{"shared/two/__init__.py": "", "two.py": ""})
	r.Wheel(t, "other", "1.0", map[string]string{"other.py": "import big\n"})
	first := app(t, r, map[string]string{"requirements.txt": "big\nshared-one\nshared-two\n"})
	second := app(t, r, map[string]string{"requirements.txt": "other\nbig==1.0\n"})
	// One folder of layers for both apps, as images have it: what is compiled names it.
	second.Layers = filepath.Join(t.TempDir(), "layers", "buildpack")
	first.Layers = second.Layers
	var sums []string
	var result kittest.Result
	for _, c := range []kittest.Case{first, second} {
		if err := os.RemoveAll(c.Layers); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(c.Layers, 0o755); err != nil {
			t.Fatal(err)
		}
		result = built(t, kittest.Build(t, c))
		sum, err := tree.Hash(filepath.Join(c.Layers, "package-big"), nil)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
		if _, err := os.Stat(filepath.Join(c.Layers, "package-big", "site-packages", "big", "__init__.py")); err != nil {
			t.Error(err) // linkage knows by the folder whose files they are
		}
		// A library of the package looks for others beside the package, which is where this leads to.
		var links []string
		for name, kind := range kittest.Tree(t, filepath.Join(c.Layers, "package-big")) {
			if strings.HasPrefix(kind, "symlink") {
				links = append(links, name+" "+strings.ReplaceAll(kind, c.Layers, "LAYERS"))
			}
		}
		if got := strings.Join(links, "\n"); got != "site-packages/two symlink LAYERS/packages/"+siteOf(c)+"/two" {
			t.Errorf("links of the layer: %s", got)
		}
		python := filepath.Join(c.Layers, "packages", "bin", "python")
		want := "big 1.0 ['__init__.py', '__pycache__', 'data.bin', 'lib']\ntop\n"
		if got := run(t, python, "-c", "import big, bigger; print(bigger.word)"); got != want {
			t.Errorf("the package says %q", got)
		}
		layers, err := filepath.Glob(filepath.Join(c.Layers, "*.toml"))
		if err != nil || slices.ContainsFunc(layers, func(name string) bool { return strings.Contains(name, "shared") }) {
			t.Errorf("layers: %v (%v)", layers, err)
		}
	}
	if sums[0] != sums[1] {
		t.Error("the package differs from app to app")
	}
	again := built(t, kittest.Rebuild(t, result, second))
	if strings.Contains(again.Stdout, "Running") || strings.Count(again.Stdout, "reused") != 2 {
		t.Errorf("with nothing changed:\n%s", again.Log())
	}
	// A platform may lose the metadata of one layer.
	lost := filepath.Join(second.Layers, "package-big.toml")
	if err := os.Remove(lost); err != nil {
		t.Fatal(err)
	}
	again = built(t, kittest.Rebuild(t, result, second))
	sum, err := tree.Hash(filepath.Join(second.Layers, "package-big"), nil)
	if err != nil || sum != sums[1] {
		t.Errorf("the layer is not made again as it was (%v):\n%s", err, again.Log())
	}
}

// TestSharedFile installs packages that have the same file, as the parts of a larger one do: each names it in its RECORD.
func TestSharedFile(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	for _, name := range []string{"whole", "part", "tracing"} {
		r.Wheel(t, name, "1.0", map[string]string{"whole/__init__.py": "", "whole/" + name + ".py": "", "tests/__init__.py": "", "README": "x"})
	}
	c := app(t, r, map[string]string{"requirements.txt": "whole\npart\ntracing\n"})
	files := kittest.Files(t, filepath.Join(built(t, kittest.Build(t, c)).Layers, "packages", siteOf(c)))
	for _, name := range []string{"whole", "part", "tracing"} {
		if record := files[name+"-1.0.dist-info/RECORD"]; !strings.Contains(record, "whole/__init__.py,,\n") {
			t.Errorf("%s has the record %q", name, record)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(files)), func(file string) bool {
			return strings.HasPrefix(file, "whole/__pycache__/"+name+".") && strings.HasSuffix(file, ".pyc")
		}) {
			t.Errorf("whole/%s.py is not compiled: %v", name, slices.Sorted(maps.Keys(files)))
		}
	}
}

// TestLeaveOut leaves out of packages what nothing loads, as far as their code does not name it, and all that is asked for.
func TestLeaveOut(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("/lib/*-linux-gnu/libm.so.6")
	if err != nil || len(found) == 0 {
		t.Skip("this machine has no libm.so.6 to strip")
	}
	content, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	stripped := filepath.Join(t.TempDir(), "stripped")
	if err := elf.Strip(found[0], stripped); err != nil {
		t.Fatal(err)
	}
	short, err := os.ReadFile(stripped)
	if err != nil || len(short) >= len(content) {
		t.Fatalf("the library has nothing to strip (%v)", err)
	}
	library := string(content)
	r := kittest.NewRegistry(t)
	r.Wheel(t, "plain", "1.0", map[string]string{
		"plain/__init__.py": "from . import testing\n", "plain/tests/test_it.py": "import plain\n", "plain/testing.py": "",
		"plain/include/plain.h": "", "plain/module.c": "", "plain/lib.a": "",
	})
	r.Wheel(t, "native", "1.0", map[string]string{
		"native/__init__.py": "", "native/module.so": library, "native/module.c": "", "native/module.pyx": "", "native/module.pyi": "",
	})
	r.Wheel(t, "reading", "1.0", map[string]string{
		"reading/__init__.py": "from .tests import case\nopen(__path__[0] + '/api/types.h')\n", "reading/tests/case.py": "",
		"reading/tests/__init__.py": "", "reading/api/types.h": "", "reading/code.so": "", "reading/kernel.cu": "",
	})
	c := app(t, r, map[string]string{"requirements.txt": "plain\nnative\nreading\n"})
	all := strings.Fields("plain/__init__.py plain/testing.py plain/tests/test_it.py plain/include/plain.h plain/module.c plain/lib.a " +
		"native/__init__.py native/module.so native/module.c native/module.pyx native/module.pyi " +
		"reading/__init__.py reading/tests/__init__.py reading/tests/case.py reading/api/types.h reading/code.so reading/kernel.cu")
	for value, away := range map[string]string{
		"":        "plain/tests/test_it.py plain/include/plain.h plain/lib.a native/module.c native/module.pyx reading/kernel.cu",
		"none":    "",
		"tests":   "plain/tests/test_it.py",
		"sources": "native/module.c native/module.pyx reading/kernel.cu",
	} {
		c.Env = c.Env.With(config.Environment{"BP_PYTHON_LEAVE_OUT": value})
		result := built(t, kittest.Build(t, c))
		var missing []string
		site := filepath.Join(result.Layers, "packages", siteOf(c))
		for _, name := range all {
			if _, err := os.Stat(filepath.Join(site, name)); err != nil {
				missing = append(missing, name)
			}
		}
		want := strings.Fields(away)
		slices.Sort(want)
		slices.Sort(missing)
		if diff := cmp.Diff(strings.Join(want, " "), strings.Join(missing, " ")); diff != "" {
			t.Errorf("BP_PYTHON_LEAVE_OUT=%s leaves out (-want +got):\n%s", value, diff)
		}
		got, err := os.ReadFile(filepath.Join(site, "native/module.so"))
		if isWhole := string(got) == library; err != nil || isWhole != (value != "") || !isWhole && !bytes.Equal(got, short) {
			t.Errorf("BP_PYTHON_LEAVE_OUT=%s: the library has %d of %d bytes (%v)", value, len(got), len(library), err)
		}
	}
}

// wheel returns a wheel of the project evil, with more files and links to paths.
func wheel(t *testing.T, files, links map[string]string) string {
	t.Helper()
	all := map[string]string{
		"evil-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
		"evil-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
	}
	maps.Copy(all, files)
	names := slices.Sorted(maps.Keys(all))
	all["evil-1.0.dist-info/RECORD"] = strings.Join(slices.Concat(names, slices.Sorted(maps.Keys(links))), ",,\n") +
		",,\nevil-1.0.dist-info/RECORD,,\n"
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	add := func(name, content string, mode fs.FileMode) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		add(name, all[name], 0o644)
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		add(name, links[name], 0o777|fs.ModeSymlink)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.String()
}

// TestHostileWheels installs wheels that want more than to be installed: nothing outside of the layers is written or read, and no code of
// theirs runs.
func TestHostileWheels(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	kittest.Write(t, outside, map[string]string{"secret": "of the build"})
	mark := filepath.Join(outside, "mark")
	deep, writes := strings.Repeat("../", 12), "open('"+mark+"', 'w')\n"
	for name, test := range map[string]struct{ files, links map[string]string }{
		"leads out":           {map[string]string{deep + mark: "x"}, nil},
		"absolute":            {map[string]string{mark: "x"}, nil},
		"absolute link":       {nil, map[string]string{"evil": filepath.Join(outside, "secret")}},
		"link out":            {nil, map[string]string{"evil.py": deep + filepath.Join(outside, "secret")}},
		"file through a link": {map[string]string{"z/mark": "x"}, map[string]string{"z": outside}},
		"code of a site": {map[string]string{
			"evil.pth": "import pathlib; pathlib.Path('" + mark + "').write_text('x')\n", "evil.py": "",
		}, nil},
		"code of a start": {map[string]string{"sitecustomize.py": writes, "usercustomize.py": writes}, nil},
		"data leads out":  {map[string]string{"evil-1.0.data/data/" + deep + mark: "x"}, nil},
		"own environment": {map[string]string{"evil-1.0.data/data/pyvenv.cfg": "home = /tmp\n"}, nil},
		"own interpreter": {map[string]string{"evil-1.0.data/scripts/python": "#!python\n"}, nil},
		"own record":      {map[string]string{"evil-1.0.dist-info/RECORD": deep + filepath.Join(outside, "secret") + ",,\n"}, nil},
		"modules for a compiler": {map[string]string{
			"evil/a.py": strings.Repeat("(", 5000) + strings.Repeat(")", 5000), "evil/b.py": "x = 1\x00", "evil/c.py": "# coding: nonsense\n",
		}, nil},
	} {
		r := kittest.NewRegistry(t)
		r.Wheel(t, "one", "1.0", map[string]string{"one.py": ""})
		c := app(t, r, map[string]string{
			"requirements.txt": "evil\none\n", "wheels": "vendor", "vendor/evil-1.0-py3-none-any.whl": wheel(t, test.files, test.links),
		})
		if strings.HasPrefix(name, "code of") { // a second install, with the first one's files in place
			c = with(with(c, own("lib/", "own")), map[string]string{"direct.txt": "./lib\n", "folder": "lib"})
		}
		result := kittest.Build(t, c)
		if _, err := os.Lstat(mark); err == nil {
			t.Fatalf("%s: it wrote outside, or its code ran:\n%s", name, result.Log())
		}
		err := filepath.WalkDir(result.Layers, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if content, err := os.ReadFile(path); err == nil && bytes.Contains(content, []byte("of the build")) {
				t.Errorf("%s: %s leads to a file of the build", name, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if cfg, err := os.ReadFile(filepath.Join(result.Layers, "packages", "pyvenv.cfg")); err == nil && bytes.Contains(cfg, []byte("/tmp\n")) {
			t.Errorf("%s: the package decides on the environment", name)
		}
		if strings.Contains(result.Stderr, "internal error") {
			t.Errorf("%s: %s", name, result.Stderr)
		}
	}
}
