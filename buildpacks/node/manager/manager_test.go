package manager_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

type files = map[string]string

// zeros is the hash of an archive, as the registry tells it, and digits as packageManager does.
var (
	zeros  = "sha512-" + strings.Repeat("A", 86) + "=="
	digits = "sha512." + strings.Repeat("00", 64)
)

// locks has some releases of each package manager.
var locks = manager.Locks{Arch: "x64", Node: "24.0.0", Lock: lock.Lock{
	Requires: lock.Lines{
		"npm": {"11": ">=20", "10": ">=18"}, "pnpm": {"10": ">=18.12", "9": ">=16", "8": ">=16", "7": ">=14"}, "yarn": {"1": "*"},
		"berry": {"4": ">=18", "3": "*", "2": "*"},
	},
	Releases: []lock.Release{
		{ID: "npm", Version: "11.6.0"}, {ID: "npm", Version: "10.9.0"},
		{ID: "pnpm", Version: "11.0.0"}, {ID: "pnpm", Version: "10.2.0"}, {ID: "pnpm", Version: "10.1.0", Hash: zeros}, {ID: "pnpm",
			Version: "9.9.0"},
		{ID: "pnpm", Version: "8.15.0"}, {ID: "pnpm", Version: "7.33.0"}, {ID: "yarn", Version: "1.22.22"},
		{ID: "berry", Version: "4.13.0"}, {ID: "berry", Version: "3.8.7"}, {ID: "berry", Version: "2.4.2"},
		{ID: "bun", Version: "1.3.0"}, {ID: "bun", Version: "1.2.20"},
	},
}}

// choose returns the package manager of an app.
func choose(t *testing.T, app files) (manager.Chosen, error) {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, app)
	p, err := project.Find(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return manager.Choose(p, locks)
}

// TestChoose has one app for each way to say which package manager, and which release of it.
func TestChoose(t *testing.T) {
	t.Parallel()
	const none, berry6 = "{}", "__metadata:\n  version: 6\n"
	for _, tt := range []struct {
		name, manifest, lockfile, content, id, release, fault string
	}{
		{"nothing", none, "", "", "npm", "11.6.0", ""},
		{"npm", none, "npm-shrinkwrap.json", "{}", "npm", "11.6.0", ""},
		{"pnpm", none, "pnpm-lock.yaml", "lockfileVersion: '9.0'\n", "pnpm", "10.2.0", ""},
		// nobody asked for 11, of which nobody says what it runs on
		{"pnpm 8", none, "pnpm-lock.yaml", "lockfileVersion: '6.0'\n", "pnpm", "8.15.0", ""},
		{"pnpm 7", none, "pnpm-lock.yaml", "lockfileVersion: 5.4\n", "pnpm", "7.33.0", ""},
		{"pnpm 6", none, "pnpm-lock.yaml", "lockfileVersion: 5.3\n", "", "", "node-lockfile-old"},
		{"Yarn 1", none, "yarn.lock", "# yarn lockfile v1\n", "yarn", "1.22.22", ""},
		{"Yarn 3", none, "yarn.lock", berry6, "berry", "3.8.7", ""},
		{"Yarn 4", none, "yarn.lock", "__metadata:\n  version: 8\n", "berry", "4.13.0", ""},
		{"later Yarn", none, "yarn.lock", "__metadata:\n  version: 11\n", "berry", "4.13.0", ""},
		{"Bun", none, "bun.lock", "", "bun", "1.3.0", ""},
		{"Bun that is asked for", `{"engines": {"bun": "~1.2"}}`, "bun.lockb", "", "bun", "1.2.20", ""},
		{"field", `{"packageManager": "pnpm@10.1.0"}`, "", "", "pnpm", "10.1.0", ""},
		{"field and lockfile", `{"packageManager": "yarn@3.6.0"}`, "yarn.lock", berry6, "berry", "3.6.0", ""},
		{"other lockfile", `{"packageManager": "pnpm@10.1.0"}`, "yarn.lock", berry6, "", "", "node-lockfiles"},
		{"hash of another length", `{"packageManager": "npm@9.0.0+sha512.00"}`, "", "", "", "", "node-manager-hash"},
		{"other hash", `{"packageManager": "pnpm@10.1.0+sha512.` + strings.Repeat("01", 64) + `"}`, "", "", "", "", "node-manager-hash"},
		{"range", `{"packageManager": "pnpm@~10.1"}`, "", "", "pnpm", "10.1.0", ""},
		{"range and lockfile", `{"packageManager": "pnpm@<=9"}`, "pnpm-lock.yaml", "lockfileVersion: '9.0'\n", "pnpm", "9.9.0", ""},
		{"range of another format", `{"packageManager": "pnpm@8"}`, "pnpm-lock.yaml", "lockfileVersion: '9.0'\n", "", "", "node-too-old"},
		{"range of a later Yarn", `{"packageManager": "yarn@^3"}`, "", "", "berry", "3.8.7", ""},
		{"tag of Yarn", `{"packageManager": "yarn@stable"}`, "", "", "berry", "4.13.0", ""},
		{"name of Yarn", `{"packageManager": "yarn"}`, "yarn.lock", berry6, "berry", "3.8.7", ""},
		{"name of Yarn 1", `{"packageManager": "yarn@latest"}`, "", "", "yarn", "1.22.22", ""},
		{"letter and space", `{"packageManager": " pnpm@v10.1.0 "}`, "", "", "pnpm", "10.1.0", ""},
		{"address", `{"packageManager": "pnpm@https://example.test/pnpm.tgz"}`, "", "", "", "", "node-manager-version"},
		{"no text", `{"packageManager": {"name": "pnpm"}}`, "", "", "npm", "11.6.0", ""},
		{"unknown", `{"packageManager": "vlt@1.0.0"}`, "", "", "", "", "node-manager"},
		{"name alone", `{"packageManager": "pnpm"}`, "", "", "pnpm", "10.2.0", ""},
	} {
		app := files{"package.json": tt.manifest}
		if tt.lockfile != "" {
			app[tt.lockfile] = tt.content
		}
		got, err := choose(t, app)
		if failed := (fault.Fault{}); errors.As(err, &failed) || err != nil || tt.fault != "" {
			if failed.ID != tt.fault {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.fault)
			}
			continue
		}
		if got.Tool().ID != tt.id || got.Release.Version != tt.release {
			t.Errorf("%s: %s %s, want %s %s", tt.name, got.Tool().ID, got.Release.Version, tt.id, tt.release)
		}
	}
}

// TestHash has hashes in packageManager that can be compared, and others.
func TestHash(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]struct {
		hash      string
		unchecked bool
	}{
		"npm@11.6.0":             {"", false},
		"npm@10.9.0+" + digits:   {"", false}, // the lock has another one
		"npm@9.0.0+" + digits:    {zeros, false},
		"pnpm@12.0.0+" + digits:  {"", true},
		"yarn@4.9.2+" + digits:   {"", true},
		"pnpm@9.0.0+sha256.00":   {"", true},
		"pnpm@10.1.0+" + digits:  {zeros, false},
		"yarn@1.22.22+" + digits: {"", false},
	} {
		got, err := choose(t, files{"package.json": `{"packageManager": "` + field + `"}`})
		if err == nil && (got.Release.Hash != want.hash || got.Unchecked != want.unchecked) {
			t.Errorf("%s: %q, unchecked %t, want %+v", field, got.Release.Hash, got.Unchecked, want)
		}
		if other := want.hash == "" && strings.Contains(field, "+") && !want.unchecked; (err != nil) != other {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestNewestOn(t *testing.T) {
	t.Parallel()
	tools := manager.Tools()
	pnpm := tools[slices.IndexFunc(tools, func(tool manager.Tool) bool { return tool.ID == "pnpm" })]
	for _, tt := range []struct{ asked, node, want string }{
		{"*", "22.1.0", "10.2.0"}, {"~10.1", "22.1.0", "10.1.0"}, {"*", "16.20.0", "9.9.0"}, {"^10", "16.20.0", ""}, {"^11", "22.1.0", ""},
	} {
		l := locks
		l.Node = tt.node
		if got := l.NewestOn(pnpm, tt.asked); got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}

// TestArgs has each command of each package manager.
func TestArgs(t *testing.T) {
	t.Parallel()
	for field, want := range map[string][4]string{
		"npm@11.6.0":   {"install", "rebuild", "install --package-lock-only --save", ""},
		"pnpm@10.1.0":  {"install --no-frozen-lockfile", "", "", ""},
		"yarn@1.22.22": {"install --non-interactive", "", "", ""},
		"yarn@3.6.0":   {"install --no-immutable", "", "", ""},
		"yarn@4.9.2":   {"install --no-immutable", "", "", "workspaces focus --production"},
		"bun@1.2.20":   {"install", "", "", ""},
	} {
		m, err := choose(t, files{"package.json": `{"packageManager": "` + field + `"}`})
		if err != nil {
			t.Fatal(err)
		}
		var got [4]string
		for i, do := range []manager.Action{manager.Install, manager.Rebuild, manager.Resolve, manager.Production} {
			got[i] = strings.Join(m.Args(do), " ")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	m, err := choose(t, files{"package.json": "{}", "bun.lock": ""})
	if got := m.Args(manager.Install); err != nil || !slices.Equal(got, []string{"install", "--frozen-lockfile"}) {
		t.Errorf("with a lockfile Bun is called with %q, %v", got, err)
	}
}

// TestYarn has what differs between releases of Yarn, and by its settings.
func TestYarn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ release, settings, pnp, linker, mode, own string }{
		{"1.22.22", "", "", "", "", ""},
		{"2.4.2", "", ".pnp.js", "pnp", "", ""},
		{"4.9.2", "", ".pnp.cjs", "pnp", "classic", ""},
		{"4.9.2", "nodeLinker: pnp\n", ".pnp.cjs", "pnp", "classic", ""},
		{"4.9.2", "nodeLinker: pnpm\n", "", "pnpm", "classic", ""},
		{"3.6.0", "nodeLinker: node-modules\nyarnPath: yarn.cjs\n", "", "node-modules", "", "yarn.cjs"}, // nobody says which release that is
	} {
		m, err := choose(t, files{"package.json": `{"packageManager": "yarn@` + tt.release + `"}`, ".yarnrc.yml": tt.settings, "yarn.cjs": ""})
		if err != nil {
			t.Fatal(err)
		}
		env := m.Env("/cache", "https://npm.example.test/")
		if m.PnP() != tt.pnp || env["YARN_NODE_LINKER"] != tt.linker || env["YARN_NM_MODE"] != tt.mode || m.Own() != tt.own {
			t.Errorf("%+v: %q, %q, %q, %q", tt, m.PnP(), env["YARN_NODE_LINKER"], env["YARN_NM_MODE"], m.Own())
		}
		if env["YARN_REGISTRY"]+env["YARN_NPM_REGISTRY_SERVER"] != "https://npm.example.test/" {
			t.Errorf("%s has the registry %q", tt.release, env["YARN_REGISTRY"]+env["YARN_NPM_REGISTRY_SERVER"])
		}
	}
}

// TestHooks has the scripts of an install in their order.
func TestHooks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field, scripts string
		want           []string
	}{
		{"npm@11.6.0", `{}`, []string{"preinstall", "postinstall", "prepare"}},
		{"npm@11.6.0", `{"install": "x"}`, []string{"install", "prepare"}},
		{"yarn@4.9.2", `{"install": "x"}`, []string{"preinstall", "install", "postinstall"}},
	} {
		m, err := choose(t, files{"package.json": `{"packageManager": "` + tt.field + `", "scripts": ` + tt.scripts + `}`})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Hooks(m.Project.Manifest); !slices.Equal(got, tt.want) {
			t.Errorf("%s with %s: %q, want %q", tt.field, tt.scripts, got, tt.want)
		}
	}
}

// TestLock reads programs of npm's lockfile, and refuses what comes from nowhere.
func TestLock(t *testing.T) {
	t.Parallel()
	app := files{
		"package.json": `{"workspaces": ["web"], "dependencies": {"lib": "file:lib"}}`, "web/package.json": "{}", "lib/package.json": "{}",
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}, "web": {}, "lib": {}, "node_modules/lib": {"resolved": "lib",
			"link": true},
			"node_modules/serve": {"bin": {"serve": "main.js"}, "integrity": "x"}, "web/node_modules/tool": {"bin": {"tool": "tool.js"},
				"dev": true, "integrity": "x"},
			"web/node_modules/tool/node_modules/deep": {"bin": {"deep": "deep.js"}, "version": "2.0.0"}}}`,
	}
	m, err := choose(t, app)
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.Lock()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		from, name, file string
		dev              bool
	}{
		{"web", "serve", "node_modules/serve/main.js", false}, {"web", "tool", "web/node_modules/tool/tool.js", true},
		{".", "tool", "", false}, {"web", "deep", "", false},
	} {
		if file, dev, found := l.Program(tt.from, tt.name); file != tt.file || dev != tt.dev || found != (tt.file != "") {
			t.Errorf("%s from %s is %q, for development %t, %t", tt.name, tt.from, file, dev, found)
		}
	}
	if diff := cmp.Diff([]string{"deep@2.0.0"}, l.Unhashed); diff != "" {
		t.Errorf("packages without a hash (-want +got):\n%s", diff)
	}
	app["package-lock.json"] = `{"lockfileVersion": 1}`
	if m, err = choose(t, app); err != nil {
		t.Fatal(err)
	}
	if l, err := m.Lock(); err != nil || l.Program != nil {
		t.Errorf("a lockfile of npm 6 names programs, or %v", err)
	}
}

// TestOffline finds archives that the app brings along.
func TestOffline(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		app          files
		folder, name string
	}{
		{files{"npm-cache/_cacache/x": ""}, "npm-cache", "npm_config_cache"},
		{files{"npm-cache/x": ""}, "", ""},
		{files{"yarn.lock": "", ".yarnrc": "# ours\nyarn-offline-mirror \"./archives\"\n"}, "archives", "YARN_YARN_OFFLINE_MIRROR"},
		{files{"yarn.lock": "", ".yarnrc": "yarn-offline-mirror \"../archives\"\n"}, "", ""},
		{files{"yarn.lock": ""}, "", ""},
		{files{"pnpm-lock.yaml": "lockfileVersion: '9.0'\n", "npm-cache/_cacache/x": ""}, "", ""},
	} {
		tt.app["package.json"] = "{}"
		m, err := choose(t, tt.app)
		if err != nil {
			t.Fatal(err)
		}
		folder, env, err := m.Offline()
		if folder != tt.folder || err != nil || (tt.name != "") != strings.HasSuffix(env[tt.name], "/"+tt.folder) {
			t.Errorf("%v: %q with %v, %v", tt.app, folder, env, err)
		}
	}
}

// TestNPMStale skips in a lockfile what npm ci skips, and refuses what it would take from a place that is not there.
func TestNPMStale(t *testing.T) {
	t.Parallel()
	const web = `"apps/web": {"dependencies": {"b": "1"}}, "node_modules/web": {"resolved": "apps/web", "link": true}`
	for name, tt := range map[string]struct{ packages, fault string }{
		"extraneous folder": {`"apps/docs": {"extraneous": true}`, ""},
		"extraneous link":   {`"node_modules/b": {"resolved": "apps/b", "link": true, "extraneous": true}`, ""},
		"stale workspace":   {`"apps/docs": {"dependencies": {"old": "*"}}, "node_modules/docs": {"resolved": "apps/docs", "link": true}`, ""},
		"two of them": {`"apps/docs": {"dependencies": {"old": "*"}}, "node_modules/old": {"resolved": "apps/old", "link": true},
			"apps/old": {}`, ""},
		"no entry":       {`"node_modules/b": null`, ""},
		"wanted link":    {`"node_modules/b": {"resolved": "apps/b", "link": true}`, "node-local"},
		"wanted archive": {`"node_modules/b": {"resolved": "file:b.tgz"}`, "node-local"},
	} {
		m, err := choose(t, files{
			"package.json": `{"workspaces": ["apps/*"]}`, "apps/web/package.json": `{"name": "web", "dependencies": {"b": "1"}}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {"workspaces": ["apps/*"]}, ` + web + `, ` + tt.packages + `}}`,
		})
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.Lock()
		got := fault.Fault{}
		if errors.As(err, &got); got.ID != tt.fault || err != nil && tt.fault == "" {
			t.Errorf("%s: %v, want %q", name, err, tt.fault)
		}
		if len(l.Unhashed) > 0 {
			t.Errorf("%s: nothing vouches for %q", name, l.Unhashed)
		}
	}
}

// TestPnpmPnP refuses Plug'n'Play of pnpm, wherever it is asked for.
func TestPnpmPnP(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ npmrc, workspace, where string }{
		{"node-linker=pnp\n", "", ".npmrc"}, {"a=b\nnode-linker = \"pnp\"", "", ".npmrc"}, {"", "nodeLinker: pnp\n", "pnpm-workspace.yaml"},
		{"# node-linker=pnp\nnode-linker=hoisted\n", "nodeLinker: isolated\n", ""}, {"", "", ""},
	} {
		app := files{"package.json": "{}", "pnpm-lock.yaml": "lockfileVersion: '9.0'\n", ".npmrc": tt.npmrc, "pnpm-workspace.yaml": tt.workspace}
		_, err := choose(t, app)
		got := fault.Fault{}
		if refused := errors.As(err, &got) && got.ID == "node-pnpm-pnp"; refused != (tt.where != "") || !strings.Contains(got.What, tt.where) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
