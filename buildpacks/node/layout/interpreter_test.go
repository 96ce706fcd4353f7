package layout_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestInterpreter has the kernel start programs with Node.js where their first lines ask env for it.
func TestInterpreter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	install, layer, app := t.TempDir(), t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{"package.json": `{"dependencies": {"a": "1"}}`})
	found := files{"package.json": "{}", "cli.js": "#!/usr/bin/env node\nmain()\n", "long.js": "#!/usr/bin/env node\r\n" + long,
		"option.js": "#!/usr/bin/env -S node --no-warnings\n", "library.js": "// #!/usr/bin/env node\n",
		"other.sh": "#!/usr/bin/env nodejs-x\n",
		"path.js":  "#!/usr/bin/node\n"}
	for name, content := range found {
		kittest.Write(t, install, files{"node_modules/a/" + name: content})
	}
	l := trees(t, app, ".", install)
	l.Node = "/layers/node/bin/node"
	if _, err := l.Fill(t.Context(), layer, ""); err != nil {
		t.Fatal(err)
	}
	want := files{"node_modules/a/other.sh": found["other.sh"], "node_modules/a/path.js": found["path.js"],
		"node_modules/a/package.json": "{}",
		"node_modules/a/library.js":   found["library.js"], "node_modules/a/cli.js": "#!/layers/node/bin/node\nmain()\n",
		"node_modules/a/long.js": "#!/layers/node/bin/node\n" + long, "node_modules/a/option.js": "#!/layers/node/bin/node --no-warnings\n"}
	if diff := cmp.Diff(want, kittest.Files(t, layer)); diff != "" {
		t.Errorf("the layer (-want +got):\n%s", diff)
	}
}

// TestRoots keeps a workspace, and a package for development, with what they need.
func TestRoots(t *testing.T) {
	t.Parallel()
	install, layer, app := t.TempDir(), t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{
		"package.json": `{"workspaces": ["*"], "devDependencies": {"tsx": "1", "d": "1"}}`, "api/package.json": `{"dependencies": {"ms": "1"}}`,
		"other/package.json": `{"dependencies": {"o": "1"}}`,
	})
	kittest.Write(t, install, files{
		"node_modules/tsx/package.json": `{"dependencies": {"esbuild": "1"}}`, "node_modules/esbuild/package.json": "{}",
		"node_modules/d/package.json": "{}", "node_modules/ms/package.json": "{}", "node_modules/o/package.json": "{}",
	})
	l := trees(t, app, ".", install)
	l.Project.Roots = []string{"api", "tsx", "absent"}
	if _, err := l.Fill(t.Context(), layer, ""); err != nil {
		t.Fatal(err)
	}
	want := []string{"node_modules/esbuild/package.json", "node_modules/ms/package.json", "node_modules/tsx/package.json"}
	if diff := cmp.Diff(want, entries(t, layer, app)); diff != "" {
		t.Errorf("the layer (-want +got):\n%s", diff)
	}
}
