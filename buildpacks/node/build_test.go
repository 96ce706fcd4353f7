package node_test

import (
	"archive/zip"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// The releases of these tests are in no lock and come from a registry of the test's own.
const (
	futureNode = "24.999.0"
	futureNPM  = "11.999.0"
)

// world is what a build finds around the app.
type world struct {
	registry *kittest.Registry
	manager  kittest.Tool // the program of the package manager
}

// newWorld publishes Node.js and a package manager. Node.js is a program that takes every option and does nothing. An install
// by the package manager copies a folder; its script postinstall patches a package, and others make a file. More cases, as a
// shell has them of all arguments, go before.
func newWorld(t *testing.T, pkg, bin, version, installed string, more ...string) world {
	t.Helper()
	w := world{kittest.NewRegistry(t), kittest.NewTool(t, `case "$*" in
`+strings.Join(more, "\n")+`
"run postinstall") cp ms.patch node_modules/ms/index.js ;;
"run "*) echo "$2" >"made-by-$2"; [ ! -f copied ] || cp copied public ;;
*--production*) rm -rf node_modules/dev ;;
*--package-lock-only*) echo '{"lockfileVersion": 3, "packages": {}}' >package-lock.json ;;
*) cp -R '`+installed+`/.' . ;;
esac`)}
	publishNode(t, w.registry, futureNode, "true")
	w.publish(t, pkg, bin, version)
	return w
}

func (w world) publish(t *testing.T, pkg, bin, version string) {
	t.Helper()
	manifest := fmt.Sprintf(`{"bin": {%q: "bin/program"}}`, bin)
	program := "bin/program"
	if strings.HasPrefix(pkg, "@pnpm/") || strings.HasPrefix(pkg, "@oven/") { // which do not name them
		manifest, program = `{}`, map[string]string{"pnpm": "pnpm", "bun": "bin/bun"}[bin]
	}
	w.registry.NPM(t, pkg, version, files{"package.json": manifest, program: w.manager.Text()})
}

// release is what a release of Node.js has.
func release(program string) files {
	return files{
		"bin/node": program, "LICENSE": "Node.js is licensed\n",
		"include/node/node.h": "", "include/node/node_version.h": "#define NODE_MODULE_VERSION 137\n",
	}
}

// publishNode publishes a program of this machine as a release of Node.js.
func publishNode(t *testing.T, r *kittest.Registry, version, name string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"x64", "arm64"} {
		r.NPM(t, "node-linux-"+arch, version, release(string(program)))
	}
}

// build is the input of a build in this world.
func (w world) build(t *testing.T, app files) kittest.Case {
	t.Helper()
	return kittest.Case{
		App: app, Distro: "strata-glibc", Arch: "amd64",
		Env: config.Environment{
			"BP_NODE_VERSION": futureNode, "BP_NODE_UNVERIFIED_ENABLED": "true", "NPM_CONFIG_REGISTRY": w.registry.URL + "/npm/",
			"BP_CACHE_DIR": t.TempDir(),
		},
	}
}

// commands are the calls of the package manager, without folders.
func (w world) commands(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, call := range w.manager.Calls(t) {
		lines = append(lines, strings.Join(append([]string{filepath.Base(call.Name)}, call.Args...), " "))
	}
	return lines
}

// packages writes what an install leaves, and returns its folder. A file that begins with "-> " is a link.
func packages(t *testing.T, all files) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range all {
		target, isLink := strings.CutPrefix(content, "-> ")
		if !isLink {
			kittest.Write(t, dir, files{path: content})
			continue
		}
		kittest.Write(t, filepath.Join(dir, filepath.Dir(path)), nil)
		if err := os.Symlink(target, filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// flat is what most package managers leave of the package ms, which the app needs, and of dev, with which it is made.
var flat = files{
	"node_modules/ms/package.json": `{"name": "ms", "version": "2.1.3", "license": "MIT"}`, "node_modules/ms/index.js": "ms",
	"node_modules/ms/README.md": "words", "node_modules/dev/package.json": `{"name": "dev", "version": "1.0.0"}`,
	"node_modules/.bin/dev": "-> ../dev/cli.js", "node_modules/.package-lock.json": "{}",
}

const manifest = `{"name": "shop", "version": "1.0.0", "packageManager": %q, "scripts": {"start": "node server.js", "build": "bundle"},
	"dependencies": {"ms": "^2"}, "devDependencies": {"dev": "^1"}}`

// TestBuild makes an image's layers of an app of npm, from the download of Node.js on.
func TestBuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
	c := w.build(t, files{
		"package.json": fmt.Sprintf(manifest, "npm@"+futureNPM), "package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`,
		"server.js": "require('ms')", ".npmrc": "fund=false\n", "admin/.npmrc": "//r.example.test/:_authToken=x\n", ".git/HEAD": "",
		"node_modules/old/index.js": "",
	})
	c.Env["npm_config_loglevel"], c.Env["SECRET"] = "warn", "of the build scripts"
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	kittest.Golden(t, "build.txt", got.Log())
	made := kittest.Files(t, got.Layers)
	hide := strings.NewReplacer(got.Layers, "<layers>", got.AppDir, "<app>")
	kittest.Golden(t, "build.launch.toml", hide.Replace(made["launch.toml"]))
	kittest.Golden(t, "build.modules.cdx.json", made["modules.sbom.cdx.json"])
	kittest.Golden(t, "build.node.cdx.json", made["node.sbom.cdx.json"])

	want := files{
		"launch.toml": "file 0644", "modules.sbom.cdx.json": "file 0644", "modules.sbom.spdx.json": "file 0644", "modules.toml": "file 0644",
		"node.sbom.cdx.json": "file 0644", "node.sbom.spdx.json": "file 0644", "node.toml": "file 0644",
		"modules/": "dir 0755", "modules/node_modules/": "dir 0755", "modules/node_modules/ms/": "dir 0755",
		"modules/node_modules/ms/index.js": "file 0644", "modules/node_modules/ms/package.json": "file 0644",
		"node/": "dir 0755", "node/LICENSE": "file 0644", "node/bin/": "dir 0755", "node/bin/node": "file 0755",
		"node/env.launch/": "dir 0755", "node/env.launch/NODE_ENV.default": "file 0644", "node/env.launch/NODE_OPTIONS.default": "file 0644",
		"origins.json": "file 0644", "start.toml": "file 0644", "start/": "dir 0755", "start/env.launch/": "dir 0755",
		"start/env.launch/PATH.delim": "file 0644", "start/env.launch/PATH.prepend": "file 0644",
		"start/env.launch/npm_lifecycle_event.override": "file 0644", "start/env.launch/npm_package_name.override": "file 0644",
		"start/env.launch/npm_package_version.override": "file 0644",
	}
	if diff := cmp.Diff(want, kinds(kittest.Tree(t, got.Layers))); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	wantApp := files{
		"package.json": "file 0644", "package-lock.json": "file 0644", "server.js": "file 0644", "made-by-build": "file 0644",
		"admin/": "dir 0755", "node_modules": "symlink " + got.Layers + "/modules/node_modules",
	}
	if diff := cmp.Diff(wantApp, kinds(kittest.Tree(t, got.AppDir))); diff != "" {
		t.Errorf("the app (-want +got):\n%s", diff)
	}
	if got, want := w.commands(t), []string{"npm ci", "npm run build"}; !slices.Equal(got, want) {
		t.Errorf("commands %q, want %q", got, want)
	}
	install, script := w.manager.Calls(t)[0].Env, w.manager.Calls(t)[1].Env
	if install["npm_config_loglevel"] != "warn" || install["SECRET"] != "" || script["SECRET"] == "" {
		t.Errorf("the install sees %v, and the build script %v", install, script)
	}
	for _, name := range []string{"BP_NODE_VERSION", "CNB_TARGET_OS"} {
		if script[name] != "" {
			t.Errorf("the build script sees %s=%s", name, script[name])
		}
	}
}

// TestBuildIn starts an app in the folder that its script enters.
func TestBuildIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, t.TempDir())
	for folder, want := range map[string]string{"server": "<app>/server", "/srv": "/srv"} {
		c := w.build(t, files{
			"package.json": fmt.Sprintf(`{"packageManager": "npm@%s", "scripts": {"start": "cd %s && node a.js"}}`, futureNPM, folder),
			"server/a.js":  "",
		})
		got := kittest.Build(t, c)
		launch := strings.ReplaceAll(kittest.Files(t, got.Layers)["launch.toml"], got.AppDir, "<app>")
		if got.Code != 0 || !strings.Contains(launch, "working-dir = \""+want+"\"\n") {
			t.Errorf("cd %s: code %d\n%s\n%s", folder, got.Code, launch, got.Log())
		}
	}
}

// TestBuildLoads keeps a package for development that a file loads which the build makes.
func TestBuildLoads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat), `"run build") echo "require('dev')" >server.js ;;`)
	c := w.build(t, files{
		"package.json": fmt.Sprintf(manifest, "npm@"+futureNPM), "package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`,
	})
	got := kittest.Build(t, c)
	const want = "server.js loads dev, which is in devDependencies: it is kept; move it to dependencies"
	kept := kittest.Tree(t, got.Layers)["modules/node_modules/dev/package.json"]
	if got.Code != 0 || kept == "" || strings.Count(got.Log(), want) != 1 {
		t.Errorf("code %d, %q of the package\n%s", got.Code, kept, got.Log())
	}
}

// TestBuildLoadsPnP refuses a package that Plug'n'Play leaves out and a file loads, and warns of one that TypeScript may erase.
func TestBuildLoadsPnP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "@yarnpkg/cli-dist", "yarn", "3.999.0", packages(t, files{
		".pnp.cjs": "cjs", ".pnp.data.json": `{"packageRegistryData": [
			["shop", [["workspace:.", {"packageLocation": "./", "packageDependencies": []}]]]]}`,
	}))
	for script, want := range map[string]string{
		"node server.ts":                    "the app starts dev, of which",
		"node --import ./hook.js server.ts": "server.ts may load dev, which is in devDependencies: it is left out; move it to dependencies",
	} {
		got := kittest.Build(t, w.build(t, files{
			"package.json": strings.Replace(fmt.Sprintf(manifest, "yarn@3.999.0"), "node server.js", script, 1),
			"yarn.lock":    "__metadata:\n  version: 6\n", "server.ts": "import dev from 'dev'\n", "hook.js": "",
		}))
		if failed := strings.HasPrefix(want, "the app starts"); failed != (got.Code != 0) || strings.Count(got.Log(), want) != 1 {
			t.Errorf("%s: code %d\n%s", script, got.Code, got.Log())
		}
	}
}

// kinds is a tree without the hashes of its files.
func kinds(tree files) files {
	kept := maps.Clone(tree)
	for path, kind := range kept {
		if words := strings.Fields(kind); words[0] == "file" {
			kept[path] = words[0] + " " + words[1]
		}
	}
	return kept
}

// TestBuildByManager installs with each package manager and lays out what it left.
func TestBuildByManager(t *testing.T) {
	t.Parallel()
	pnpm := files{
		"node_modules/ms": "-> .pnpm/ms@2.1.3/node_modules/ms", "node_modules/dev": "-> .pnpm/dev@1.0.0/node_modules/dev",
		"node_modules/.pnpm/ms@2.1.3/node_modules/ms/package.json":   `{"name": "ms", "version": "2.1.3"}`,
		"node_modules/.pnpm/dev@1.0.0/node_modules/dev/package.json": `{"name": "dev", "version": "1.0.0"}`,
		"node_modules/.pnpm/node_modules/dev":                        "-> ../dev@1.0.0/node_modules/dev",
	}
	inPnpm := []string{"node_modules/.pnpm/ms@2.1.3/node_modules/ms/package.json", "node_modules/ms"}
	inFlat := []string{"node_modules/ms/index.js", "node_modules/ms/package.json"}
	plugged := files{
		".pnp.cjs": "cjs", ".pnp.data.json": `{"packageRegistryData": [
			["shop", [["workspace:.", {"packageLocation": "./", "packageDependencies": [["ms", "npm:2.1.3"], ["dev", "npm:1.0.0"]]}]]],
			["ms", [["npm:2.1.3", {"packageLocation": "./.yarn/cache/ms.zip/node_modules/ms/", "packageDependencies": []}]]],
			["dev", [["npm:1.0.0", {"packageLocation": "./.yarn/cache/dev.zip/node_modules/dev/", "packageDependencies": []}]]]]}`,
		".yarn/cache/ms.zip":  zipOf(t, "node_modules/ms/package.json", `{"name": "ms", "version": "2.1.3"}`),
		".yarn/cache/dev.zip": zipOf(t, "node_modules/dev/package.json", `{"name": "dev", "version": "1.0.0"}`),
	}
	tests := []struct {
		name, pkg, bin, version string
		app                     files
		installed               files
		commands                []string
		env                     map[string]string // of the install; <cache> is that of the package manager
		layer                   []string          // files and links in the layer of packages
	}{
		{name: "npm without a lockfile", pkg: "npm", bin: "npm", version: futureNPM, installed: flat, layer: inFlat,
			commands: []string{"npm install --package-lock-only --save", "npm install", "npm run build"},
			env:      map[string]string{"npm_config_cache": "<cache>/npm", "npm_config_include": "dev", "npm_config_audit": "false"}},
		{name: "pnpm", pkg: "pnpm", bin: "pnpm", version: "10.999.0", app: files{"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, installed: pnpm,
			commands: []string{"pnpm install --frozen-lockfile", "pnpm run build"}, layer: inPnpm,
			env: map[string]string{"CI": "true", "npm_config_store_dir": "<cache>/pnpm/store", "pnpm_config_registry": "<registry>"}},
		{name: "pnpm as a program", pkg: "@pnpm/exe.linux-x64", bin: "pnpm", version: "12.999.0",
			app: files{"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, installed: pnpm, layer: inPnpm,
			commands: []string{"pnpm install --frozen-lockfile", "pnpm run build"}},
		{name: "yarn 1", pkg: "yarn", bin: "yarn", version: "1.999.0", app: files{"yarn.lock": "# yarn lockfile v1\n"}, installed: flat,
			commands: []string{"yarn install --frozen-lockfile --non-interactive", "yarn run build"}, layer: inFlat,
			env: map[string]string{"YARN_CACHE_FOLDER": "<cache>/yarn", "YARN_REGISTRY": "<registry>", "YARN_PRODUCTION": "false"}},
		{name: "yarn 3", pkg: "@yarnpkg/cli-dist", bin: "yarn", version: "3.999.0", installed: flat, layer: inFlat,
			app:      files{"yarn.lock": "__metadata:\n  version: 6\n", ".yarnrc.yml": "nodeLinker: node-modules\n"},
			commands: []string{"yarn install --immutable", "yarn run build"},
			env: map[string]string{"YARN_NODE_LINKER": "node-modules", "YARN_NM_MODE": "classic", "YARN_NPM_REGISTRY_SERVER": "<registry>",
				"YARN_NETWORK_CONCURRENCY": "8"}},
		{name: "yarn 4", pkg: "@yarnpkg/cli-dist", bin: "yarn", version: "4.999.0", installed: flat, layer: inFlat,
			app:      files{"yarn.lock": "__metadata:\n  version: 8\n", ".yarnrc.yml": "nodeLinker: node-modules\n"},
			commands: []string{"yarn install --immutable", "yarn run build", "yarn workspaces focus --production"}},
		{name: "yarn 3 with plug'n'play", pkg: "@yarnpkg/cli-dist", bin: "yarn", version: "3.999.0", installed: plugged,
			app:      files{"yarn.lock": "__metadata:\n  version: 6\n"},
			commands: []string{"yarn install --immutable", "yarn run build"}, layer: []string{".yarn/cache/ms.zip"},
			env: map[string]string{"YARN_NODE_LINKER": "pnp", "YARN_CACHE_FOLDER": "./.yarn/cache"}},
		{name: "bun", pkg: "@oven/bun-linux-x64-baseline", bin: "bun", version: "1.999.0", app: files{"bun.lock": "{}"}, installed: flat,
			commands: []string{"bun install --frozen-lockfile", "bun run build"}, layer: inFlat,
			env: map[string]string{"BUN_INSTALL_CACHE_DIR": "<cache>/bun", "BUN_CONFIG_REGISTRY": "<registry>", "DO_NOT_TRACK": "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.pkg, tt.bin, tt.version, packages(t, tt.installed))
			c := w.build(t, files{"package.json": fmt.Sprintf(manifest, tt.bin+"@"+tt.version), "server.js": ""})
			maps.Copy(c.App, tt.app)
			got := kittest.Build(t, c)
			if got.Code != 0 {
				t.Fatalf("code %d\n%s", got.Code, got.Log())
			}
			if diff := cmp.Diff(tt.commands, w.commands(t)); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			calls := w.manager.Calls(t)
			env, hoisted := calls[0].Env, ""
			if tt.bin == "pnpm" {
				hoisted = filepath.Join(got.AppDir, "node_modules/.pnpm/node_modules")
			}
			if found := calls[len(tt.commands)-1].Env["NODE_PATH"]; found != hoisted && tt.name != "yarn 4" {
				t.Errorf("NODE_PATH is %q for the build script, want %q", found, hoisted)
			}
			for name, want := range tt.env {
				want = strings.NewReplacer("<cache>", c.Env["BP_CACHE_DIR"], "<registry>", c.Env["NPM_CONFIG_REGISTRY"]).Replace(want)
				if env[name] != want {
					t.Errorf("%s is %q at the install, want %q", name, env[name], want)
				}
			}
			var layer []string
			for path, kind := range kittest.Tree(t, filepath.Join(got.Layers, "modules")) {
				if !strings.HasPrefix(kind, "dir") {
					layer = append(layer, path)
				}
			}
			slices.Sort(layer)
			slices.Sort(tt.layer)
			if diff := cmp.Diff(tt.layer, layer); diff != "" {
				t.Errorf("the layer of packages (-want +got):\n%s", diff)
			}
			made := kittest.Files(t, got.Layers)
			if bill := made["modules.sbom.cdx.json"]; !strings.Contains(bill, "pkg:npm/ms@2.1.3") || strings.Contains(bill, "pkg:npm/dev@") {
				t.Errorf("the bill of materials is\n%s", bill)
			}
		})
	}
}

// zipOf makes an archive of one file.
func zipOf(t *testing.T, name, content string) string {
	t.Helper()
	var archive strings.Builder
	w := zip.NewWriter(&archive)
	file, err := w.Create(name)
	if err == nil {
		_, err = file.Write([]byte(content))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return archive.String()
}

// TestProcesses says which file each process is from.
func TestProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
	c := w.build(t, keyed())
	c.App["Procfile"] = "# mail\nworker: npm run build && tools/mail\nweb: npm start\n"
	c.App["tools/mail"] = "#!/usr/bin/env node\n"
	c.Plan = "[[entries]]\nname = \"procfile-worker\"\n[[entries]]\nname = \"procfile-web\"\n"
	got := kittest.Build(t, c)
	made := kittest.Files(t, got.Layers)
	want := `{"web":"package.json: script start","worker":"Procfile line 2: process worker"}`
	if got.Code != 0 || made["origins.json"] != want {
		t.Errorf("code %d, processes are from %s, want %s\n%s", got.Code, made["origins.json"], want, got.Log())
	}
}
