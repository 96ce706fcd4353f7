package layout_test

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestInterpreter has the kernel start programs with Node.js where their first lines ask env for it.
func TestInterpreter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	install, app := t.TempDir(), t.TempDir()
	kittest.Write(t, app, files{"package.json": `{"dependencies": {"a": "1"}}`})
	found := files{"package.json": "{}", "cli.js": "#!/usr/bin/env node\nmain()\n", "long.js": "#!/usr/bin/env node\r\n" + long,
		"option.js": "#!/usr/bin/env -S node --no-warnings\n", "options.js": "#!/usr/bin/env -S node --a --b\n", "bun.js": "#!/usr/bin/env bun\n",
		"space.js": "#!/usr/bin/env node \r\n", "library.js": "// #!/usr/bin/env node\n",
		"other.sh": "#!/usr/bin/env nodejs-x\n",
		"path.js":  "#!/usr/bin/node\n"}
	for name, content := range found {
		kittest.Write(t, install, files{"node_modules/a/" + name: content})
	}
	for runtime, changed := range map[string]files{
		"/layers/node/bin/node": {"bun.js": found["bun.js"]}, "/layers/bun/bin/bun": {"bun.js": "#!/layers/bun/bin/bun\n"},
	} {
		layer := t.TempDir()
		l := trees(t, app, ".", install)
		l.Runtime = runtime
		if _, err := l.Fill(t.Context(), layer, ""); err != nil {
			t.Fatal(err)
		}
		want := maps.Clone(found)
		maps.Copy(want, changed)
		maps.Copy(want, files{
			"cli.js": "#!" + runtime + "\nmain()\n", "long.js": "#!" + runtime + "\n" + long, "space.js": "#!" + runtime + "\n",
			"option.js": "#!" + runtime + " --no-warnings\n",
		})
		if diff := cmp.Diff(want, kittest.Files(t, filepath.Join(layer, "node_modules/a"))); diff != "" {
			t.Errorf("the layer with %s (-want +got):\n%s", runtime, diff)
		}
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
