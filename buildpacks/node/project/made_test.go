package project_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// told returns how a build runs the script build, and what the script start is.
func told(t *testing.T, p project.Project) string {
	t.Helper()
	scripts, err := p.ChooseScripts(project.Asked{Names: []string{"build"}})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, s := range scripts.Run {
		text += strings.Join(append(append([]string{"in " + s.Dir + ":"}, s.Env...), s.Words...), " ") + "; "
	}
	return text + p.Manifest.Scripts["start"]
}

// TestMoon reads tasks of moon as scripts, except those that package.json has itself.
func TestMoon(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ tasks, all, want string }{
		{"tasks:\n  build:\n    command: tsc -p x\n  start:\n    command: node dist/x.js\n", "", "in a: tsc -p x; node dist/x.js"},
		{"tasks:\n  build:\n    command: [tsc, -p, 'a b']\n    env: {A: 1, B: 'c d'}\n", "", "in a: A=1 B=c d tsc -p a b; "},
		{"tasks:\n  build:\n    command: tsc\n    args: -p x\n    deps: [gen, '^:build', '~:css']\n" +
			"  gen: {command: 'gen'}\n  css: {command: c}\n", "", "in a: sh -c gen && c && tsc -p x; "},
		{"tasks:\n  build:\n    script: a | b\n", "", "in a: sh -c a | b; "},
		{"tasks:\n  build: {command: tsc $projectRoot}\n  start: {command: node x}\n", "", "node x"},
		{"tasks:\n  build: {command: a, deps: [build]}\n", "", "in a: a; "},
		{"tasks:\n  start: {command: node x}\n", "tasks:\n  build: {command: all}\n  start: {command: node y}\n", "in a: all; node x"},
		{"", "", ""},
	} {
		p := find(t, files{
			"package.json": `{"workspaces": ["a"]}`, "a/package.json": `{}`, ".moon/workspace.yml": "projects: {}\n",
			"a/moon.yml": tt.tasks, ".moon/tasks.yml": tt.all,
		}, "a")
		if got := told(t, p); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.tasks, got, tt.want)
		}
	}
	own := files{"package.json": `{"scripts": {"start": "node own.js"}}`, "moon.yml": "tasks: {start: {command: x}, build: {command: y}}\n"}
	if got := told(t, find(t, own, "")); got != "node own.js" {
		t.Errorf("without a workspace of moon: %q", got)
	}
	own[".moon/workspace.yml"] = ""
	p := find(t, own, "")
	if got := told(t, p); got != "in .: y; node own.js" || p.Manifest.FileOf("build") != "moon.yml" {
		t.Errorf("with one: %q of %v", got, p.Manifest.Files)
	}
	if got := p.Manifest.FileOf("start"); got != "package.json" {
		t.Errorf("start is of %s", got)
	}
}

// TestNx reads what builds and starts projects of Nx.
func TestNx(t *testing.T) {
	t.Parallel()
	const serve = `"serve": {"executor": "@nx/js:node", "options": {"buildTarget": "api:build"}}`
	build := func(executor, options string) string {
		return `{"targets": {"build": {"executor": "` + executor + `", "options": {"outputPath": "dist/apps/api", ` + options +
			`}, "configurations": {"production": {}}}, ` + serve + `}}`
	}
	const built = "in .: NX_DAEMON=false nx run api:build:production; "
	for _, tt := range []struct {
		name    string
		project string // apps/api/project.json
		more    files
		folder  string
		want    string
	}{
		{"webpack", build("@nx/webpack:webpack", `"main": "apps/api/src/main.ts"`), nil, "apps/api", built + "node dist/apps/api/main.js"},
		{"tsc", build("@nx/js:tsc", `"main": "apps/api/src/main.ts"`), nil, "apps/api", built + "node dist/apps/api/src/main.js"},
		{"esbuild", build("@nx/esbuild:esbuild", `"main": "apps/api/src/main.ts", "outputFileName": "x.js"`), nil, "apps/api",
			built + "node dist/apps/api/x.js"},
		{"command", `{"targets": {"start": {"command": "node {projectRoot}/x.js"}, ` + serve + `}}`, nil, "apps/api", "node apps/api/x.js"},
		{"commands", `{"name": "shop", "targets": {"build": {"executor": "nx:run-commands", "options": {"commands": ["tsc"]}}, "start": {
			"executor": "nx:run-commands", "options": {"commands": [{"command": "node x.js"}], "cwd": "apps/api"}}}}`, nil, "apps/api",
			"in .: NX_DAEMON=false nx run shop:build; cd apps/api && node x.js"},
		{"next", `{"targets": {"build": {"executor": "@nx/next:build", "options": {"outputPath": "dist/apps/api"}},
			"serve": {"executor": "@nx/next:server", "options": {"buildTarget": "api:build", "dev": true}}}}`, nil, "apps/api",
			"in .: NX_DAEMON=false nx run api:build; cd dist/apps/api && next start"},
		{"comments", "{ // a comment\n" + `"targets": {"start": {"command": "node x.js"},},}`, nil, "apps/api", "node x.js"},

		{"the default", build("@nx/webpack:webpack", `"main": "m.ts"`), files{"nx.json": `{"defaultProject": "api"}`}, "",
			built + "node dist/apps/api/main.js"},
		{"nx serve", build("@nx/webpack:webpack", `"main": "m.ts"`), files{"package.json": `{"scripts": {"start": "nx serve api --prod"}}`}, "",
			built + "node dist/apps/api/main.js"},
		{"nx run", build("@nx/webpack:webpack", `"main": "m.ts"`),
			files{"package.json": `{"scripts": {"start": "npx nx run api:serve:production", "build": "nx build api"}}`}, "",
			"in .:; node dist/apps/api/main.js"},
		{"another", build("@nx/webpack:webpack", `"main": "m.ts"`), files{"package.json": `{"scripts": {"start": "nx serve web"}}`}, "",
			"nx serve web"},
		{"old workspace", `{"targets": {"start": {"command": "node x.js"}}}`, files{"workspace.json": `{"projects": {"shop": "apps/api"}}`,
			"package.json": `{"scripts": {"start": "nx run shop:start"}}`}, "", "node x.js"},

		{"package", "", files{"apps/api/package.json": `{"name": "@x/api", "nx": {"targets": {"build": {"executor": "@nx/esbuild:esbuild",
			"options": {"outputPath": "apps/api/dist", "main": "apps/api/src/main.ts"}},
			"serve": {"executor": "@nx/js:node", "options": {"buildTarget": "@x/api:build"}}}}}`}, "apps/api",
			"in apps/api: NX_DAEMON=false nx run @x/api:build; cd ../.. && node apps/api/dist/main.js"},
		{"plugin", "", files{"apps/api/package.json": `{"name": "web"}`, "apps/api/next.config.ts": "",
			"nx.json": `{"plugins": [{"plugin": "@nx/next/plugin", "options": {}}, "@nx/eslint/plugin"]}`}, "apps/api",
			"in apps/api: next build; next start"},
		{"plugin without a configuration", "", files{"apps/api/package.json": `{"name": "web"}`, "nx.json": `{"plugins": ["@nx/next/plugin"]}`},
			"apps/api", ""},
		{"script of its own", "", files{"apps/api/package.json": `{"scripts": {"start": "node own.js"}}`, "apps/api/next.config.ts": "",
			"nx.json": `{"plugins": ["@nx/next/plugin"]}`}, "apps/api", "in apps/api: next build; node own.js"},
	} {
		app := files{"package.json": `{"workspaces": ["apps/*"], "scripts": {"lint": "x"}}`, "nx.json": "{}", "apps/api/project.json": tt.project}
		if tt.project == "" {
			delete(app, "apps/api/project.json")
		}
		maps.Copy(app, tt.more)
		if got := told(t, find(t, app, tt.folder)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	dir := t.TempDir()
	kittest.Write(t, dir, files{"package.json": "{}", "nx.json": "{}",
		"apps/api/project.json": `{"targets": {"build": {"executor": "@nx/vite:build"}}}`})
	_, err := project.Find(dir, "apps/api")
	if err == nil || !strings.HasPrefix(err.Error(), "apps/api/project.json has no target start or serve that is a command") {
		t.Errorf("a project that starts nothing: %v", err)
	}
}
