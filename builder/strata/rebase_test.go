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
		{Image: "none", In: "store", Err: errors.New("there is none")},
	}
	for file, dryRun := range map[string]bool{"rebased.txt": false, "rebased-dry-run.txt": true} {
		var table strings.Builder
		if err := printRebased(&table, results, dryRun, 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		kittest.Golden(t, file, table.String())
	}
}
