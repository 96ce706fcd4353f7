package linkage_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestWritable opens folders that are there and ones that are not. What is beside them, and what links lead to, stays as it is.
func TestWritable(t *testing.T) {
	t.Parallel()
	const heading = "  Folders that processes may write to\n"
	type modes = map[string]os.FileMode
	data := modes{"data": 0o775, "data/seed.db": 0o664, "data/run": 0o775}
	with := func(more modes) modes {
		all := maps.Clone(data)
		maps.Copy(all, more)
		return all
	}
	for name, test := range map[string]struct {
		folders string
		modes   modes // of what the folders change
		log     string
		fault   string
	}{
		"none":   {},
		"there":  {folders: "data", modes: data, log: heading + "    data           2 files\n"},
		"made":   {folders: "public/uploads/", modes: modes{"public/uploads": 0o775}, log: heading + "    public/uploads 0 files\n"},
		"deep":   {folders: "a/b/c", modes: modes{"a": 0o755, "a/b": 0o755, "a/b/c": 0o775}},
		"two":    {folders: "./data:tmp", modes: with(modes{"tmp": 0o775})},
		"all":    {folders: ".", modes: with(modes{"": 0o775, "public": 0o775, "public/index.html": 0o664, "server.js": 0o664})},
		"path":   {folders: "/data", fault: `"/data", which is outside the app`},
		"above":  {folders: "data/../../x", fault: `"data/../../x", which is outside the app`},
		"file":   {folders: "server.js", fault: `"server.js", which is a file or a link`},
		"link":   {folders: "link", fault: `"link", which is a file or a link`},
		"by":     {folders: "link/x", fault: `"link/x", which lies below a file, or a link that leads out of the app`},
		"below":  {folders: "server.js/x", fault: `"server.js/x", which lies below a file, or a link that leads out of the app`},
		"second": {folders: "data:/x", fault: `"/x", which is outside the app`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			app, outside := filepath.Join(root, "app"), filepath.Join(root, "outside")
			kittest.Write(t, outside, map[string]string{"file": ""})
			kittest.Write(t, app, map[string]string{"data/seed.db": "", "data/run": "", "public/index.html": "", "server.js": ""})
			if err := os.Chmod(filepath.Join(app, "data/run"), 0o755); err != nil {
				t.Fatal(err)
			}
			for link, to := range map[string]string{"link": outside, "data/out": filepath.Join(outside, "file")} {
				if err := os.Symlink(to, filepath.Join(app, link)); err != nil {
					t.Fatal(err)
				}
			}
			layers := filepath.Join(root, "layers", "strata_linkage")
			kittest.Write(t, layers, nil)
			kittest.Write(t, filepath.Join(root, "layers", "other_go"), map[string]string{
				"launch.toml": "[[processes]]\ntype = \"web\"\ncommand = [\"x\"]\n",
			})
			want := modes{
				"": 0o755, "data": 0o755, "data/seed.db": 0o644, "data/run": 0o755, "public": 0o755, "public/index.html": 0o644, "server.js": 0o644,
			}
			maps.Copy(want, test.modes)

			got := kittest.Build(t, kittest.Case{
				AppDir: app, Layers: layers, Distro: "debian", Env: config.Environment{"BP_WRITABLE_FOLDERS": test.folders},
			})
			if test.fault != "" {
				if got.Code != 1 || !strings.Contains(got.Stderr, "BP_WRITABLE_FOLDERS names "+test.fault) {
					t.Errorf("code %d and %q, want %s", got.Code, got.Stderr, test.fault)
				}
			} else if got.Code != 0 || !strings.Contains(got.Log(), test.log) || test.folders == "" && strings.Contains(got.Log(), heading) {
				t.Errorf("code %d and\n%s\nwant\n%s", got.Code, got.Log(), test.log)
			}
			if test.fault == "" {
				if diff := cmp.Diff(want, modesIn(t, app)); diff != "" {
					t.Errorf("modes (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(map[string]os.FileMode{"": 0o755, "file": 0o644}, modesIn(t, outside)); diff != "" {
				t.Errorf("modes outside (-want +got):\n%s", diff)
			}
		})
	}
}

// modesIn returns those of a folder and of the files and folders in it.
func modesIn(t *testing.T, dir string) map[string]os.FileMode {
	t.Helper()
	found := map[string]os.FileMode{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			found[strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")] = info.Mode().Perm()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
