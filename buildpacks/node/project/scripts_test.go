package project_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestReadOnce reads the files of a project once: what changes later changes nothing in it.
func TestReadOnce(t *testing.T) {
	t.Parallel()
	p := find(t, files{
		"package.json":     `{"workspaces": ["*"]}`,
		"web/package.json": `{"name": "web", "scripts": {"build": "b"}, "dependencies": {"lib": "*"}}`,
		"lib/package.json": `{"name": "lib", "scripts": {"build": "b"}}`, "package-lock.json": `{"lockfileVersion": 3}`,
	}, "web")
	kittest.Write(t, p.App, files{"package.json": "{", "web/package.json": "{", "lib/package.json": "{", "package-lock.json": "{"})
	got, err := p.ChooseScripts(project.Asked{Names: []string{"build"}})
	if err != nil || len(got.Run) != 2 || p.Member("lib") != "lib" {
		t.Errorf("scripts %v, %v", got.Run, err)
	}
	if lock, err := p.ReadLockfile(); err != nil || string(lock) != `{"lockfileVersion": 3}` {
		t.Errorf("the lockfile is %s, %v", lock, err)
	}
}

// TestOnce runs a script once, where a script of the install or another one of the build runs it.
func TestOnce(t *testing.T) {
	t.Parallel()
	hooks := func(project.Manifest) []string { return []string{"postinstall", "prepare"} }
	for scripts, want := range map[string]string{
		`"build": "b"`: "build",
		`"build": "b", "postinstall": "npm run build"`:                           "postinstall",
		`"build": "b", "postinstall": "a && yarn make; c", "make": "pnpm build"`: "postinstall",
		`"build": "b", "postinstall": "npm run build", "prepare": "yarn build"`:  "postinstall",
		`"build": "b", "prepare": "a; npm run build"`:                            "prepare",
		`"build": "npm run make", "prepare": "npm run make", "make": "m"`:        "prepare",
		`"build": "b", "postinstall": "A=1 npm run build"`:                       "postinstall build",
		`"build": "b", "postinstall": "npm run build -- --dev"`:                  "postinstall build",
		`"build": "b", "postinstall": "cd web && npm run build"`:                 "postinstall build",
		`"build": "b", "postinstall": "npm run build || true"`:                   "postinstall build",
		`"build": "b", "postinstall": "npm run build:css", "build:css": "c"`:     "postinstall build",
		`"build": "npm run prepare", "prepare": "npm run build"`:                 "prepare",
	} {
		p := find(t, files{"package.json": `{"scripts": {` + scripts + `}}`}, "")
		got, err := p.ChooseScripts(project.Asked{Names: []string{"build"}, Hooks: hooks})
		var names []string
		for _, s := range got.Run {
			names = append(names, s.Name)
		}
		if strings.Join(names, " ") != want || err != nil {
			t.Errorf("%s: %q run, %v; want %q", scripts, names, err, want)
		}
	}
	// A workspace is built after what it needs, whatever its install ran.
	web := find(t, files{
		"package.json":     `{"workspaces": ["*"]}`,
		"web/package.json": `{"name": "web", "scripts": {"build": "b", "postinstall": "npm run build"}, "dependencies": {"lib": "*"}}`,
		"lib/package.json": `{"name": "lib", "scripts": {"build": "b"}}`,
	}, "web")
	got, err := web.ChooseScripts(project.Asked{Names: []string{"build"}, Hooks: hooks})
	if len(got.Run) != 3 || !got.Built("lib", "build") || got.Run[2].String() != "build of web" || err != nil {
		t.Errorf("of a workspace: %v, %v", got.Run, err)
	}
}
