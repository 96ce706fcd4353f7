package launchhelper_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

func TestMain(m *testing.M) {
	kittest.Main(m, bp.Buildpack{ID: "strata/sample", Detect: detect, Build: build})
}

func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	return bp.Pass("always", bp.Plan{Requires: launchhelper.RequiredToReload(in.Config)}), nil
}

// build has the process that the variable names.
func build(_ context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	name, _, err := in.Config.Lookup("BP_SAMPLE_PROCESS")
	list := []bp.Process{
		{Type: "worker", Command: []string{"/bin/worker"}},
		{Type: name, Command: []string{"/bin/app", "-a"}, Args: []string{"-b"}, WorkingDir: "/srv", Default: true},
	}
	return bp.BuildResult{Processes: launchhelper.Reload(in, list, "/workspace", "/layers/bin")}, err
}

func sample(t *testing.T, env config.Environment) kittest.Case {
	t.Helper()
	dir, err := filepath.Abs("testdata/buildpack")
	if err != nil {
		t.Fatal(err)
	}
	return kittest.Case{Env: env.With(config.Environment{"CNB_BUILDPACK_DIR": dir})}
}

func TestRequiredToReload(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"true": true, "": false, "off": false, "maybe": false} {
		got := kittest.Detect(t, sample(t, config.Environment{"BP_LIVE_RELOAD_ENABLED": value}))
		if found := strings.Contains(got.Plan, "[[requires]]\n  name = \"launch-helper\"\n"); got.Code != 0 || found != want {
			t.Errorf("%q: code %d and plan %q", value, got.Code, got.Plan)
		}
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"web", "other"} {
		got := kittest.Build(t, sample(t, config.Environment{"BP_SAMPLE_PROCESS": name}))
		if got.Code != 0 {
			t.Fatalf("exit code %d: %s", got.Code, got.Log())
		}
		launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
		if err != nil {
			t.Fatal(err)
		}
		kittest.Golden(t, name+".txt", got.Log()+"--- launch.toml\n"+strings.ReplaceAll(string(launch), filepath.Dir(got.Layers), "<layers>"))
	}
}

// TestCommands looks through the program to what it is told to run.
func TestCommands(t *testing.T) {
	t.Parallel()
	const launch = "/layers/strata_launch-helper/helper/launch"
	for command, want := range map[string]string{
		"/bin/app $A": `/bin/app \$A`,
		launch + " run A=1 app ${B} && cd x && c":                  "A=1 app ${B} && cd x && c",
		launch + " reload /workspace /x -- app -a":                 "app -a",
		launch + " reload /workspace -- " + launch + " run a && b": "a && b",
		launch + " health-check":                                   "",
		"/bin/launch run a && b":                                   `/bin/launch run a \&& b`,
	} {
		if got := strings.Join(launchhelper.Commands(strings.Fields(command)).Args(), " "); got != want {
			t.Errorf("%s runs %q, want %q", command, got, want)
		}
	}
}
