package node_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// What a second build does again. An install gives another layer of packages, and scripts run with it.
const (
	layerOfNode = "layer node"
	layerOfApp  = "layer start"
	layer       = "layer modules"
	install     = "npm ci"
	script      = "npm run build"
)

var installed = []string{layer, install, script}

// change is a build after a first one, of which one thing is different.
type change struct {
	name     string
	app      files              // written over the app's files; a file that is "gone" is removed
	env      config.Environment // added to what the platform sets
	bindings map[string]map[string]string
	distro   string
	again    []string // what is done again
}

// keyed is the app of the first build, with a workspace whose program is linked to.
func keyed() files {
	return files{
		"package.json": `{"name": "shop", "packageManager": "npm@` + futureNPM + `", "dependencies": {"ms": "^2"}, "workspaces": ["tools"],
			"scripts": {"start": "MODE=a node server.js", "build": "bundle"}}`,
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`, "server.js": "1",
		"tools/package.json": `{"name": "tools", "bin": {"tool": "tool.js"}}`, "tools/tool.js": "#!/usr/bin/env node\n1", "tools/index.js": "1",
		".npmrc": "fund=false\n", "patches/ms.patch": "1", "notes.md": "1",
	}
}

// TestKey changes one thing between two builds. What decides on a layer has it made again, and all else has not.
func TestKey(t *testing.T) {
	t.Parallel()
	variable := func(name, value string, again ...string) change {
		return change{name: name + "=" + value, env: config.Environment{name: value}, again: again}
	}
	file := func(path, content string, again ...string) change {
		return change{name: path + ": " + content, app: files{path: content}, again: again}
	}
	inManifest := func(from, to string, again ...string) change {
		text := keyed()["package.json"]
		if !strings.Contains(text, from) {
			t.Fatalf("package.json has no %s", from)
		}
		return change{name: to, app: files{"package.json": strings.Replace(text, from, to, 1)}, again: again}
	}
	binding := func(kind, file, text string, again ...string) change {
		return change{name: "bound " + text, bindings: map[string]map[string]string{"company": {"type": kind, file: text + "\n"}}, again: again}
	}
	bound := func(line string, again ...string) change { return binding("npmrc", ".npmrc", line, again...) }
	everything := append([]string{layerOfNode}, installed...)
	tests := []change{
		{name: "nothing"},
		// What the platform sets of the target.
		variable("CNB_TARGET_ARCH_VARIANT", "v3", installed...),
		{name: "distribution", distro: "debian", again: installed},
		// Tools.
		variable("BP_NODE_VERSION", "24.998.0", everything...),
		inManifest("npm@"+futureNPM, "npm@11.998.0", installed...),
		// What the package manager reads.
		file("package-lock.json", `{"lockfileVersion": 3, "packages": {"": {"name": "x"}}}`, installed...),
		inManifest(`"ms": "^2"`, `"ms": "^2.1"`, installed...),
		file("tools/package.json", `{"name": "tools", "bin": {"tool": "tool.js"}, "dependencies": {"ms": "*"}}`, installed...),
		file("tools/tool.js", "no program", installed...),
		file("patches/ms.patch", "2", installed...),
		file(".npmrc", "ignore-scripts=true\n", installed...),
		variable("NPM_CONFIG_LEGACY_PEER_DEPS", "true", installed...),
		variable("BP_NATIVE_HARDENING_ENABLED", "false", installed...),
		variable("npm_config_hoist_pattern", "*users*", installed...),
		variable("BP_NODE_PROJECT_PATH", "tools", layer, layerOfApp, install, script), // of the package that starts
		bound("legacy-peer-deps=true", installed...),
		bound("public-hoist-pattern[]=*keyv*", installed...),
		bound("node-options=--use-openssl-ca # see //intranet", installed...),
		bound("disturl=https://ann:secret@mirror.example.test/", installed...),
		binding("yarnrc", ".yarnrc", "ignore-engines true", installed...),
		binding("yarnrc", ".yarnrc.yml", "packageExtensions:\n  keyv@*:\n    dependencies: {ms: '2'}", installed...),
		// Whom to ask, and who asks: they change nothing in what comes, and are secret.
		bound("//registry.example.test/:_authToken=secret"),
		bound("registry=https://registry.example.test/"),
		bound("@company:registry=https://registry.example.test/"),
		bound("cafile=/company.pem"),
		bound("ca[]=\"-----BEGIN CERTIFICATE-----\""),
		bound("; secret"),
		binding("yarnrc", ".yarnrc", `registry "https://registry.example.test/"`),
		binding("yarnrc", ".yarnrc.yml", "npmScopes:\n  company:\n    npmAuthToken:\n      secret"),
		variable("NPM_CONFIG_USERCONFIG", "/home/ann/.npmrc", script), // scripts see all variables
		variable("npm_config_https_proxy", "http://ann:secret@proxy.example.test", script),
		variable("NPM_TOKEN", "secret", script),
		variable("npm_config__auth", "secret", script),
		variable("HTTPS_PROXY", "http://proxy.example.test"),
		variable("BP_NODE_UNVERIFIED_ENABLED", "yes"),
		// What is left out of packages.
		variable("BP_NODE_LEAVE_OUT", "none", layer),
		// What only scripts see.
		file("server.js", "2", script),
		file("notes.md", "2", script),
		file("tools/tool.js", "#!/usr/bin/env node\n2", script),
		variable("API", "https://api.example.test", script),
		inManifest(`"build": "bundle"`, `"build": "bundle --minify"`, script),
		inManifest(`MODE=a`, `MODE=b`, layerOfApp, script),
		variable("BP_NODE_RUN_SCRIPTS", "build"),
		variable("BP_NODE_RUN_SCRIPTS", "start", "npm run start"),
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
			publishNode(t, w.registry, "24.998.0", "true")
			w.publish(t, "npm", "npm", "11.998.0")
			c := w.build(t, keyed())
			first := kittest.Build(t, c)
			if got, want := w.commands(t), []string{install, script}; first.Code != 0 || !slices.Equal(got, want) {
				t.Fatalf("the first build: code %d after %q\n%s", first.Code, got, first.Log())
			}
			c.App, c.Env, c.Bindings = maps.Clone(c.App), c.Env.With(tt.env), tt.bindings
			maps.Copy(c.App, tt.app)
			if tt.distro != "" {
				c.Distro = tt.distro
			}
			second := kittest.Rebuild(t, first, c)
			got, want := w.again(t, second, 2), slices.Sorted(slices.Values(tt.again))
			if second.Code != 0 || !slices.Equal(got, want) {
				t.Errorf("code %d; done again %q, want %q\n%s", second.Code, got, want, second.Log())
			}
		})
	}
}

// again returns what a build did, sorted: the layers that it made and the commands that it ran after some.
func (w world) again(t *testing.T, got kittest.Result, before int) []string {
	t.Helper()
	done := w.commands(t)[before:]
	made := kittest.Files(t, got.Layers)
	for _, name := range []string{layerOfNode, layerOfApp, layer} {
		name, _ := strings.CutPrefix(name, "layer ")
		if _, exists := made[name+".toml"]; exists && !strings.Contains(got.Log(), "Layer "+name+": reused") {
			done = append(done, "layer "+name)
		}
	}
	slices.Sort(done)
	return done
}

// TestKeyHasNoLogin changes the password in an address: the key of a layer is in the image.
func TestKeyHasNoLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
	c := w.build(t, keyed())
	bound := func(password string) map[string]map[string]string {
		return map[string]map[string]string{"company": {"type": "npmrc", ".npmrc": "disturl=https://ann:" + password + "@mirror.example.test/\n"}}
	}
	c.Bindings = bound("one")
	first := kittest.Build(t, c)
	c.Bindings = bound("two")
	second := kittest.Rebuild(t, first, c)
	if again := w.again(t, second, 2); second.Code != 0 || len(again) > 0 {
		t.Errorf("code %d; done again %q, want nothing\n%s", second.Code, again, second.Log())
	}
}

// TestKeyOfChanges changes how a script patches a package: it is not installed again, and the layer has the patch.
func TestKeyOfChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat))
	c := w.build(t, keyed())
	c.App["package.json"] = strings.Replace(c.App["package.json"], `"build": "bundle"`, `"postinstall": "patch-package"`, 1)
	c.App["ms.patch"] = "one"
	first := kittest.Build(t, c)
	c.App["ms.patch"] = "two"
	second := kittest.Rebuild(t, first, c)
	want := []string{layer, "npm run postinstall"}
	if again := w.again(t, second, 2); second.Code != 0 || !slices.Equal(again, want) {
		t.Errorf("code %d; done again %q, want %q\n%s", second.Code, again, want, second.Log())
	}
	if got := kittest.Files(t, second.Layers)["modules/node_modules/ms/index.js"]; got != "two" {
		t.Errorf("the package is %q, want it patched", got)
	}
	third := kittest.Rebuild(t, second, c)
	if again := w.again(t, third, 3); third.Code != 0 || len(again) > 0 {
		t.Errorf("code %d; done again %q, want nothing\n%s", third.Code, again, third.Log())
	}
}

// TestCacheGone loses the cache between two builds. Packages are not installed again where the layers of the image have them, and none
// of them has a script that would run again.
func TestCacheGone(t *testing.T) {
	t.Parallel()
	scripted := packages(t, flat)
	kittest.Write(t, scripted, files{"node_modules/ms/package.json": `{"name": "ms", "version": "2.1.3", "scripts": {"postinstall": "true"}}`})
	noted := `ci) cp -R '` + scripted + `/.' . && cd node_modules/ms && npm_lifecycle_event=postinstall "$npm_config_script_shell" -c true ;;`
	lockfile := files{"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {"name": "x"}}}`}
	for name, tt := range map[string]struct {
		change files
		does   []string // cases of the package manager
		want   []string
	}{
		"nothing changed":  {},
		"code changed":     {change: files{"server.js": "2"}},
		"packages changed": {change: lockfile, want: []string{layer, install}},
		"install scripts":  {does: []string{noted}, want: []string{install}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat), tt.does...)
			c := w.build(t, keyed())
			c.App["package.json"] = strings.Replace(c.App["package.json"], `"build"`, `"other"`, 1)
			first := kittest.Build(t, c)
			c.App = maps.Clone(c.App)
			maps.Copy(c.App, tt.change)
			c.Env = c.Env.With(config.Environment{"BP_CACHE_DIR": t.TempDir()})
			second := kittest.Rebuild(t, first, c)
			if got := w.again(t, second, 1); first.Code != 0 || second.Code != 0 || !slices.Equal(got, tt.want) {
				t.Errorf("codes %d and %d; done again %q, want %q\n%s", first.Code, second.Code, got, tt.want, second.Log())
			}
		})
	}
}
