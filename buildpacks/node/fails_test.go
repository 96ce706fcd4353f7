package node_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestBuildFails has one golden file per mistake that shows when a build acts.
func TestBuildFails(t *testing.T) {
	t.Parallel()
	simple := func(more string) files {
		return files{"package.json": `{"packageManager": "npm@` + futureNPM + `"` + more + `}`, "server.js": ""}
	}
	withPackage := simple(`, "dependencies": {"ms": "2"}`)
	tests := []struct {
		name  string
		app   files
		env   config.Environment
		cases []string // of npm
	}{
		{name: "main-outside", app: simple(`, "main": "../server.js"`)},
		{name: "main-missing", app: simple(`, "main": "dist/server"`)},
		{name: "main-not-made", app: simple(`, "main": "dist/server", "scripts": {"build": "tsc"}`)},
		{name: "script", app: simple(`, "scripts": {"build": "tsc"}`), cases: []string{`"run build") echo no compiler >&2; exit 3 ;;`}},
		{name: "script-of-install", app: simple(`, "scripts": {"postinstall": "patch"}`), cases: []string{`"run postinstall") exit 3 ;;`}},
		{name: "install", app: withPackage, cases: []string{
			`*package-lock-only*) echo '{}' >package-lock.json ;;`, `install) echo E404 ms; exit 1 ;;`,
		}},
		{name: "resolve", app: withPackage, cases: []string{`*package-lock-only*) echo ETARGET ms; exit 1 ;;`}},
		{name: "install-offline", app: withPackage, cases: []string{`*) echo npm error code ENOTFOUND; exit 1 ;;`}},
		{name: "gyp", app: withPackage, cases: []string{`install) cat <<end
../bcrypt.cc:8:10: fatal error: openssl/evp.h: No such file or directory
gyp ERR! cwd /install/node_modules/bcrypt
end
exit 1 ;;`}},
		{name: "manager-hash", app: files{
			"package.json": fmt.Sprintf(manifest, "npm@"+futureNPM+"+sha512."+strings.Repeat("0", 128)), "server.js": "",
		}},
		{name: "project-without-start", env: config.Environment{"BP_NODE_PROJECT_PATH": "lib"}, app: files{
			"package.json":      `{"packageManager": "npm@` + futureNPM + `", "workspaces": ["lib"]}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`, "server.js": "",
			"lib/package.json": `{"scripts": {"build": "tsc"}}`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat), tt.cases...)
			c := w.build(t, tt.app)
			c.Env = c.Env.With(tt.env)
			got := kittest.Build(t, c)
			if got.Code != 1 {
				t.Errorf("code %d, want 1", got.Code)
			}
			if _, made := kittest.Tree(t, got.Layers)["modules.toml"]; made {
				t.Error("it left a layer of packages")
			}
			kittest.Golden(t, "fails-"+tt.name+".txt", hash.ReplaceAllString(got.Log(), "<hash>"))
		})
	}
}

// hash matches the hash of what was downloaded, which is the program of the test.
var hash = regexp.MustCompile(`[0-9a-f]{128}`)

// TestInstallAfterFailure installs again what failed: nothing of the first try is taken for the whole.
func TestInstallAfterFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "npm", "npm", futureNPM, packages(t, flat), `ci) if [ -n "$NPM_CONFIG_BROKEN" ]; then mkdir node_modules; exit 1; fi
	[ ! -e node_modules ] || exit 2; cp -R '`+packages(t, flat)+`/.' . ;;`)
	c := w.build(t, keyed())
	c.Env["NPM_CONFIG_BROKEN"] = "true"
	first := kittest.Build(t, c)
	if first.Code != 1 {
		t.Fatalf("code %d, want 1\n%s", first.Code, first.Log())
	}
	delete(c.Env, "NPM_CONFIG_BROKEN")
	second := kittest.Rebuild(t, first, c)
	if second.Code != 0 {
		t.Fatalf("code %d\n%s", second.Code, second.Log())
	}
	want := []string{"node_modules/ms/index.js", "node_modules/ms/package.json"}
	if diff := cmp.Diff(want, paths(kittest.Files(t, second.Layers+"/modules"))); diff != "" {
		t.Errorf("the layer of packages (-want +got):\n%s", diff)
	}
}
