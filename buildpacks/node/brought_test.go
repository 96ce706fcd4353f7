package node_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func paths(tree files) []string { return slices.Sorted(maps.Keys(tree)) }

// TestVendored takes the packages that an app brings along, for which addons are compiled again.
func TestVendored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, nil), `"run build") [ -f node_modules/tool/index.js ] && echo ok >built ;;`)
	c := w.build(t, files{
		"package.json": `{"packageManager": "npm@` + futureNPM + `", "scripts": {"build": "tool"},
			"dependencies": {"word": "1"}, "devDependencies": {"tool": "1"}}`,
		"server.js": "", "node_modules/word/package.json": `{"name": "word", "version": "1.0.0"}`, "node_modules/word/index.js": "one",
		"node_modules/tool/package.json": `{"name": "tool", "version": "1.0.0"}`, "node_modules/tool/index.js": "",
	})
	c.Env["BP_NODE_VENDORED_ENABLED"] = "true"
	got := kittest.Build(t, c)
	if commands, want := w.commands(t), []string{"npm rebuild", "npm run build"}; got.Code != 0 || !slices.Equal(commands, want) {
		t.Fatalf("code %d after %q, want 0 after %q\n%s", got.Code, commands, want, got.Log())
	}
	want := files{"node_modules/word/package.json": c.App["node_modules/word/package.json"], "node_modules/word/index.js": "one"}
	if diff := cmp.Diff(want, kittest.Files(t, filepath.Join(got.Layers, "modules"))); diff != "" {
		t.Errorf("the layer of packages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"built", "package.json", "server.js"}, paths(kittest.Files(t, got.AppDir))); diff != "" {
		t.Errorf("the app (-want +got):\n%s", diff)
	}
	c.App = maps.Clone(c.App)
	c.App["node_modules/word/index.js"] = "another"
	changed := kittest.Rebuild(t, got, c)
	if word := kittest.Files(t, changed.Layers)["modules/node_modules/word/index.js"]; changed.Code != 0 || word != "another" {
		t.Errorf("code %d; after a change of a package it is %q\n%s", changed.Code, word, changed.Log())
	}
	same := kittest.Rebuild(t, changed, c)
	if again := w.again(t, same, 4); same.Code != 0 || len(again) > 0 {
		t.Errorf("code %d; nothing changed, and %q was done again\n%s", same.Code, again, same.Log())
	}
}

// TestArchivesOfApp installs from the archives that an app brings along, which are not in the image.
func TestArchivesOfApp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, pkg, version, folder string
		app                        files
		env                        config.Environment // of the install
	}{
		{"npm", "npm", futureNPM, "npm-cache", files{
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`, "npm-cache/_cacache/index": "1",
		}, config.Environment{"npm_config_cache": "<app>/npm-cache", "npm_config_prefer_offline": "true"}},
		{"yarn", "yarn", "1.999.0", "archives", files{
			"yarn.lock": "# yarn lockfile v1\n", ".yarnrc": "yarn-offline-mirror \"./archives\"\n", "archives/ms-2.1.3.tgz": "1",
		}, config.Environment{"YARN_YARN_OFFLINE_MIRROR": "<app>/archives"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.pkg, tt.name, tt.version, packages(t, flat))
			c := w.build(t, files{"package.json": fmt.Sprintf(manifest, tt.name+"@"+tt.version), "server.js": ""})
			maps.Copy(c.App, tt.app)
			got := kittest.Build(t, c)
			if got.Code != 0 {
				t.Fatalf("code %d\n%s", got.Code, got.Log())
			}
			calls := w.manager.Calls(t)
			for name, want := range tt.env {
				if is := calls[0].Env[name]; is != strings.Replace(want, "<app>", got.AppDir, 1) {
					t.Errorf("%s is %s at the install, want %s", name, is, want)
				}
				if is := calls[1].Env[name]; strings.HasPrefix(is, got.AppDir) {
					t.Errorf("%s is %s for the build script: the folder is gone by then", name, is)
				}
			}
			for path := range kittest.Files(t, got.AppDir) {
				if strings.HasPrefix(path, tt.folder) {
					t.Errorf("the image has %s", path)
				}
			}
		})
	}
}

// TestPackagesOfApp gives the package manager the folders and archives of the app that packages come from, and nothing else of it.
func TestPackagesOfApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, "", `ci) find . -type f | sort >../given; cp -R '`+packages(t, flat)+`/.' . ;;`)
	c := w.build(t, files{
		"package.json": `{"packageManager": "npm@` + futureNPM + `",
			"dependencies": {"word": "file:lib/word.tgz", "part": "file:lib/part"}}`,
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`, "server.js": "1", "lib/word.tgz": "1",
		"lib/part/package.json": `{"name": "part"}`, "lib/part/index.js": "1", "lib/other.txt": "1",
	})
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	given := kittest.Files(t, filepath.Join(c.Env["BP_CACHE_DIR"], "node-modules"))["given"]
	want := "./lib/part/package.json\n./lib/word.tgz\n./package-lock.json\n./package.json\n"
	if diff := cmp.Diff(want, given); diff != "" {
		t.Errorf("what npm is given (-want +got):\n%s", diff)
	}
	c.App = maps.Clone(c.App)
	c.App["lib/word.tgz"] = "2"
	again := w.again(t, kittest.Rebuild(t, got, c), 1)
	if want := []string{layer, install}; !slices.Equal(again, want) {
		t.Errorf("after a change of the archive, done again: %q, want %q", again, want)
	}
}

// TestBoundSettings gives the package manager the settings of a binding, which are nowhere afterwards.
func TestBoundSettings(t *testing.T) {
	t.Parallel()
	const secret = "npm-token-of-the-test"
	w := newWorld(t, "npm", "npm", futureNPM, "", `ci) grep -q `+secret+` "$HOME/.npmrc" || exit 7; cp -R '`+packages(t, flat)+`/.' . ;;`)
	c := w.build(t, keyed())
	c.Bindings = map[string]map[string]string{"company": {"type": "npmrc", ".npmrc": "//registry.example.test/:_authToken=" + secret + "\n"}}
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	for _, dir := range []string{got.Layers, got.AppDir, c.Env["BP_CACHE_DIR"]} {
		for path, content := range kittest.Files(t, dir) {
			if strings.Contains(content, secret) && !strings.HasSuffix(path, "bin/program") {
				t.Errorf("the token is in %s", path)
			}
		}
	}
}

// TestStandalone makes the app the server that a framework's build leaves, with its own modules in a layer.
func TestStandalone(t *testing.T) {
	t.Parallel()
	next := files{
		".next/standalone/server.js": "server", ".next/standalone/package.json": "{}", ".next/standalone/.next/BUILD_ID": "1",
		".next/standalone/node_modules/next/index.js": "traced", ".next/static/a.js": "a", ".next/cache/x": "1", "public/made.txt": "1",
	}
	nitro := files{
		".output/server/index.mjs": "server", ".output/server/node_modules/vue/index.js": "traced", ".output/public/a.js": "a", ".nuxt/x": "1",
	}
	for _, tt := range []struct {
		name, start, dependency string
		built                   files
		procfile                string
		app                     []string
		launch                  files // of the layer of packages: node_modules and env.launch
		process                 string
		more                    []string // done again with one package more: a server has the same ones
	}{
		{"next", "next start -p 3000", "next", next, "",
			[]string{".next/BUILD_ID", ".next/static/a.js", "package.json", "public/made.txt", "server.js"},
			files{"node_modules/next/index.js": "traced", "env.launch/HOSTNAME.override": "0.0.0.0", "env.launch/PORT.default": "3000"},
			`command = ["<layers>/node/bin/node", "server.js"]`, []string{install, script}},
		{"nitro", "nuxt preview", "nuxt", nitro, "web: npm start\n",
			[]string{"Procfile", "package.json", "public/a.js", "server/index.mjs"},
			files{"node_modules/vue/index.js": "traced"}, `command = ["<layers>/node/bin/node", "server/index.mjs"]`,
			[]string{install, script}},
		{"worker", "nuxt preview", "nuxt", nitro, "worker: node app/page.js\n",
			[]string{".nuxt/x", ".output/public/a.js", ".output/server/index.mjs", ".output/server/node_modules/vue/index.js", "Procfile",
				"app/page.js", "package-lock.json", "package.json"},
			files{"node_modules/nuxt/package.json": `{"name": "nuxt", "version": "1.0.0"}`},
			`command = ["<layers>/node/bin/node", ".output/server/index.mjs"]`, installed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all := files{}
			for _, name := range []string{"next", "nuxt", "vue"} {
				all["node_modules/"+name+"/package.json"] = fmt.Sprintf(`{"name": %q, "version": "1.0.0"}`, name)
			}
			w := newWorld(t, "npm", "npm", futureNPM, packages(t, all), `"run build") cp -R '`+packages(t, tt.built)+`/.' . ;;`)
			c := w.build(t, files{
				"package.json": fmt.Sprintf(`{"packageManager": "npm@%s", "scripts": {"start": %q, "build": "make"}, "dependencies": {%q: "*"}}`,
					futureNPM, tt.start, tt.dependency),
				"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {},
					"node_modules/next": {"bin": {"next": "x"}}, "node_modules/nuxt": {"bin": {"nuxt": "x"}}}}`, "app/page.js": "1",
			})
			if process, _, found := strings.Cut(tt.procfile, ":"); found {
				c.App["Procfile"], c.Plan = tt.procfile, "[[entries]]\nname = \"procfile-"+process+"\"\n"
			}
			got := kittest.Build(t, c)
			if got.Code != 0 {
				t.Fatalf("code %d\n%s", got.Code, got.Log())
			}
			if diff := cmp.Diff(tt.app, paths(kittest.Files(t, got.AppDir))); diff != "" {
				t.Errorf("the app (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.launch, kittest.Files(t, filepath.Join(got.Layers, "modules"))); diff != "" {
				t.Errorf("the layer of packages (-want +got):\n%s", diff)
			}
			launch := strings.ReplaceAll(kittest.Files(t, got.Layers)["launch.toml"], got.Layers, "<layers>")
			if !strings.Contains(launch, tt.process) {
				t.Errorf("processes are\n%s\nwant %s", launch, tt.process)
			}
			c.App = maps.Clone(c.App)
			c.App["app/page.js"] = "2"
			changed := kittest.Rebuild(t, got, c)
			if again, want := w.again(t, changed, 2), []string{script}; !slices.Equal(again, want) {
				t.Errorf("after a change of code, done again: %q, want %q", again, want)
			}
			c.App["package-lock.json"] = strings.Replace(c.App["package-lock.json"], "{}", `{}, "node_modules/more": {}`, 1)
			again := w.again(t, kittest.Rebuild(t, changed, c), 3)
			if !slices.Equal(again, tt.more) {
				t.Errorf("with one package more, done again: %q, want %q", again, tt.more)
			}
		})
	}
}
