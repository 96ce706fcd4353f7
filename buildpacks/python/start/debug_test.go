package start_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/python/project"
	"github.com/strata-buildpacks/strata/buildpacks/python/start"
)

// TestDebugger lets a debugger attach to the program that is started, when the variable says so, and to none that it starts.
func TestDebugger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, files{
		"sitecustomize.py": string(start.Debugger),
		"debugpy.py":       "def listen(where):\n    print('listens', *where)\n",
		"app.py": "import subprocess, sys\nprint('app', flush=True)\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)\n" +
			"print(any(name == 'debugpy' for name in sys.modules))\n",
	})
	for _, test := range []struct {
		env  []string
		want string
	}{
		{[]string{"BPL_DEBUG_ENABLED=true"}, "listens 0.0.0.0 5678\napp\n1\nTrue\n"},
		{[]string{"BPL_DEBUG_ENABLED=On", "BPL_DEBUG_PORT=99"}, "listens 0.0.0.0 99\napp\n1\nTrue\n"},
		{[]string{"BPL_DEBUG_ENABLED=false"}, "app\n1\nFalse\n"},
		{nil, "app\n1\nFalse\n"},
	} {
		cmd := exec.CommandContext(t.Context(), python(t).Program, filepath.Join(dir, "app.py"))
		cmd.Env, cmd.Stderr = append(test.env, "PYTHONPATH="+dir, "PYTHONUNBUFFERED=1"), os.Stderr
		if got, err := cmd.Output(); err != nil || string(got) != test.want {
			t.Errorf("%v: got %q and %v, want %q", test.env, got, err, test.want)
		}
	}
}

// TestCheckDebugger names the package that lets a debugger attach.
func TestCheckDebugger(t *testing.T) {
	t.Parallel()
	app := start.App{Installed: func(string) bool { return false }, Project: project.Project{File: "uv.lock", Manager: project.UV}}
	err := app.CheckDebugger()
	if !errors.As(err, new(fault.Fault)) {
		t.Fatalf("got %v, want a fault", err)
	}
	kittest.Golden(t, "fault-debugger.txt", err.Error()+"\n")
	app.Installed = func(name string) bool { return name == "debugpy" }
	if err := app.CheckDebugger(); err != nil {
		t.Error(err)
	}
}
