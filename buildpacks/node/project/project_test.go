package project_test

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

type files = map[string]string

// find returns the project of an app.
func find(t *testing.T, app files, folder string) project.Project {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, app)
	p, err := project.Find(dir, folder)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// relative returns a path below an app's folder.
func relative(t *testing.T, app, dir string) string {
	t.Helper()
	name, err := filepath.Rel(app, dir)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestFind has one app for each way to say where packages are installed.
func TestFind(t *testing.T) {
	t.Parallel()
	const some = `{"name": "web", "dependencies": {"ms": "2"}}`
	for _, tt := range []struct {
		name, folder   string
		app            files
		root, lockfile string
		members        []string
		packages       bool
	}{
		{"app", "", files{"package.json": some, "yarn.lock": ""}, ".", "yarn.lock", nil, true},
		{"nothing to install", "", files{"package.json": "{}"}, ".", "", nil, false},
		{"both lockfiles of Bun", "", files{"package.json": some, "bun.lock": "", "bun.lockb": ""}, ".", "bun.lock", nil, true},
		{
			"workspace", "packages/web", files{"package.json": `{"workspaces": ["packages/*"]}`, "packages/web/package.json": some,
				"pnpm-lock.yaml": ""},
			".", "pnpm-lock.yaml", []string{"packages/web"}, true,
		},
		{
			"workspace of pnpm", "web", files{"package.json": "{}", "pnpm-workspace.yaml": "packages: [web]\n", "web/package.json": "{}"},
			".", "", []string{"web"}, true,
		},
		{
			"lockfile of its own", "web", files{"package.json": `{"workspaces": ["web"]}`, "web/package.json": some, "web/bun.lock": "",
				"yarn.lock": ""},
			"web", "bun.lock", nil, true,
		},
		{"no workspace", "web", files{"package.json": "{}", "web/package.json": some, "yarn.lock": ""}, "web", "", nil, true},
		{"no package.json in the app", "web", files{"web/package.json": "{}"}, "web", "", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := find(t, tt.app, tt.folder)
			if got := relative(t, p.App, p.Root); got != tt.root || p.Lockfile != tt.lockfile {
				t.Errorf("packages are installed in %q with %q, want %q with %q", got, p.Lockfile, tt.root, tt.lockfile)
			}
			if p.Dir != filepath.Join(p.App, tt.folder) || filepath.Join(p.Root, p.From()) != p.Dir {
				t.Errorf("the package is in %s, %s of %s", p.Dir, p.From(), p.Root)
			}
			if diff := cmp.Diff(tt.members, p.Members); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if p.HasPackages() != tt.packages {
				t.Errorf("it has packages: %t, want %t", p.HasPackages(), tt.packages)
			}
		})
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	for patterns, want := range map[string][]string{
		`["packages/*"]`:                                      {"packages/a"},
		`["./packages/**", "!**/test"]`:                       {"packages/a", "packages/group/b"},
		`["/packages/group/b", "tools/"]`:                     {"packages/group/b", "tools"},
		`["none/*"]`:                                          nil,
		`["**", "!packages/**", "**/b/**"]`:                   {"packages/group/b", "tools"},
		`["{tools,packages/{a,group/*}}"]`:                    {"packages/a", "packages/group/b", "tools"},
		`{"packages": ["tools"], "nohoist": ["packages/**"]}`: {"tools"},
		`{"packages": "tools"}`:                               {"tools"},
		`{"nohoist": ["packages/**"]}`:                        nil,
		`[]`:                                                  nil,
		`null`:                                                nil,
		`[1, {"a": "b"}, "tools"]`:                            {"tools"},
	} {
		app := files{"package.json": `{"workspaces": ` + patterns + `}`}
		for _, name := range []string{"packages/a", "packages/a/test", "packages/group/b", "packages/group/b/node_modules/x", "tools"} {
			app[name+"/package.json"] = "{}"
		}
		if diff := cmp.Diff(want, find(t, app, "").Members); diff != "" {
			t.Errorf("%s (-want +got):\n%s", patterns, diff)
		}
	}
}

// TestMembersOfPnpm has a file in which a pattern takes a folder out wherever it stands.
func TestMembersOfPnpm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"packages:\n  - '!**/test/**'\n  - 'packages/**'\n": {"packages/a"},
		"\ufeffpackages: packages/a/*\r\n":                  {"packages/a/test"},
		"packages:\ncatalog:\n  ms: 2\n":                    nil,
		"# none\n":                                          nil,
	} {
		app := files{"package.json": "{}", "pnpm-workspace.yaml": text, "packages/a/package.json": "{}", "packages/a/test/package.json": "{}"}
		if diff := cmp.Diff(want, find(t, app, "").Members); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestLockfile reads the one that package managers read.
func TestLockfile(t *testing.T) {
	t.Parallel()
	for want, app := range map[string]files{
		"":                    {"package-lock.json": ""},
		"yarn.lock":           {"package-lock.json": "", "npm-shrinkwrap.json": "", "yarn.lock": ""},
		"npm-shrinkwrap.json": {"package-lock.json": "{}", "npm-shrinkwrap.json": "{}"},
		"package-lock.json":   {"package-lock.json": "{}", "npm-shrinkwrap.json": ""},
		"bun.lock":            {"bun.lock": "", "bun.lockb": ""},
	} {
		app["package.json"] = "{}"
		if got := find(t, app, "").Lockfile; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestManifest reads fields as npm does, whatever they hold.
func TestManifest(t *testing.T) {
	t.Parallel()
	m := find(t, files{"package.json": "\ufeff" + `{"name": "a", "name": "b", "version": 1, "main": false,
		"scripts": {"//": ["words"], "start": "x"}, "engines": {"node": 22, "npm": null}, "dependencies": [],
		"devDependencies": {"ms": "", "dev": 1}, "optionalDependencies": "ms",
		"volta": {"node": 24}, "packageManager": ["npm"]}`}, "").Manifest
	got := []string{
		m.Name, m.Version, m.Main, m.Scripts["start"], m.Scripts["//"], m.Engines["node"], m.Engines["npm"], m.Volta, m.PackageManager,
	}
	if diff := cmp.Diff([]string{"b", "1", "", "x", "", "22", "", "24", ""}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(m.Dependencies)+len(m.Optional) > 0 || !m.Has("ms") || !m.OnlyDev("ms") || !m.Has("dev") || m.Has("other") {
		t.Errorf("dependencies %v, %v, %v", m.Dependencies, m.Dev, m.Optional)
	}
}

// TestWithLocal takes in what packages of the app come from: a package manager copies folders with "file:", or links to them.
func TestWithLocal(t *testing.T) {
	t.Parallel()
	p := find(t, files{
		"package.json": `{"dependencies": {"a": "file:./lib/a", "b": "link:lib/b", "packed": "file:packed.tgz", "self": "file:.", "ms": "2"},
			"pnpm": {"patchedDependencies": {"ms": "patches/ms.patch", "out": "../out.patch"}}}`,
		"lib/a/package.json": `{"devDependencies": {"c": "file:../c"}}`, "lib/b/package.json": "{}", "lib/c/package.json": "{}", "packed.tgz": "",
	}, "")
	for copies, want := range map[bool][2][]string{
		true:  {{"lib/b"}, {"lib/a", "lib/c", "packed.tgz", "patches/ms.patch"}},
		false: {{"lib/a", "lib/b", "lib/c"}, {"packed.tgz", "patches/ms.patch"}},
	} {
		got, err := p.WithLocal(copies)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, [2][]string{got.Members, got.Copied}); diff != "" {
			t.Errorf("copies %t: members and copied (-want +got):\n%s", copies, diff)
		}
	}
	if p.Members != nil || p.Copied != nil {
		t.Errorf("the project that was asked has %v and %v", p.Members, p.Copied)
	}
}

// TestSeeds gives an install what it reads and nothing of the app's code.
func TestSeeds(t *testing.T) {
	t.Parallel()
	p := find(t, files{
		"package.json": `{"name": "app", "version": "1.0.0", "description": "an app", "scripts": {"build": "tsc"}, "workspaces": ["web"],
			"bin": "cli.js"}`,
		"cli.js":           "#!/usr/bin/env node\nmore();\n",
		"web/package.json": `{"bin": {"made": "dist/made.js", "plain": "plain.js", "out": "../../out.js"}}`,
		"web/plain.js":     "plain();\n", "yarn.lock": "locked", ".npmrc": "omit=optional", ".yarn/releases/yarn.cjs": "yarn",
		"patches/a.patch":    "patch",
		"lib/a/package.json": "{}", "lib/a/index.js": "copied", "lib/a/node_modules/b/index.js": "", "server.js": "",
	}, "")
	p.Copied = []string{"lib/a"}
	got := files{}
	err := p.Seeds(".yarn/releases/yarn.cjs", func(name string, data []byte, _ fs.FileMode) error {
		got[name] = strings.Join(strings.Fields(string(data)), "")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := files{
		"package.json": `{"bin":"cli.js","name":"app","version":"1.0.0","workspaces":["web"]}`, "cli.js": "#!/usr/bin/envnode",
		"web/package.json": `{"bin":{"made":"dist/made.js","plain":"plain.js","out":"../../out.js"}}`, "web/plain.js": "",
		"yarn.lock": "locked", ".npmrc": "omit=optional", ".yarn/releases/yarn.cjs": "yarn", "patches/a.patch": "patch",
		"lib/a/package.json": "{}", "lib/a/index.js": "copied",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what an install reads (-want +got):\n%s", diff)
	}
}

// TestChooseScripts has the scripts of an install before those of the build, each after what it needs.
func TestChooseScripts(t *testing.T) {
	t.Parallel()
	app := files{
		"package.json": `{"workspaces": ["*"], "scripts": {"prepare": "husky"}}`,
		"web/package.json": `{"name": "web", "scripts": {"build": "b", "postinstall": "p", "heroku-postbuild": "h"},
			"dependencies": {"lib": "*"}}`,
		"lib/package.json":  `{"name": "lib", "scripts": {"build": "b", "prepare": "c"}}`,
		"more/package.json": `{"name": "more", "scripts": {"build": "b", "prepare": "c"}}`,
	}
	hooks := func(project.Manifest) []string { return []string{"postinstall", "prepare"} }
	for _, tt := range []struct {
		asked     project.Asked
		run, idle []string
	}{
		{project.Asked{Names: []string{"build"}, Hooks: hooks}, []string{"prepare of lib", "postinstall of web", "heroku-postbuild of web"},
			[]string{"prepare"}},
		{project.Asked{Names: []string{"build"}, Named: true}, []string{"build of lib", "build of web"}, nil},
		{project.Asked{Names: []string{"prepare"}, Named: true, Hooks: hooks}, []string{"prepare of lib", "postinstall of web", "prepare"},
			[]string{"prepare"}},
	} {
		got, err := find(t, app, "web").ChooseScripts(tt.asked)
		if err != nil {
			t.Fatal(err)
		}
		names := func(list []project.Script) (names []string) {
			for _, s := range list {
				names = append(names, s.String())
			}
			return names
		}
		if !slices.Equal(names(got.Run), tt.run) || !slices.Equal(names(got.Idle), tt.idle) {
			t.Errorf("%v: runs %q and not %q, want %q and %q", tt.asked.Names, names(got.Run), names(got.Idle), tt.run, tt.idle)
		}
	}
	if _, err := find(t, app, "web").ChooseScripts(project.Asked{Names: []string{"bundle"}, Named: true}); err == nil {
		t.Error("a script that nobody has is no fault")
	}
}

// TestVariables has what npm gives to a script.
func TestVariables(t *testing.T) {
	t.Parallel()
	for manifest, want := range map[string]files{
		`{}`: {},
		`{"name": "shop", "version": "1.2.0", "engines": {"node": "24"}, "config": {"port": 80, "deep": {"a": "b"}, "list": ["x", 1], "on": true,
			"off": false, "none": null, "a/b": "c", "a.b": "c"}}`: {
			"npm_package_name": "shop", "npm_package_version": "1.2.0", "npm_package_engines_node": "24", "npm_package_config_port": "80",
			"npm_package_config_deep_a": "b", "npm_package_config_list_0": "x", "npm_package_config_list_1": "1", "npm_package_config_on": "true",
			"npm_package_config_off": "", "npm_package_config_none": "",
		},
	} {
		want["npm_lifecycle_event"] = "start"
		if diff := cmp.Diff(want, find(t, files{"package.json": manifest}, "").Manifest.Variables("start")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", manifest, diff)
		}
	}
}

// TestAlone takes a program without a package.json for an app, but no site.
func TestAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app  files
		want string
	}{
		"server": {files{"server.js": "", "index.js": ""}, "server.js"}, "TypeScript": {files{"server.ts": "", "index.js": ""}, "server.ts"},
		"module": {files{"index.mts": ""}, "index.mts"}, "another name": {files{"tool.js": ""}, ""},
		"site": {files{"index.ts": "", "index.html": ""}, ""}, "folder": {files{"server.js/a": ""}, ""},
		"package": {files{"server.js": "", "package.json": ""}, ""},
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, test.app)
		if got := project.Alone(dir); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestStarted makes the workspace that is all that the root starts the project, and builds it as the root says.
func TestStarted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scripts string // of the root
		folder  string
		more    files
		want    string
		builds  []string
	}{
		{`"start": "cd apps/api && npm start"`, "", nil, "apps/api", []string{"build of apps/api"}},
		{`"start": "npm start -w apps/api"`, "", nil, "apps/api", []string{"build of apps/api"}},
		{`"start": "npm run start --workspace=@shop/api", "build": "x"`, "", nil, "apps/api", []string{"build"}},
		{`"start": "npm start --workspace @shop/api", "heroku-postbuild": "x"`, "", nil, "apps/api", []string{"heroku-postbuild"}},
		{`"start": "npm start -w apps/api", "build": "x", "gcp-build": "y"`, "", nil, "apps/api", []string{"gcp-build"}},
		{`"start": "npm --prefix ./apps/api run start"`, "", nil, "apps/api", []string{"build of apps/api"}},
		{`"start": "yarn workspace @shop/api start"`, "", nil, "apps/api", []string{"build of apps/api"}},
		{`"start": "yarn --cwd apps/api start"`, "", nil, "apps/api", []string{"build of apps/api"}},
		{`"start": "pnpm --filter '@shop/api' run start"`, "", nil, "apps/api", []string{"build of apps/api"}},
		{`"start": "pnpm -F @shop/api start"`, "", nil, "apps/api", []string{"build of apps/api"}},
		{`"start": "npx turbo run start --filter=@shop/api", "build": "turbo build"`, "", nil, "apps/api", []string{"build"}},
		{`"start": "npm start -w apps/api", "build": "x"`, "apps/web", nil, "apps/web", []string{"build"}},
		{`"start": "npm start -w apps/web"`, "", nil, ".", nil}, // which has none
		{`"start": "npm start -w apps/api -w apps/web"`, "", nil, ".", nil},
		{`"start": "npm run serve -w apps/api"`, "", nil, ".", nil},
		{`"start": "npm start -w apps/api", "prestart": "x"`, "", nil, ".", nil},
		{`"start": "PORT=80 npm start -w apps/api"`, "", nil, ".", nil},
		{`"start": "npm run x && npm start -w apps/api"`, "", nil, ".", nil},
		{`"start": "pnpm -w start"`, "", nil, ".", nil},
		{`"start": "turbo run start"`, "", nil, ".", nil},
		{`"start": "cd lib && npm start"`, "", files{"lib/package.json": `{"scripts": {"start": "node x"}}`}, ".", nil},
		{`"start": "npm start -w apps/api"`, "", files{"apps/api/package-lock.json": "{}"}, ".", nil},
		{`"start": "npm start -w apps/api"`, "", files{"Procfile": "web: node server.js\n"}, ".", nil},
	} {
		app := files{
			"package.json":          `{"workspaces": ["apps/*"], "scripts": {` + tt.scripts + `}}`,
			"apps/api/package.json": `{"name": "@shop/api", "scripts": {"start": "node server.js", "build": "tsc"}}`,
			"apps/web/package.json": `{"name": "@shop/web"}`,
		}
		maps.Copy(app, tt.more)
		p := find(t, app, tt.folder)
		scripts, err := p.ChooseScripts(project.Asked{Names: []string{"build"}})
		if err != nil {
			t.Fatal(err)
		}
		var builds []string
		for _, s := range scripts.Run {
			builds = append(builds, s.String())
		}
		if p.From() != tt.want || !slices.Equal(builds, tt.builds) || (p.Chosen != "") != (tt.want != ".") {
			t.Errorf("%s: %s by %q with %q, want %s with %q", tt.scripts, p.From(), p.Chosen, builds, tt.want, tt.builds)
		}
	}
}
