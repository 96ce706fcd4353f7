package integration

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// TestNode builds, asks, rebuilds and changes each sample.
func TestNode(t *testing.T) {
	suite(t)
	t.Parallel()
	name := image(t)
	tests := []struct {
		app, path, answer    string
		file, from, to, then string // a change of code, and what is answered after it
		layers               []string
		purls                []string
		absent               string // a package that is only for development
		flags                []string
	}{
		{
			app: "hello", path: "/env", answer: "production",
			file: "server.js", from: "process.env.NODE_ENV", to: "'changed'", then: "changed",
			layers: []string{"node"},
		},
		{
			app: "express", path: "/", answer: "Hello from a patched Express.\n",
			file: "main.js", from: "Hello", to: "Goodbye", then: "Goodbye from a patched Express.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/express@5."}, absent: "node_modules/patch-package/",
		},
		{
			app: "typescript", path: "/", answer: "A week has 604800000 ms.\n",
			file: "src/server.ts", from: "A week", to: "One week", then: "One week has 604800000 ms.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/ms@2."}, absent: "node_modules/typescript/",
		},
		{
			app: "workspaces", path: "/", answer: "Hello from npm, in 1d.\n",
			file: "packages/greeting/index.js", from: "in", to: "within", then: "Hello from npm, within 1d.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/debug@4."}, absent: "escape-html/",
			flags: []string{"-e", "BP_NODE_PROJECT_PATH=packages/web"},
		},
		{
			app: "pnpm", path: "/", answer: "Hello from pnpm, in 1d.\n",
			file: "packages/greeting/index.js", from: "in", to: "within", then: "Hello from pnpm, within 1d.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/debug@4."}, absent: "escape-html/",
			flags: []string{"-e", "BP_NODE_PROJECT_PATH=packages/web"},
		},
		{
			app: "pnpm7", path: "/", answer: "Hello from pnpm 7, in 1d.\n",
			file: "server.js", from: "Hello", to: "Goodbye", then: "Goodbye from pnpm 7, in 1d.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/ms@2."}, absent: "escape-html/",
		},
		{
			app: "yarn", path: "/", answer: "Hello from Yarn 1, in 1d.\n",
			file: "server.js", from: "Hello", to: "Goodbye", then: "Goodbye from Yarn 1, in 1d.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html/",
		},
		{
			app: "berry", path: "/", answer: "Hello from Yarn, in 1d, stamped.\n",
			file: "server.js", from: "from Yarn", to: "from Yarn by now", then: "Hello from Yarn by now, in 1d, stamped.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html/",
		},
		{
			app: "pnp", path: "/", answer: "Hello from Plug'n'Play, in 1d.\n",
			file: "server.js", from: "Hello", to: "Goodbye", then: "Goodbye from Plug'n'Play, in 1d.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html",
		},
		{
			app: "pnp2", path: "/", answer: "Hello from Yarn 2, in 1d.\n",
			file: "server.js", from: "Hello", to: "Goodbye", then: "Goodbye from Yarn 2, in 1d.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html",
		},
		{
			app: "pnp3", path: "/", answer: "Hello from Yarn 3.\n",
			file: "public/index.html", from: "Hello", to: "Goodbye", then: "Goodbye from Yarn 3.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/http-server@14.", "pkg:npm/mime@1."}, absent: "escape-html",
		},
		{
			app: "local", path: "/", answer: "Hello from a folder, in 1d.\n",
			file: "lib/greeting/index.js", from: "Hello", to: "Goodbye", then: "Goodbye from a folder, in 1d.\n",
			layers: []string{"modules", "node"}, purls: []string{"pkg:npm/ms@2."}, absent: "escape-html/",
		},
		{
			app: "bun", path: "/", answer: "Hello from Bun, in 1d.\n",
			file: "server.ts", from: "Hello", to: "Goodbye", then: "Goodbye from Bun, in 1d.\n",
			layers: []string{"bun", "modules"}, purls: []string{"pkg:npm/debug@4.", "pkg:npm/ms@2."}, absent: "escape-html/",
		},
	}
	nodeLayers := map[string]string{} // release -> digest
	for _, tt := range tests {
		t.Run(tt.app, func(t *testing.T) {
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
	})
}

// TestNodeProcfile lets the build plan say who starts a process of a Procfile: the script of web is started without npm, and
// with its variable, which the worker does not have.
func TestNodeProcfile(t *testing.T) {
	suite(t)
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

// TestNodeFails has one golden file per mistake that only the whole product shows.
func TestNodeFails(t *testing.T) {
	suite(t)
	t.Parallel()
	name := image(t)
	tests := []struct {
		name, app string
		flags     []string
		files     map[string]string // instead of an app
	}{
		{name: "node-on-static", app: "hello", flags: []string{"--run-image", "static"}},
		// A release that no other test has installed for all apps.
		{name: "node-offline", app: "hello", flags: []string{
			"--network", "none", "-e", "BP_NODE_VERSION=24.0.1", "-e", "NPM_CONFIG_REGISTRY=http://127.0.0.1:9",
		}},
		{name: "node-outdated", app: "pnpm", flags: []string{"-e", "BP_NODE_PROJECT_PATH=packages/web"}},
		{name: "node-nothing-to-start", files: map[string]string{"package.json": `{}`, "app.js": ""}},
		{name: "node-main-outside", files: map[string]string{"package.json": `{"main": "../server.js"}`, "server.js": ""}},
		{name: "node-main-missing", files: map[string]string{"package.json": `{"main": "dist/server"}`, "server.js": ""}},
		{
			name: "front-end-template", flags: []string{"-e", "BP_NODE_VENDORED_ENABLED=true"},
			files: map[string]string{
				"package.json": `{"scripts": {"build": "mkdir -p target && cp public/index.html target"},
					"devDependencies": {"vite": "1"}}`,
				"node_modules/vite/package.json": `{"name": "vite", "version": "1.0.0"}`, "public/index.html": "",
			},
		},
		{name: "node-script", files: map[string]string{"package.json": `{"scripts": {"build": "echo no compiler >&2; exit 3"}}`,
			"server.js": ""}},
		{name: "node-script-of-install", files: map[string]string{"package.json": `{"scripts": {"postinstall": "node generate.js"}}`,
			"generate.js": "process.exit(3)", "server.js": ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := ""
			if tt.files != nil {
				app = writeApp(t, tt.files)
			} else {
				app = nodeSample(t, tt.app)
			}
			if tt.name == "node-outdated" {
				edit(t, app, "packages/greeting/package.json", "^4.4.0", "^4.3.0")
			}
			got := strata(t, append([]string{"build", app, "-t", name}, tt.flags...)...)
			if got.status != 1 || got.stdout != "" {
				t.Errorf("status %d and %q on stdout, want 1 and nothing", got.status, got.stdout)
			}
			golden(t, "fail/"+tt.name+".txt", words(got.stderr, app))
		})
	}
}

// TestNodeBinding installs a package of a private registry, whose token is in a binding and must stay there.
func TestNodeBinding(t *testing.T) {
	suite(t)
	t.Parallel()
	const token = "npm-token-of-the-test"
	registry := privateRegistry(t, token)
	app := writeApp(t, map[string]string{
		"package.json": `{"dependencies": {"@private/word": "1.0.0"}}`,
		"index.js":     "console.log(require('@private/word'));\n",
	})
	binding := filepath.Join(t.TempDir(), "company")
	settings := "@private:registry=" + registry.URL + "/\n//" + strings.TrimPrefix(registry.URL, "http://") + "/:_authToken=" + token + "\n"
	for file, content := range map[string]string{"type": "npmrc", ".npmrc": settings} {
		err := os.MkdirAll(binding, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(binding, file), []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	name := image(t)
	got := strata(t, "build", app, "-t", name, "-q", "--binding", binding)
	if got.status != 0 {
		t.Fatalf("with the binding: status %d\n%s", got.status, got.stderr)
	}
	if word := output(t, name); word != "private indeed" {
		t.Errorf("it prints %q", word)
	}
	inspect(t, digestOf(t, got)).checkSecret(t, token)
}

// privateRegistry serves the npm package @private/word 1.0.0 to who knows the token.
func privateRegistry(t *testing.T, token string) *httptest.Server {
	t.Helper()
	archive := npmArchive(t, map[string]string{"package.json": `{"name": "@private/word", "version": "1.0.0"}`,
		"index.js": "module.exports = 'private indeed';\n"})
	sum := sha512.Sum512(archive)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer "+token:
			http.Error(w, "who are you?", http.StatusUnauthorized)
		case strings.HasSuffix(r.URL.Path, ".tgz"):
			_, _ = w.Write(archive) // npm sees what is missing by the hash
		default:
			fmt.Fprintf(w, `{"name": "@private/word", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {
				"name": "@private/word", "version": "1.0.0",
				"dist": {"tarball": "http://%s/word.tgz", "integrity": "sha512-%s"}}}}`, r.Host, base64.StdEncoding.EncodeToString(sum[:]))
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// npmArchive packs a package as npm does.
func npmArchive(t *testing.T, content map[string]string) []byte {
	t.Helper()
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	files := tar.NewWriter(zipped)
	for name, text := range content {
		err := files.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(text))})
		if err == nil {
			_, err = io.WriteString(files, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}
