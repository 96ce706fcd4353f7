package bindings_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/internal/bindings"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	kittest.Write(t, from, map[string]string{"company/type": "npmrc", "company/..1/.npmrc": "x", "company/deep/run": "y"})
	if err := errors.Join(os.Symlink("..1/.npmrc", filepath.Join(from, "company", ".npmrc")),
		os.Chmod(filepath.Join(from, "company", "deep", "run"), 0o700)); err != nil {
		t.Fatal(err)
	}
	got, err := bindings.Read([]string{filepath.Join(from, "company")})
	want := sandbox.Folder{Target: "/platform/bindings", Files: []sandbox.File{
		{Path: "company/..1/.npmrc", Content: []byte("x")},
		{Path: "company/.npmrc", Link: "..1/.npmrc"},
		{Path: "company/deep/run", Content: []byte("y"), Executable: true},
		{Path: "company/type", Content: []byte("npmrc")},
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(diff, err)
	}
}

// TestNoBindings has folders that are no bindings or too large for one, and two that a build would find at one place.
func TestNoBindings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{
		"one/company/type": "npmrc", "two/company/type": "npmrc", "none/key": "x", "empty/type": " \n", "folder/type/x": "",
		"large/type": "x", "pipe/type": "x",
	})
	for _, name := range []string{"one", "two"} { // each of them could be read
		if err := os.WriteFile(filepath.Join(dir, "large", name), make([]byte, 40<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe", "key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, folders := range map[string][]string{
		"binding-twice.txt": {"one/company", "two/company"}, "binding-none.txt": {"none"}, "binding-empty.txt": {"empty"},
		"binding-folder.txt": {"folder"}, "binding-large.txt": {"large"}, "binding-pipe.txt": {"pipe"},
	} {
		for i := range folders {
			folders[i] = filepath.Join(dir, folders[i])
		}
		_, err := bindings.Read(folders)
		kittest.Golden(t, file, platformtest.Fault(t, err, dir, "DIR"))
	}
}
