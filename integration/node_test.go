package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// nodeSample copies a sample app to a folder of the test's own.
func nodeSample(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "node", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestNodeBuild builds each sample and asks it, builds it again, and changes it.
func TestNodeBuild(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	name := image(t)
	tests := []struct {
		who                  who
		app, path, answer    string
		file, from, to, then string // a change of code, and what is answered after it
		layers               []string
		purls                []string
		absent               string // a package that is only for development
		flags                []string
	}{
		{
			who: everyUser, app: "hello", path: "/env", answer: "production",
			file: "server.js", from: "process.env.NODE_ENV", to: "'changed'", then: "changed",
			layers: []string{"node", "start"},
		},
		{
			who: everyUser, app: "express", path: "/", answer: "Hello from a patched Express.\n",
			file: "main.js", from: "Hello", to: "Goodbye", then: "Goodbye from a patched Express.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/express@5."}, absent: "node_modules/patch-package/",
		},
		{
			who: anyUser, app: "typescript", path: "/", answer: "A week has 604800000 ms.\n",
			file: "src/server.ts", from: "A week", to: "One week", then: "One week has 604800000 ms.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/ms@2."}, absent: "node_modules/typescript/",
		},
		{
			who: anyUser, app: "workspaces", path: "/", answer: "Hello from npm, in 1d.\n",
			file: "packages/greeting/index.js", from: "in", to: "within", then: "Hello from npm, within 1d.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/debug@4."}, absent: "escape-html/",
			flags: []string{"-e", "BP_NODE_PROJECT_PATH=packages/web"},
		},
		{
			who: anyUser, app: "pnpm", path: "/", answer: "Hello from pnpm, in 1d.\n",
			file: "packages/greeting/index.js", from: "in", to: "within", then: "Hello from pnpm, within 1d.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/debug@4."}, absent: "escape-html/",
			flags: []string{"-e", "BP_NODE_PROJECT_PATH=packages/web"},
		},
		{
			who: nightly, app: "pnpm7", path: "/", answer: "Hello from pnpm 7, in 1d.\n",
			file: "server.js", from: "Hello", to: "Goodbye", then: "Goodbye from pnpm 7, in 1d.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/ms@2."}, absent: "escape-html/",
		},
		{
			who: anyUser, app: "yarn", path: "/", answer: "Hello from Yarn 1, in 1d.\n",
			file: "server.js", from: "Hello", to: "Goodbye", then: "Goodbye from Yarn 1, in 1d.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html/",
		},
		{
			who: anyUser, app: "berry", path: "/", answer: "Hello from Yarn, in 1d, stamped.\n",
			file: "server.js", from: "from Yarn", to: "from Yarn by now", then: "Hello from Yarn by now, in 1d, stamped.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html/",
		},
		{
			who: anyUser, app: "pnp", path: "/", answer: "Hello from Plug'n'Play, in 1d.\n",
			file: "server.js", from: "Hello", to: "Goodbye", then: "Goodbye from Plug'n'Play, in 1d.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html",
		},
		{
			who: nightly, app: "pnp2", path: "/", answer: "Hello from Yarn 2, in 1d.\n",
			file: "server.js", from: "Hello", to: "Goodbye", then: "Goodbye from Yarn 2, in 1d.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html",
		},
		{
			who: nightly, app: "pnp3", path: "/", answer: "Hello from Yarn 3.\n",
			file: "public/index.html", from: "Hello", to: "Goodbye", then: "Goodbye from Yarn 3.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/http-server@14.", "pkg:npm/mime@1."}, absent: "escape-html",
		},
		{
			who: nightly, app: "local", path: "/", answer: "Hello from a folder, in 1d.\n",
			file: "lib/greeting/index.js", from: "Hello", to: "Goodbye", then: "Goodbye from a folder, in 1d.\n",
			layers: []string{"modules", "node", "start"}, purls: []string{"pkg:npm/ms@2."}, absent: "escape-html/",
		},
		{
			who: anyUser, app: "bun", path: "/", answer: "Hello from Bun, in 1d.\n",
			file: "server.ts", from: "Hello", to: "Goodbye", then: "Goodbye from Bun, in 1d.\n",
			layers: []string{"bun", "modules", "start"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html/",
		},
	}
	nodeLayers := map[string]string{} // release -> digest
	for _, tt := range tests {
		t.Run(tt.app, func(t *testing.T) {
			skipShown(t, tt.who)
			app := nodeSample(t, tt.app)
			digest := build(t, app, name, tt.flags...)
			if body := ask(t, name, tt.path); !strings.HasPrefix(body, tt.answer) {
				t.Errorf("%s answers %q, want %q", tt.path, body, tt.answer)
			}
			if again := build(t, app, name, tt.flags...); again != digest {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
			}
			first := inspect(t, digest)
			edit(t, app, tt.file, tt.from, tt.to)
			second := open(t, build(t, app, name, tt.flags...))
			if body := ask(t, name, tt.path); !strings.HasPrefix(body, tt.then) {
				t.Errorf("after the change %s answers %q, want %q", tt.path, body, tt.then)
			}
			layers := first.layersOf(t, "strata/node")
			if diff := cmp.Diff(tt.layers, sortedKeys(layers)); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(layers, second.layersOf(t, "strata/node")); diff != "" {
				t.Errorf("a change of code changes layers (-before +after):\n%s", diff)
			}
			first.checkNode(t, tt.purls, tt.absent, nodeLayers)
		})
	}
	t.Run("heap", func(t *testing.T) {
		skipShown(t, anyUser)
		app := nodeSample(t, "hello")
		build(t, app, name)
		if part := ask(t, name, "/heap"); strings.TrimSpace(part) != "0.5" {
			t.Errorf("the heap may have %s of the memory, want 0.5", part)
		}
		if home := strings.TrimSpace(ask(t, name, "/home")); home != "/home/nonroot" { // as container engines set it
			t.Errorf("HOME is %q, want /home/nonroot", home)
		}
		build(t, app, name, "-e", "BP_NODE_VERSION=20.11.0") // which does not know the option
		ask(t, name, "/env")
		edit(t, app, "package.json", `"node server.js`, `"cross-env NODE_ENV=staging PORT=1 node server.js`)
		build(t, app, name)
		if body := strings.TrimSpace(ask(t, name, "/env")); body != "staging" { // at the port that the platform says
			t.Errorf("the script sets NODE_ENV to staging, and it is %q", body)
		}
		edit(t, app, "package.json", `PORT=1 node server.js`, `PORT=1 node -e 0 && exec env NODE_ENV=${UNSET:-listed} node server.js`)
		build(t, app, name)
		if body := strings.TrimSpace(ask(t, name, "/env")); body != "listed" { // the launch helper runs a list
			t.Errorf("the list sets NODE_ENV to listed, and it is %q", body)
		}
	})
}

// TestNodeProcfile has two processes in a Procfile. The buildpack starts the script of web without npm and with its variable. The
// worker does not have the variable.
func TestNodeProcfile(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	name := image(t)
	app := nodeSample(t, "hello")
	text := "\ufeffweb: NODE_ENV=staging npm start\r\nworker: node server.js --greeting 'Hello from a worker.'\n"
	if err := os.WriteFile(filepath.Join(app, "Procfile"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got := inspect(t, build(t, app, name))
	if diff := cmp.Diff([]string{"web*", "worker"}, got.processes(t)); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	answers := map[string][2]string{"web": {"Hello from Node.js.", "staging"}, "worker": {"Hello from a worker.", "production"}}
	for process, want := range answers {
		for i, path := range []string{"/", "/env"} {
			if body := strings.TrimSpace(ask(t, name, path, "--process", process)); body != want[i] {
				t.Errorf("%s of %s answers %q, want %q", path, process, body, want[i])
			}
		}
	}
}

// checkNode looks at the files and the bill of materials of an app's image.
func (b built) checkNode(t *testing.T, purls []string, absent string, nodeLayers map[string]string) {
	t.Helper()
	all := b.purls(t)
	for _, prefix := range purls {
		if !slices.ContainsFunc(all, func(p string) bool { return strings.HasPrefix(p, prefix) }) {
			t.Errorf("the SBOM has no %s: %v", prefix, all)
		}
	}
	files := b.files(t)
	for _, gone := range []string{"/bin/npm", "/include/node/", absent} {
		if gone != "" && strings.Contains(files, gone) {
			t.Errorf("the image has %s", gone)
		}
	}
	if label := b.config.Config.Labels["io.buildpacks.base.distro.name"]; label != "strata-glibc" {
		t.Errorf("the run image is %s, want strata-glibc", label)
	}
	if diff := cmp.Diff([]string{"web*"}, b.processes(t)); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	var metadata struct {
		Buildpacks []struct {
			Key    string
			Layers map[string]struct {
				SHA  string
				Data struct{ Key string }
			}
		}
	}
	b.label(t, "io.buildpacks.lifecycle.metadata", &metadata)
	for _, buildpack := range metadata.Buildpacks {
		if node, ok := buildpack.Layers["node"]; ok {
			if other, seen := nodeLayers[node.Data.Key]; seen && other != node.SHA {
				t.Errorf("layer node %s is %s, in another app %s", node.Data.Key, node.SHA, other)
			}
			nodeLayers[node.Data.Key] = node.SHA
		}
	}
}

// layersOf returns the digests of a buildpack's layers by their names.
func (b built) layersOf(t *testing.T, buildpack string) map[string]string {
	t.Helper()
	var metadata struct {
		Buildpacks []struct {
			Key    string
			Layers map[string]struct{ SHA string }
		}
	}
	b.label(t, "io.buildpacks.lifecycle.metadata", &metadata)
	layers := map[string]string{}
	for _, one := range metadata.Buildpacks {
		for name, l := range one.Layers {
			if one.Key == buildpack {
				layers[name] = l.SHA
			}
		}
	}
	return layers
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// TestNodeFails has a golden file for each mistake that only the whole product shows.
func TestNodeFails(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	name := image(t)
	outdated := nodeSample(t, "pnpm")
	edit(t, outdated, "packages/greeting/package.json", "^4.4.0", "^4.3.0")
	tests := []struct {
		name, app string
		flags     []string
	}{
		{"node-on-static", nodeSample(t, "hello"), []string{"--run-image", "static"}},
		{"node-outdated", outdated, []string{"-e", "BP_NODE_PROJECT_PATH=packages/web"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strata(t, append([]string{"build", tt.app, "-t", name}, tt.flags...)...)
			if got.status != 1 || got.stdout != "" {
				t.Errorf("status %d and %q on stdout, want 1 and nothing", got.status, got.stdout)
			}
			kittest.Golden(t, "fail/"+tt.name+".txt", words(got.stderr, tt.app))
		})
	}
}

// TestNodePrivate installs a package of a private registry and a package from an archive of the app. The token of the registry is in
// a binding and must stay there.
func TestNodePrivate(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	const token = "npm-token-of-the-test"
	registry := kittest.NewTLSRegistry(t, token)
	registry.NPM(t, "@private/word", "1.0.0", map[string]string{"index.js": "module.exports = 'private indeed'\n"})
	public := kittest.NewRegistry(t)
	public.NPM(t, "packed-word", "1.0.0", map[string]string{"index.js": "module.exports = 'unpacked'\n"})
	archive, err := answerOf(t.Context(), public.URL+"/npm/packed-word/-/packed-word-1.0.0.tgz")
	if err != nil {
		t.Fatal(err)
	}
	app := writeApp(t, map[string]string{
		"package.json": `{"dependencies": {"@private/word": "1.0.0", "packed-word": "file:lib/word.tgz"}}`,
		"index.js":     "console.log(require('@private/word') + ', ' + require('packed-word'))\n", "lib/word.tgz": archive,
	})
	host := strings.TrimPrefix(registry.URL, "https:")
	settings := "@private:registry=" + registry.URL + "/npm/\n" + host + "/npm/:_authToken=" + token + "\n"
	name := image(t)
	cmd := exec.CommandContext(t.Context(), "strata", "build", app, "-t", name, "-q",
		"--binding", writeApp(t, map[string]string{"type": "npmrc", ".npmrc": settings}),
		"--network-allow", strings.TrimPrefix(registry.URL, "https://"))
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+authorities(t, registry.Authority))
	got := finish(t, cmd)
	if got.status != 0 {
		t.Fatalf("status %d\n%s", got.status, got.stderr)
	}
	if word := output(t, name); word != "private indeed, unpacked" {
		t.Errorf("it prints %q", word)
	}
	inspect(t, digestOf(t, got)).checkSecret(t, token)
}
