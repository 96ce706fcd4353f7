package bindings_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/internal/bindings"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "bindings")
	kittest.Write(t, from, map[string]string{"company/type": "npmrc", "company/.npmrc": "x"})
	if err := bindings.Copy([]string{filepath.Join(from, "company")}, to); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(kittest.Tree(t, from), kittest.Tree(t, to)); diff != "" {
		t.Error(diff)
	}
}

// TestNoBindings has a folder that is no binding, and two folders that a build would find at one place.
func TestNoBindings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{
		"one/company/type": "npmrc", "two/company/type": "npmrc", "none/key": "x", "empty/type": " \n", "folder/type/x": "",
	})
	for file, folders := range map[string][]string{
		"binding-twice.txt": {"one/company", "two/company"}, "binding-none.txt": {"none"}, "binding-empty.txt": {"empty"},
		"binding-folder.txt": {"folder"},
	} {
		for i := range folders {
			folders[i] = filepath.Join(dir, folders[i])
		}
		kittest.Golden(t, file, platformtest.Fault(t, bindings.Copy(folders, filepath.Join(dir, "bindings-"+file)), dir, "DIR"))
	}
}
