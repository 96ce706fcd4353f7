package health_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	health "github.com/strata-buildpacks/strata/buildpacks/health-checker"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestMain(m *testing.M) { kittest.Main(m, health.Buildpack()) }

func TestDetect(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, value string
		code        int
	}{{"unset", "", 100}, {"off", "false", 100}, {"on", "true", 0}, {"neither", "maybe", 0}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{Env: config.Environment{"BP_HEALTH_CHECKER_ENABLED": test.value}})
			if got.Code != test.code {
				t.Errorf("exit code %d, want %d", got.Code, test.code)
			}
			kittest.Golden(t, "detect-"+test.name+".txt", got.Log()+got.Plan)
		})
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	got := kittest.Build(t, kittest.Case{Env: config.Environment{"BP_HEALTH_CHECKER_ENABLED": "true"}})
	if got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.Log())
	}
	launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "build.txt", got.Log()+"--- launch.toml\n"+strings.ReplaceAll(string(launch), filepath.Dir(got.Layers), "<layers>"))
}

func TestBuildFault(t *testing.T) {
	t.Parallel()
	got := kittest.Build(t, kittest.Case{Env: config.Environment{"BP_HEALTH_CHECKER_ENABLED": "maybe"}})
	if got.Code != 1 {
		t.Errorf("exit code %d, want 1", got.Code)
	}
	kittest.Golden(t, "fault.txt", got.Log())
}
