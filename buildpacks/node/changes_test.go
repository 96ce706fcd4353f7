package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestChanges changes packages as scripts do and looks at what of it reaches the layer.
func TestChanges(t *testing.T) {
	t.Parallel()
	install, app, changes, layer := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "changes"), t.TempDir()
	installed := map[string]string{
		"node_modules/a/package.json": "{}", "node_modules/a/index.js": "old", "node_modules/a/gone.js": "", "node_modules/a/lib/gone.js": "",
		"node_modules/.pnpm/b@1/node_modules/@s/b/index.js": "old", "node_modules/.pnpm/lock.yaml": "old",
		"node_modules/.store/c-npm-1/package/index.js": "old", "node_modules/dev/index.js": "old", "node_modules/.modules.yaml": "old", "node_modules/.prisma/stub.js": "same",
	}
	kittest.Write(t, install, installed)
	kittest.Write(t, app, installed)
	kittest.Write(t, layer, map[string]string{
		"node_modules/a/package.json": "{}", "node_modules/a/index.js": "old", "node_modules/a/gone.js": "", "node_modules/a/lib/gone.js": "",
		"node_modules/.pnpm/b@1/node_modules/@s/b/index.js": "old", "node_modules/.store/c-npm-1/package/index.js": "old",
	})
	kittest.Write(t, app, map[string]string{
		"node_modules/a/index.js": "new", "node_modules/.pnpm/b@1/node_modules/@s/b/index.js": "new", "node_modules/.pnpm/lock.yaml": "new",
		"node_modules/.store/c-npm-1/package/index.js": "new",
		"node_modules/dev/index.js":                    "new", "node_modules/.modules.yaml": "new", "node_modules/.prisma/client.js": "generated",
		"node_modules/.cache/x": "", "node_modules/made/index.js": "made", "src/index.js": "",
	})
	for _, err := range []error{
		os.Remove(filepath.Join(app, "node_modules/a/gone.js")), os.RemoveAll(filepath.Join(app, "node_modules/a/lib")),
		os.Chmod(filepath.Join(app, "node_modules/a/package.json"), 0o755),
		os.Symlink("../src", filepath.Join(app, "node_modules/~")),
		copyChanges(changes, install, app, project.ModulesDir),
		copyChanges(changes, install, app, "packages/none/"+project.ModulesDir),
		applyChanges(layer, changes, install, tree{root: install, app: app, packages: map[string]*installedPackage{
			"node_modules/a": {}, "node_modules/.pnpm/b@1/node_modules/@s/b": {}, "node_modules/.store/c-npm-1/package": {},
		}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"node_modules/a/package.json": "{}", "node_modules/a/index.js": "new", "node_modules/.pnpm/b@1/node_modules/@s/b/index.js": "new",
		"node_modules/.prisma/client.js": "generated", "node_modules/.prisma/stub.js": "same", "node_modules/made/index.js": "made",
		"node_modules/.store/c-npm-1/package/index.js": "new",
	}
	for name, content := range want {
		if got, err := os.ReadFile(filepath.Join(layer, name)); err != nil || string(got) != content {
			t.Errorf("%s is %q, want %q (%v)", name, got, content, err)
		}
	}
	var names []string
	for _, name := range entries(t, layer, app) {
		if want[name] == "" {
			names = append(names, name)
		}
	}
	if diff := cmp.Diff([]string{"node_modules/~ -> APP/src"}, names); diff != "" {
		t.Errorf("other files of the layer (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(layer, "node_modules/a/package.json")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("a changed mode does not reach the layer: %v %v", info, err)
	}
}

// TestNoChanges has scripts that change nothing, and one that removes all packages.
func TestNoChanges(t *testing.T) {
	t.Parallel()
	install, app, changes := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "changes")
	kittest.Write(t, install, map[string]string{"node_modules/a/index.js": ""})
	for _, now := range []map[string]string{{}, {"node_modules/a/index.js": ""}} {
		kittest.Write(t, app, now)
		if err := copyChanges(changes, install, app, project.ModulesDir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(changes); !os.IsNotExist(err) {
			t.Errorf("with %v there are changes (%v)", now, err)
		}
	}
}
