package keep_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// TestDuring leaves what was there before a build, which makes, changes, removes and replaces files.
func TestDuring(t *testing.T) {
	t.Parallel()
	app, outside := t.TempDir(), t.TempDir()
	kittest.Write(t, outside, map[string]string{"c.css": "outside"})
	kittest.Write(t, app, map[string]string{
		"main.rs": "", "Procfile": "web: a", "assets/a.css": "a", "assets/b.css": "b", "web/x/c.css": "c",
		"public/p/q.html": "q", "away/d.css": "d",
	})
	if err := os.Symlink("a.css", filepath.Join(app, "assets/link.css")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(app, "assets"), 0o750); err != nil {
		t.Fatal(err)
	}
	before := kittest.Tree(t, app)
	delete(before, "main.rs")
	p, err := keep.Parse([]string{"**/*.css", "public"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	err = p.During(app, report.New(&log, report.Options{}), func() error {
		kittest.Write(t, app, map[string]string{
			"assets/new.css": "x", "assets/a.css": "changed", "public/p/new.html": "x", "Procfile": "web: b", "made/e.txt": "",
		})
		for _, name := range []string{"assets/b.css", "assets/link.css", "web/x", "away"} {
			if err := os.RemoveAll(filepath.Join(app, name)); err != nil {
				return err
			}
		}
		return os.Symlink(outside, filepath.Join(app, "web/x"))
	}, "Procfile")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, app)); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
	if got := kittest.Files(t, outside); got["c.css"] != "outside" || len(got) != 1 {
		t.Errorf("outside of the app is %v", got)
	}
	want := "  warning: BP_KEEP_FILES matches what the build made, and keeps files of the source alone: assets/new.css, public/p/new.html\n"
	if log.String() != want {
		t.Errorf("it says %q, want %q", log.String(), want)
	}
}
