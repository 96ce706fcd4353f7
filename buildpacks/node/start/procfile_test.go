package start_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
)

// TestProcfile starts the script that the process web of a Procfile runs, and leaves all else to strata/procfile.
func TestProcfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ script, variables, unmet string }{
		"web: npm start":                              {"start", "", ""},
		"\ufeffweb: npm start\r\n":                    {"start", "", ""},
		"web: NODE_ENV=staging npm start":             {"start", "web/NODE_ENV=staging", ""},
		"web: env A=1 B='x y' npm run prod":           {"prod", "A=2 C=3 web/B=x y", ""},
		"worker: npm run queue\nweb: yarn prod":       {"prod", "A=2 C=3", "procfile-worker"},
		"web: pnpm run prod\nworker: node worker.js":  {"prod", "A=2 C=3", "procfile-worker"},
		"web: npm run-script prod":                    {"prod", "A=2 C=3", ""},
		"web: node server.js":                         {"", "", "procfile-web"},
		"web: A=1 node server.js\nworker: x":          {"", "", "procfile-web procfile-worker"},
		"web: npm run migrate && npm start":           {"web of the Procfile", "", ""},
		"web: A=1 npm run migrate; exec npm run prod": {"web of the Procfile", "", ""},
		"web: node a.js && node b.js":                 {"", "", "procfile-web"},
		"web: npm run prod -- --port 1":               {"", "", "procfile-web"},
		"web: npm test":                               {"", "", "procfile-web"},
		"web: npm run":                                {"", "", "procfile-web"},
		"web: yarn --version":                         {"", "", "procfile-web"},
		"web: npx serve":                              {"", "", "procfile-web"},
		"worker: x":                                   {"start", "", "procfile-worker"},
	} {
		a := app(t, files{"package.json": `{"scripts": {"start": "node start.js", "prod": "A=2 C=3 node prod.js", "migrate": "node m.js", "test": "x"}}`, "start.js": "", "prod.js": "", "m.js": "",
			procfile.Name: text})
		var err error
		if a.Asked, err = procfile.Read(a.Dir); err != nil {
			t.Fatal(err)
		}
		s, err := a.Choose()
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		variables, err := a.Env(s, "web")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(config.Environment(variables).List(), " "); got != want.variables {
			t.Errorf("%q: it sets %q, want %q", text, got, want.variables)
		}
		if unmet := strings.Join(a.Unmet(s), " "); s.Script != want.script || s.Elsewhere != (want.script == "") || unmet != want.unmet {
			t.Errorf("%q: it starts the script %q and leaves %q, want %+v", text, s.Script, unmet, want)
		}
	}
}
