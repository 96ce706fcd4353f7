package launchhelper_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	launchhelper "github.com/strata-buildpacks/strata/buildpacks/launch-helper"
)

func TestMain(m *testing.M) { kittest.Main(m, launchhelper.Buildpack()) }

func TestDetect(t *testing.T) {
	t.Parallel()
	got := kittest.Detect(t, kittest.Case{})
	if want := "strata/launch-helper pass: for buildpacks that ask for it\n"; got.Code != 0 || got.Log() != want {
		t.Errorf("got code %d and %q, want %q", got.Code, got.Log(), want)
	}
	kittest.Golden(t, "plan.toml", got.Plan)
}

func TestBuild(t *testing.T) {
	t.Parallel()
	dir := kittest.Builder(t, "./launch")
	got := kittest.Build(t, kittest.Case{Env: config.Environment{"CNB_BUILDPACK_DIR": dir}})
	if got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.Log())
	}
	want := map[string]string{"launch": kittest.Tree(t, filepath.Join(dir, "..", "suite"))["launch"]}
	if diff := cmp.Diff(want, kittest.Tree(t, filepath.Join(got.Layers, "helper"))); diff != "" {
		t.Errorf("layer (-want +got):\n%s", diff)
	}
	bill, err := os.ReadFile(got.Layers + "/helper.sbom.cdx.json")
	if err != nil || len(bill) == 0 {
		t.Errorf("it has no bill of materials: %v", err)
	}
}
