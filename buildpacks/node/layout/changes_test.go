package layout_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
)

// TestChanges changes packages as scripts do and looks at what of it reaches the layer.
func TestChanges(t *testing.T) {
	t.Parallel()
	install, app, changes, layer := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "changes"), t.TempDir()
	kittest.Write(t, install, files{
		"node_modules/a/package.json": "{}", "node_modules/a/index.js": "old", "node_modules/a/gone.js": "", "node_modules/a/lib/gone.js": "",
		"node_modules/.pnpm/b@1/node_modules/@s/b/package.json": "{}", "node_modules/.pnpm/b@1/node_modules/@s/b/index.js": "old",
		"node_modules/.pnpm/lock.yaml": "old", "node_modules/.store/c-npm-1/package/package.json": "{}",
		"node_modules/.store/c-npm-1/package/index.js": "old", "node_modules/dev/index.js": "old", "node_modules/.modules.yaml": "old",
		"node_modules/dev/package.json": "{}", "node_modules/dev/node_modules/.made/x.js": "", "node_modules/.cache/y": "",
		"node_modules/.bin/z":          "",
		"node_modules/.prisma/stub.js": "same", "node_modules/.prisma/client/old.js": "old", "node_modules/beside/index.js": "same",
		"node_modules/single.js": "same",
	})
	link(t, filepath.Join(install, "node_modules/@s/b"), "../.pnpm/b@1/node_modules/@s/b")
	link(t, filepath.Join(install, "node_modules/c"), ".store/c-npm-1/package")
	kittest.Write(t, app, files{"package.json": `{"dependencies": {"a": "1", "@s/b": "1", "c": "1"}, "devDependencies": {"dev": "1"}}`})
	l := trees(t, app, "", install)
	if err := l.Lend(t.Context()); err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, app, files{
		"node_modules/a/index.js": "new", "node_modules/.pnpm/b@1/node_modules/@s/b/index.js": "new", "node_modules/.pnpm/lock.yaml": "new",
		"node_modules/.store/c-npm-1/package/index.js": "new",
		"node_modules/dev/index.js":                    "new", "node_modules/.modules.yaml": "new", "node_modules/.prisma/client.js": "generated",
		"node_modules/.cache/x": "", "node_modules/.vite/deps": "", "node_modules/made/index.js": "made", "src/index.js": "",
	})
	for _, err := range []error{
		os.Remove(filepath.Join(app, "node_modules/a/gone.js")), os.RemoveAll(filepath.Join(app, "node_modules/a/lib")),
		os.Chmod(filepath.Join(app, "node_modules/a/package.json"), 0o755),
		os.Symlink("../src", filepath.Join(app, "node_modules/~")), os.Remove(filepath.Join(app, "node_modules/.prisma/client/old.js")),
		l.Keep(t.Context(), changes),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Fill(t.Context(), layer, changes); err != nil {
		t.Fatal(err)
	}
	want := files{
		"node_modules/a/package.json": "{}", "node_modules/a/index.js": "new",
		"node_modules/.pnpm/b@1/node_modules/@s/b/package.json": "{}", "node_modules/.pnpm/b@1/node_modules/@s/b/index.js": "new",
		"node_modules/.prisma/client.js": "generated", "node_modules/.prisma/stub.js": "same", "node_modules/made/index.js": "made",
		"node_modules/beside/index.js": "same", "node_modules/single.js": "same",
		"node_modules/.store/c-npm-1/package/package.json": "{}", "node_modules/.store/c-npm-1/package/index.js": "new",
	}
	for name, content := range want {
		if got, err := os.ReadFile(filepath.Join(layer, name)); err != nil || string(got) != content {
			t.Errorf("%s is %q, want %q (%v)", name, got, content, err)
		}
	}
	var others []string
	for _, name := range entries(t, layer, app) {
		if want[name] == "" {
			others = append(others, name)
		}
	}
	links := []string{
		"node_modules/@s/b -> ../.pnpm/b@1/node_modules/@s/b", "node_modules/c -> .store/c-npm-1/package", "node_modules/~ -> APP/src",
	}
	if diff := cmp.Diff(links, others); diff != "" {
		t.Errorf("other files of the layer (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(layer, "node_modules/a/package.json")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("a changed mode does not reach the layer: %v %v", info, err)
	}
}

// TestNoChanges has scripts that change nothing, and one that removes all packages.
func TestNoChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(l layout.Trees) error{
		"nothing": func(l layout.Trees) error { return l.Lend(context.Background()) },
		"removed": layout.Trees.Unlink,
	} {
		install, app, changes := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "changes")
		kittest.Write(t, install, files{"node_modules/a/index.js": ""})
		kittest.Write(t, app, files{"package.json": `{"workspaces": ["web"]}`, "web/package.json": "{}"})
		l := trees(t, app, "", install)
		if err := change(l); err != nil {
			t.Fatal(err)
		}
		if err := l.Keep(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(changes); !os.IsNotExist(err) {
			t.Errorf("%s: there are changes (%v)", name, err)
		}
	}
}
