package node

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// TestProcfile starts the script that the process web of a Procfile runs, and leaves all else to strata/procfile.
func TestProcfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ script, variables, unmet string }{
		"web: npm start":                             {"start", "", ""},
		"\ufeffweb: npm start\r\n":                   {"start", "", ""},
		"web: NODE_ENV=staging npm start":            {"start", "web/NODE_ENV=staging", ""},
		"web: env A=1 B='x y' npm run prod":          {"prod", "A=2 C=3 web/B=x y", ""},
		"worker: npm run queue\nweb: yarn prod":      {"prod", "A=2 C=3", "procfile-worker"},
		"web: pnpm run prod\nworker: node worker.js": {"prod", "A=2 C=3", "procfile-worker"},
		"web: node server.js":                        {"", "", "procfile-web"},
		"web: A=1 node server.js\nworker: x":         {"", "", "procfile-web procfile-worker"},
		"web: npm run prod -- --port 1":              {"", "", "procfile-web"},
		"worker: x":                                  {"start", "", "procfile-worker"},
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{procfile.Name: text})
		asked, err := procfile.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		m := project.Manifest{Scripts: map[string]string{"start": "node start.js", "prod": "A=2 C=3 node prod.js"}}
		d := decision{asked: asked, Project: project.Project{Base: m, Manifest: m}}
		if d.start, err = d.chooseStart(); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		variables, err := d.launchEnv()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(config.Environment(variables).List(), " "); got != want.variables {
			t.Errorf("%q: it sets %q, want %q", text, got, want.variables)
		}
		if unmet := strings.Join(d.unmet(), " "); d.start.script != want.script || d.start.elsewhere != (want.script == "") || unmet != want.unmet {
			t.Errorf("%q: it starts the script %q and leaves %q, want %+v", text, d.start.script, unmet, want)
		}
	}
}

func TestScriptOf(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"npm start": "start", "npm run serve:prod": "serve:prod", "yarn start": "start", "pnpm run start": "start", "npm run-script a": "a",
		"npm test": "", "npm": "", "node start": "", "npm run a -- --port 1": "", "npm run": "", "yarn --version": "", "npx serve": "",
	} {
		if got := scriptOf(strings.Fields(command)); got != want {
			t.Errorf("%s runs the script %q, want %q", command, got, want)
		}
	}
}
