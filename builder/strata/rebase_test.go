package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestReadList(t *testing.T) {
	t.Parallel()
	const list = "# ours\none\n\n  registry.example.com/two:1  # the second\n"
	file := filepath.Join(t.TempDir(), "images")
	if err := os.WriteFile(file, []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"-", file} {
		got, err := readList(path, strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"one", "registry.example.com/two:1"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	_, err := readList(file+"-missing", nil)
	if !errors.As(err, new(fault.Fault)) {
		t.Errorf("a missing file: got %v, want a fault", err)
	}
}

func TestRebasedTable(t *testing.T) {
	t.Parallel()
	const older, newer = "strata/run-static:13@0123456789ab", "strata/run-static:13@ba9876543210"
	results := []rebase.Result{
		{Image: "registry.example.com/app", In: "registry", Old: older, New: newer, Moved: 6732, Took: 40 * time.Millisecond},
		{Image: "registry.example.com/kpack", In: "registry", Old: older, New: newer, ByKpack: true, Moved: 6732},
		{Image: "current", In: "store", Old: newer, New: newer, Current: true},
		{Image: "left", Left: true},
		{Image: "none", In: "store", Err: errors.New("there is none")},
	}
	for file, dryRun := range map[string]bool{"rebased.txt": false, "rebased-dry-run.txt": true} {
		var table strings.Builder
		if err := printRebased(&table, results, rebase.Options{DryRun: dryRun}, 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		kittest.Golden(t, file, table.String())
	}
}

// TestCheckBy asks a command that reads names, and one that fails.
func TestCheckBy(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "names")
	names := []string{"registry.example.com/one:1", "registry.example.com/$(two)"}
	if err := checkBy("cat >'"+file+"'")(t.Context(), names); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != strings.Join(names, "\n")+"\n" {
		t.Errorf("the command got %q, %v", got, err)
	}
	if err := checkBy("exit 3")(t.Context(), names); err == nil {
		t.Error("a command that fails allows the rest")
	}
}

// TestWriteMoved writes a list for --from-file.
func TestWriteMoved(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "moved")
	results := []rebase.Result{
		{Image: "r.example.com/a:1@sha256:0"}, {Image: "r.example.com/current", Current: true}, {Image: "r.example.com/left", Left: true},
		{Image: "r.example.com/none", Err: errors.New("there is none")}, {Image: "r.example.com/b"},
	}
	if err := writeMoved(file, results); err != nil {
		t.Fatal(err)
	}
	got, err := readList(file, nil)
	if diff := cmp.Diff([]string{"r.example.com/a:1", "r.example.com/b"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
