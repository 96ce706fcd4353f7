package project_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestGenerators runs a generator where there is something to make, and no script does it.
func TestGenerators(t *testing.T) {
	t.Parallel()
	const needs = `"dependencies": {"client": "6"}, "devDependencies": {"gen": "6"}`
	known := []project.Generator{{Package: "client", Program: "gen", Command: "gen make", Sources: []string{"gen/schema.txt", "gen.config.ts"}, Field: "gen"}}
	hooks := func(project.Manifest) []string { return []string{"postinstall"} }
	schema := files{"gen/schema.txt": ""}
	command := project.Script{Dir: ".", Name: "gen make", Command: "gen make", Words: []string{"gen", "make"}}
	for name, tt := range map[string]struct {
		manifest string
		more     files
		want     []project.Script // before all others
	}{
		"schema":         {needs, schema, []project.Script{command}},
		"configuration":  {needs, files{"gen.config.ts": ""}, []project.Script{command}},
		"field":          {needs + `, "gen": {"schema": "x"}`, nil, []project.Script{command}},
		"other build":    {needs + `, "scripts": {"build": "tsc"}`, schema, []project.Script{command}},
		"own script":     {needs + `, "scripts": {"gen:all": "gen make --schema x"}`, nil, []project.Script{{Dir: ".", Name: "gen:all", Command: "gen make --schema x"}}},
		"watching":       {needs + `, "scripts": {"gen:watch": "gen make --watch"}`, schema, []project.Script{command}},
		"no schema":      {needs, nil, nil},
		"no program":     {`"dependencies": {"client": "6"}`, schema, nil},
		"no client":      {`"dependencies": {"gen": "6"}`, schema, nil},
		"build":          {needs + `, "scripts": {"build": "npx gen make && tsc"}`, schema, nil},
		"build by name":  {needs + `, "scripts": {"build": "npm run gen && tsc", "gen": "gen make"}`, schema, nil},
		"hook":           {needs + `, "scripts": {"postinstall": "gen make"}`, schema, nil},
		"another's name": {needs + `, "scripts": {"build": "npm run gen-docs", "gen": "gen make"}`, schema, []project.Script{{Dir: ".", Name: "gen", Command: "gen make"}}},
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
		"package.json": `{"workspaces": ["*"], "devDependencies": {"gen": "6"}}`, "web/package.json": `{"name": "web", "dependencies": {"db": "*"}}`,
		"db/package.json": `{"name": "db", "dependencies": {"client": "6"}}`, "db/gen/schema.txt": "",
	}, "web")
	got, err := web.ChooseScripts(project.Asked{Generators: known})
	want := []project.Script{{Dir: "db", Name: "gen make", Command: "gen make", Words: []string{"gen", "make"}}}
	if diff := cmp.Diff(want, got.Run); diff != "" || err != nil {
		t.Errorf("of a workspace (-want +got):\n%s%v", diff, err)
	}
}
