package node

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestStandIns has install scripts that look for a compiler: each ends the package manager, and leaves a note.
func TestStandIns(t *testing.T) {
	t.Parallel()
	scripts := map[string]string{"make": "make", "python": "(python3 -c 'import sys' || true); echo went on"}
	if _, err := exec.LookPath("node"); err == nil {
		scripts["gyp"] = `node "$npm_config_node_gyp" rebuild || echo went on`
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &builder{scratch: t.TempDir()}
			asked := filepath.Join(b.scratch, "asked")
			env, err := b.standIns(asked)
			if err != nil {
				t.Fatal(err)
			}
			env["PATH"] += ":" + config.FromProcess()["PATH"]
			var out bytes.Buffer
			err = command.Run(t.Context(), command.Command{Path: "sh", Args: []string{"-c", script + "; echo went on"}, Env: env.List(), Log: report.New(&out, report.Options{})})
			if err == nil || strings.Contains(out.String(), "went on") {
				t.Errorf("the package manager went on: %v, %s", err, out.String())
			}
			if _, err := os.Stat(asked); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCompileAlways compiles everything only where a tool is that cannot be told otherwise.
func TestCompileAlways(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ lockfile, lock, want string }{
		{lockfile: "yarn.lock", lock: "node-gyp-build@^4.0.0:\n"},
		{lockfile: "yarn.lock", lock: "\"@mapbox/node-pre-gyp@^1.0.11\":\n", want: "true"},
		{want: "true"}, // what will be installed is not known
	} {
		b := &builder{scratch: t.TempDir(), decision: decision{Project: project.Project{Root: t.TempDir(), Lockfile: test.lockfile}}}
		if test.lockfile != "" {
			kittest.Write(t, b.Root, map[string]string{test.lockfile: test.lock})
		}
		env := config.Environment{}
		if err := b.compileAlways(env); err != nil {
			t.Fatal(err)
		}
		if got := env["npm_config_build_from_source"]; got != test.want {
			t.Errorf("%q: npm_config_build_from_source is %q, want %q", test.lock, got, test.want)
		}
		rc, err := os.ReadFile(filepath.Join(b.scratch, ".prebuild-installrc"))
		if want := "{\"buildFromSource\": true}\n"; string(rc) != want || err != nil {
			t.Errorf("prebuild-install reads %q, %v; want %q", rc, err, want)
		}
	}
}
