package compile_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/python/compile"
)

func TestOutput(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{"/a/b.py": "/a/__pycache__/b.cpython-313.pyc", "c.py": "__pycache__/c.cpython-313.pyc"} {
		if got := compile.Output(source, "3.13"); got != want {
			t.Errorf("%s is compiled to %s, want %s", source, got, want)
		}
	}
}

// TestRun compiles the modules of a job to the same bytes, whatever other jobs there are, so that Python does not look at their source.
func TestRun(t *testing.T) {
	t.Parallel()
	python, minor := interpreter(t)
	dir := t.TempDir()
	module := func(name, text string) compile.Module {
		kittest.Write(t, dir, map[string]string{name: text})
		return compile.Module{Source: filepath.Join(dir, name), Final: "/image/" + name, Output: filepath.Join(dir, compile.Output(name, minor))}
	}
	first := []compile.Module{module("a.py", "import os\nx = 'text' * 3\n"), module("b/c.py", "def f(): return [1, 'text']\n")}
	broken := module("d.py", "print 'Python 2'\n")
	log := report.New(io.Discard, report.Options{})
	read := func() []string {
		var contents []string
		for _, m := range first {
			data, err := os.ReadFile(m.Output)
			if err != nil {
				t.Fatal(err)
			}
			contents = append(contents, string(data))
		}
		return contents
	}
	if err := compile.Run(t.Context(), log, python, minor, [][]compile.Module{first}); err != nil {
		t.Fatal(err)
	}
	once := read()
	for _, content := range once {
		if content[4:8] != "\x01\x00\x00\x00" || !strings.Contains(content, "/image/") || strings.Contains(content, dir) {
			t.Errorf("it is not compiled for the image, or looks at its source: %.20q", content)
		}
	}
	others := []compile.Module{module("e.py", "import sys\n"), broken}
	if err := compile.Run(t.Context(), log, python, minor, [][]compile.Module{others, first}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(once, read()); diff != "" {
		t.Error("other jobs change what a job's modules are compiled to")
	}
	if _, err := os.Stat(broken.Output); err == nil {
		t.Error("a module of another Python is compiled")
	}
	checked := first[0]
	checked.Checked = true
	if err := compile.Run(t.Context(), log, python, minor, [][]compile.Module{{checked}}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(checked.Output); err != nil || string(data[4:8]) != "\x03\x00\x00\x00" {
		t.Errorf("Python does not look at its source: %.20q, %v", data, err)
	}
	missing := compile.Module{Source: filepath.Join(dir, "none.py"), Output: filepath.Join(dir, "none.pyc")}
	if err := compile.Run(t.Context(), log, python, minor, [][]compile.Module{{missing}}); err == nil {
		t.Error("a module that cannot be read is no error")
	}
}

// interpreter returns a folder with the interpreter of this machine, and its minor version.
func interpreter(t *testing.T) (dir, minor string) {
	t.Helper()
	const ask = "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2])"
	out, err := exec.CommandContext(t.Context(), "python3", "-c", ask).Output()
	if err != nil {
		t.Skip("there is no python3 to compile with: install it")
	}
	words := strings.Fields(string(out))
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(words[0], filepath.Join(dir, "bin", "python"+words[1])); err != nil {
		t.Fatal(err)
	}
	return dir, words[1]
}
