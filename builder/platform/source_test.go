package platform

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestCopyPart copies a part of an app that a link leads to: what is kept below a folder that is left out has its folders, and what is left
// out is not even opened.
func TestCopyPart(t *testing.T) {
	t.Parallel()
	app, workspace := t.TempDir(), t.TempDir()
	kittest.Write(t, app, map[string]string{"main.go": "", "out/deep/in.txt": "", "out/deep/out.txt": "", "out/run": "#!/bin/sh\n", "closed/secret": "", "empty/out.txt": ""})
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
	if _, err := copySource(link, workspace, func(path string) bool { return keep[path] }); err != nil {
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
			mode = mode[:1] // the rest is the umask's, which Init takes its say
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

// TestBindingsOfOneName has two folders that a build would find at one place.
func TestBindingsOfOneName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var bindings []string
	for _, folder := range []string{"one", "two"} {
		binding := filepath.Join(dir, folder, "company")
		kittest.Write(t, binding, map[string]string{"type": "npmrc"})
		bindings = append(bindings, binding)
	}
	err := copyBindings(bindings, filepath.Join(dir, "bindings"))
	if err == nil {
		t.Fatal("both were taken")
	}
	kittest.Golden(t, "binding-twice.txt", strings.ReplaceAll(err.Error(), dir, "DIR")+"\n")
}
