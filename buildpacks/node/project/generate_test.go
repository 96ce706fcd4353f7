package project_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestGenerators runs a generator where there is something to make, and no script does it.
func TestGenerators(t *testing.T) {
	t.Parallel()
	const needs = `"dependencies": {"client": "6"}, "devDependencies": {"gen": "6"}`
	known := []project.Generator{{
		Package: "client", Program: "gen", Command: "gen make", Sources: []string{"gen/schema.txt", "gen.config.ts"}, Field: "gen",
	}}
	script := func(name, command string) []project.Script {
		return []project.Script{{Dir: ".", Name: name, Command: command}}
	}
	hooks := func(project.Manifest) []string { return []string{"postinstall"} }
	schema := files{"gen/schema.txt": ""}
	command := project.Script{Dir: ".", Name: "gen make", Command: "gen make", Words: []string{"gen", "make"}}
	for name, tt := range map[string]struct {
		manifest string
		more     files
		want     []project.Script // before all others
	}{
		"schema":            {needs, schema, []project.Script{command}},
		"configuration":     {needs, files{"gen.config.ts": ""}, []project.Script{command}},
		"field":             {needs + `, "gen": {"schema": "x"}`, nil, []project.Script{command}},
		"other build":       {needs + `, "scripts": {"build": "tsc"}`, schema, []project.Script{command}},
		"own script":        {needs + `, "scripts": {"gen:all": "gen make --schema x"}`, nil, script("gen:all", "gen make --schema x")},
		"watching":          {needs + `, "scripts": {"gen:watch": "gen make --watch"}`, schema, []project.Script{command}},
		"no schema":         {needs, nil, nil},
		"no program":        {`"dependencies": {"client": "6"}`, schema, nil},
		"no client":         {`"dependencies": {"gen": "6"}`, schema, nil},
		"build":             {needs + `, "scripts": {"build": "npx gen make && tsc"}`, schema, nil},
		"build with run":    {needs + `, "scripts": {"build": "bun run gen make"}`, schema, nil},
		"build by name":     {needs + `, "scripts": {"build": "npm run gen && tsc", "gen": "gen make"}`, schema, nil},
		"hook":              {needs + `, "scripts": {"postinstall": "gen make"}`, schema, nil},
		"build by a runner": {needs + `, "scripts": {"build": "run-s 'gen:*' x", "gen:all": "npx gen make --x", "x": "tsc"}`, schema, nil},
		"build in quotes":   {needs + `, "scripts": {"build": "concurrently 'yarn gen make' 'npm:x'", "x": "tsc"}`, schema, nil},
		"build in a pipe":   {needs + `, "scripts": {"build": "(A=1 npm run x | cat) || y", "x": "gen make"}`, schema, nil},
		"circle":            {needs + `, "scripts": {"build": "npm run x", "x": "npm run build"}`, schema, []project.Script{command}},
		"name of a file": {needs + `, "scripts": {"build": "bundle server.ts", "server": "gen make && node ."}`, schema,
			[]project.Script{command}},
		"similar command": {needs + `, "scripts": {"docs": "gen makefile", "other": "gen-make"}`, schema, []project.Script{command}},
		"and a server":    {needs + `, "scripts": {"dev": "gen make && next dev"}`, nil, []project.Script{command}},
		"and a migration": {needs + `, "scripts": {"vercel-build": "A='1 2' npx gen make --schema 'a b' && gen migrate"}`, nil,
			[]project.Script{{Dir: ".", Name: "gen make --schema a b", Command: "gen make --schema a b",
				Words: []string{"gen", "make", "--schema", "a b"}, Env: []string{"A=1 2"}}}},
		"own script after another": {needs + `, "scripts": {"a": "gen make && b", "gen": "pnpm exec gen make"}`, nil,
			script("gen", "pnpm exec gen make")},
		"in another folder":  {needs + `, "scripts": {"a": "cd web && gen make"}`, nil, nil},
		"variable in a list": {needs + `, "scripts": {"a": "gen make --schema $A && b"}`, schema, []project.Script{command}},
		"another's name":     {needs + `, "scripts": {"build": "npm run gen-docs", "gen": "gen make"}`, schema, script("gen", "gen make")},
	} {
		app := maps.Clone(tt.more)
		if app == nil {
			app = files{}
		}
		app["package.json"] = "{" + tt.manifest + "}"
		p := find(t, app, "")
		got, err := p.ChooseScripts(project.Asked{Names: []string{"build"}, Hooks: hooks, Generators: known})
		if err != nil {
			t.Fatal(err)
		}
		without, err := p.ChooseScripts(project.Asked{Names: []string{"build"}, Hooks: hooks})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(append(tt.want, without.Run...), got.Run); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	web := find(t, files{
		"package.json":     `{"workspaces": ["*"], "devDependencies": {"gen": "6"}}`,
		"web/package.json": `{"name": "web", "dependencies": {"db": "*"}}`,
		"db/package.json":  `{"name": "db", "dependencies": {"client": "6"}}`, "db/gen/schema.txt": "",
	}, "web")
	got, err := web.ChooseScripts(project.Asked{Generators: known})
	want := []project.Script{{Dir: "db", Name: "gen make", Command: "gen make", Words: []string{"gen", "make"}}}
	if diff := cmp.Diff(want, got.Run); diff != "" || err != nil {
		t.Errorf("of a workspace (-want +got):\n%s%v", diff, err)
	}
}

// TestAddons compiles addons that are the app's own code, as package managers do.
func TestAddons(t *testing.T) {
	t.Parallel()
	hooks := func(project.Manifest) []string { return []string{"preinstall", "postinstall"} }
	gyp := project.Script{Dir: ".", Name: "install", Command: "node-gyp rebuild", Hook: true, Words: []string{"node-gyp", "rebuild"}}
	after := project.Script{Dir: ".", Name: "postinstall", Command: "x", Hook: true}
	for manifest, want := range map[string][]project.Script{
		`{}`:                                  {gyp},
		`{"scripts": {"postinstall": "x"}}`:   {gyp, after},
		`{"scripts": {"install": "make"}}`:    nil,
		`{"scripts": {"preinstall": ":"}}`:    {{Dir: ".", Name: "preinstall", Command: ":", Hook: true}},
		`{"gypfile": false}`:                  nil,
		`{"gypfile": true, "dependencies":1}`: {gyp},
	} {
		p := find(t, files{"package.json": manifest, "binding.gyp": "{}"}, "")
		got, err := p.ChooseScripts(project.Asked{Hooks: hooks})
		if diff := cmp.Diff(want, got.Run); diff != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s%v", manifest, diff, err)
		}
	}
	p := find(t, files{
		"package.json": `{"workspaces": ["*"]}`, "web/package.json": `{"name": "web", "dependencies": {"fast": "*"}}`,
		"fast/package.json": `{"name": "fast"}`, "fast/binding.gyp": "{}", "other/package.json": `{"name": "other"}`, "other/binding.gyp": "{}",
	}, "web")
	if got, err := p.Addons(); err != nil || !slices.Equal(got, []string{"fast"}) {
		t.Errorf("the addons are in %q (%v), want fast", got, err)
	}
}
