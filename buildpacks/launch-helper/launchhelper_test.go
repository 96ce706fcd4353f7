package launchhelper_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// TestForeign takes the program for the image's architecture, and refuses a builder that has none.
func TestForeign(t *testing.T) {
	t.Parallel()
	dir := kittest.Builder(t, "./launch")
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	c := kittest.Case{Arch: other, Env: config.Environment{"CNB_BUILDPACK_DIR": dir}}
	want := "error: the builder has no program launch for linux/" + other +
		"; build with `strata build`, or with a builder for linux/" + other + "\n"
	if got := kittest.Build(t, c); got.Code != 1 || got.Stderr != want {
		t.Errorf("without a program for %s: code %d, %q, want %q", other, got.Code, got.Stderr, want)
	}
	program := filepath.Join(dir, "..", "suite", other, "launch")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./launch")
	cmd.Env = append(os.Environ(), "GOARCH="+other)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.Log())
	}
	file, err := elf.Open(filepath.Join(got.Layers, "helper", "launch"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[other]; file.Machine != want {
		t.Errorf("the image gets a program for %s, want %s", file.Machine, want)
	}
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
