package layer_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// TestModes makes a layer in a folder with setgid, as volumes of Kubernetes have it.
func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "strata_sample")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	_, err := layer.Open(dir, report.New(io.Discard, report.Options{})).Contribute(t.Context(), layer.Request{
		Name: "app", Flags: layer.Flags{Launch: true},
		Fill: func(_ context.Context, l *layer.Layer) error {
			kittest.Write(t, l.Path, map[string]string{"lib/a": "", "bin/sandbox": "", "tmp/b": ""})
			for path, mode := range map[string]os.FileMode{"bin/sandbox": 0o755 | os.ModeSetuid | os.ModeSetgid, "tmp": 0o777 | os.ModeSticky} {
				if err := os.Chmod(filepath.Join(l.Path, path), mode); err != nil {
					return err
				}
			}
			return os.Symlink(dir, filepath.Join(l.Path, "link"))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		"": 0o777 | os.ModeDir, "app": 0o755 | os.ModeDir, "app/lib": 0o755 | os.ModeDir, "app/lib/a": 0o644,
		"app/bin/sandbox": 0o755, "app/tmp": 0o777 | os.ModeDir,
	} {
		info, err := os.Lstat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%q has mode %s, want %s", path, info.Mode(), want)
		}
	}
}
