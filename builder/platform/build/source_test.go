package build

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestCopyPart copies a part of an app to which a link leads. What is kept below a folder that is left out has its folders.
// What is left out is not even opened.
func TestCopyPart(t *testing.T) {
	t.Parallel()
	app, workspace := t.TempDir(), t.TempDir()
	kittest.Write(t, app, map[string]string{
		"main.go": "", "out/deep/in.txt": "", "out/deep/out.txt": "", "out/run": "#!/bin/sh\n", "closed/secret": "", "empty/out.txt": "",
	})
	if err := os.Symlink("../main.go", filepath.Join(app, "out", "in.link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(app, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(app, "closed"), 0o755) })
	keep := map[string]bool{"main.go": true, "out/deep/in.txt": true, "out/run": true, "out/in.link": true, "empty": true}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(app, link); err != nil {
		t.Fatal(err)
	}
	if _, err := copySource(t.Context(), link, t.TempDir(), workspace, func(path string) bool { return keep[path] }); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(workspace, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		path, err = filepath.Rel(workspace, path)
		mode := info.Mode().String()
		if !info.Mode().IsRegular() {
			mode = mode[:1] // the rest depends on the umask
		}
		got = append(got, mode+" "+path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "d .\nd empty\n-rw-r--r-- main.go\nd out\nd out/deep\n-rw-r--r-- out/deep/in.txt\nL out/in.link\n-rwxr-xr-x out/run"
	if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

// TestVanishing removes files of an app while it is copied, before the copy comes to them.
func TestVanishing(t *testing.T) {
	t.Parallel()
	app, workspace := t.TempDir(), t.TempDir()
	kittest.Write(t, app, map[string]string{"a": "a", "file": "", "folder/in": "", "stays": "stays"})
	if err := os.Symlink("a", filepath.Join(app, "link")); err != nil {
		t.Fatal(err)
	}
	keep := func(path string) bool {
		if path != "a" && path != "stays" {
			if err := os.RemoveAll(filepath.Join(app, path)); err != nil {
				t.Error(err)
			}
		}
		return true
	}
	if _, err := copySource(t.Context(), app, t.TempDir(), workspace, keep); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(workspace)
	if err != nil || len(entries) != 3 || entries[0].Name() != "a" || entries[1].Name() != "folder" || entries[2].Name() != "stays" {
		t.Errorf("the copy has %v, %v", entries, err)
	}
	if _, err := copySource(t.Context(), filepath.Join(app, "folder"), t.TempDir(), t.TempDir(), nil); err == nil {
		t.Error("an app that is gone was copied")
	}
}

// TestHomeInTheApp has the folder of images in the app, as where HOME is the app's folder: the copy would be copied again without end.
func TestHomeInTheApp(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	kittest.Write(t, app, map[string]string{"main.go": "", ".local/share/strata/store/blob": "", ".local/own": ""})
	home := filepath.Join(app, ".local/share/strata")
	workspace := filepath.Join(home, "tmp", "workspace")
	if err := os.MkdirAll(workspace, 0o755); err != nil {
		t.Fatal(err)
	}
	leftOut, err := copySource(t.Context(), app, home, workspace, nil)
	if err != nil || !slices.Equal(leftOut, []string{".local/share/strata"}) {
		t.Errorf("left out %v, %v", leftOut, err)
	}
	for name, want := range map[string]bool{"main.go": true, ".local/own": true, ".local/share/strata": false} {
		if _, err := os.Stat(filepath.Join(workspace, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := copySource(t.Context(), home, home, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "STRATA_HOME") {
		t.Errorf("the folder of images as an app: %v", err)
	}
}

// TestCopyIsStopped cancels a build while its app is copied.
func TestCopyIsStopped(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	kittest.Write(t, app, map[string]string{"a": "", "b": "", "c": ""})
	ctx, stop := context.WithCancel(t.Context())
	seen := 0
	_, err := copySource(ctx, app, t.TempDir(), t.TempDir(), func(string) bool { seen++; stop(); return true })
	if !errors.Is(err, context.Canceled) || seen != 1 {
		t.Errorf("%v after %d files", err, seen)
	}
}

// TestReplacedFile has a link where a file was.
func TestReplacedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"secret": "secret"})
	if err := os.Symlink("secret", filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(filepath.Join(dir, "file"), filepath.Join(dir, "copy"), false, 0, 0); err == nil {
		t.Error("it follows a link that has taken the place of a file")
	}
}

// TestFolder has apps that are no folders.
func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"app.zip": ""})
	if got, err := Folder(dir + "/x/.."); err != nil || got != dir {
		t.Errorf("got %s (%v), want %s", got, err, dir)
	}
	for file, app := range map[string]string{"file": dir + "/app.zip", "missing": dir + "/app", "below-a-file": dir + "/app.zip/app"} {
		_, err := Folder(app)
		kittest.Golden(t, "folder-"+file+".txt", platformtest.Fault(t, err, dir, "<folder>"))
	}
}

// TestHashSource makes the digest of the digests of the files, as `sha256sum` prints them.
func TestHashSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"b/c": "c", "a": "a"})
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	list := ""
	for _, name := range []string{"a", "b/c"} {
		list += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(filepath.Base(name))), name)
	}
	want := fmt.Sprintf("%x", sha256.Sum256([]byte(list)))
	if got, err := hashSource(dir); err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
	kittest.Write(t, dir, map[string]string{"line\nbreak": ""})
	if got, err := hashSource(dir); err != nil || got != "" {
		t.Errorf("with a name of two lines: got %s (%v), want none", got, err)
	}
}
