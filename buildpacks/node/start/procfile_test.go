package start_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// TestProcfile starts the script that the process web of a Procfile runs, and leaves all else to strata/procfile.
func TestProcfile(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ script, variables, unmet string }{
		"web: npm start":                              {"start", "", ""},
		"\ufeffweb: npm start\r\n":                    {"start", "", ""},
		"web: NODE_ENV=staging npm start":             {"start", "web/NODE_ENV=staging", ""},
		"web: env A=1 B='x y' npm run prod":           {"prod", "A=2 C=3 web/B=x y", ""},
		"worker: npm run migrate\nweb: yarn prod":     {"prod", "A=2 C=3", ""},
		"web: pnpm run prod\nworker: node worker.js":  {"prod", "A=2 C=3", "procfile-worker"},
		"web: npm run-script prod":                    {"prod", "A=2 C=3", ""},
		"web: node server.js":                         {"", "", "procfile-web"},
		"web: A=1 node server.js\nworker: x":          {"", "", "procfile-web procfile-worker"},
		"web: npm run migrate && npm start":           {"web", "", ""},
		"web: A=1 npm run migrate; exec npm run prod": {"web", "", ""},
		"web: tsc && npm start":                       {"web", "", ""},
		"web: node a.js && node b.js":                 {"", "", "procfile-web"},
		"web: npm run prod -- --port 1":               {"", "", "procfile-web"},
		"web: npm test":                               {"", "", "procfile-web"},
		"web: npm run":                                {"", "", "procfile-web"},
		"web: yarn --version":                         {"", "", "procfile-web"},
		"web: npx serve":                              {"", "", "procfile-web"},
		"worker: x":                                   {"start", "", "procfile-worker"},
		"worker: A=1 npm run prod":                    {"start", "", ""},
		"worker: x\nrelease: npm run migrate":         {"start", "", "procfile-worker"},
	} {
		a := app(t, files{"package.json": `{"scripts": {"start": "node start.js", "prod": "A=2 C=3 node prod.js", "migrate": "node m.js",
			"test": "x"}}`, "start.js": "", "prod.js": "", "m.js": "",
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
		if unmet := strings.Join(a.Unmet(s), " "); s.From.Name != want.script || s.Elsewhere != (want.script == "") || unmet != want.unmet {
			t.Errorf("%q: it starts the script %q and leaves %q, want %+v", text, s.From.Name, unmet, want)
		}
	}
}

// TestOthers starts the scripts and the programs of packages that other processes of a Procfile run.
func TestOthers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		args   string // of each process that is started here
		fault  string
		helped bool
	}{
		"worker: npm run queue\nrelease: npm run migrate": {args: "worker node q.js; release node node_modules/prisma/cli.js migrate deploy"},
		"worker: QUEUE=mail npm run queue":                {args: "worker QUEUE=mail node q.js"},
		"worker: npm run migrate && npm run queue": {
			args: "worker node node_modules/prisma/cli.js migrate deploy && node q.js", helped: true,
		},
		"release: npx prisma migrate deploy":              {args: "release node node_modules/prisma/cli.js migrate deploy"},
		"release: prisma migrate deploy":                  {args: "release node node_modules/prisma/cli.js migrate deploy"},
		"worker: node q.js\nother: ./x":                   {},
		"worker: bash q.sh":                               {},
		"release: npx prisma generate && npm run migrate": {args: "release node node_modules/prisma/cli.js migrate deploy"},
		"worker: npm run wrong": {
			fault: `Procfile line 1: the process worker is "npm run wrong", and there is no script wrong; name another one`,
		},
		"worker: npm run bunny": {
			fault: `Procfile line 1: the process worker is "npm run bunny", and the process web needs the other one of node and bun; ` +
				"start all of it with one of them",
		},
		"# queues\nworker: absent && npm run queue": {
			fault: `Procfile line 2: the process worker is "absent && npm run queue", which is neither node nor a program of a package in ` +
				"the lockfile; write it as node and a file, or name its package in dependencies",
		},
		"worker: npm run queue && prisma-dev": {
			fault: "Procfile line 1: the process worker calls prisma-dev, which is only there for development; " +
				"start what it makes with node in the script start:prod, or move it to dependencies",
		},
		"worker: npm run queue && ./q.sh": {
			fault: `Procfile line 1: the process worker is "npm run queue && ./q.sh", which needs a shell, and run images have none; ` +
				"write instead: exec node q.js",
		},
	} {
		a := app(t, files{
			"package.json": `{"scripts": {"start": "node q.js", "queue": "node q.js", "migrate": "prisma migrate deploy", "bunny": "bun q.ts"}}`,
			"q.js":         "", "q.ts": "", "q.sh": "#!/bin/sh\nexec node q.js\n", "node_modules/prisma/cli.js": "", procfile.Name: text,
		})
		a.Locked = func(_, program string) (string, bool, bool) {
			return "node_modules/prisma/cli.js", program == "prisma-dev", strings.HasPrefix(program, "prisma")
		}
		var err error
		if a.Asked, err = procfile.Read(a.Dir); err != nil {
			t.Fatal(err)
		}
		web, err := a.Choose()
		if err != nil {
			t.Fatal(err)
		}
		all, err := a.Others(web)
		if fmt.Sprint(err) != cmp.Or(want.fault, "<nil>") {
			t.Errorf("%q: %v, want %q", text, err, want.fault)
			continue
		}
		var got []string
		for _, p := range all {
			s, err := a.ResolveOther(p, func(string) (string, bool, error) { return "", false, nil })
			if err != nil {
				t.Fatal(err)
			}
			list, why, err := a.Launch(s, "node")
			if err != nil || why != "process "+p.Type {
				t.Fatalf("%q: it is from %s, %v", text, why, err)
			}
			got = append(got, p.Type+" "+strings.Join(list.Args(), " "))
		}
		if strings.Join(got, "; ") != want.args || want.fault == "" && a.Helped() != want.helped {
			t.Errorf("%q: %q and helped %t, want %q and %t", text, got, a.Helped(), want.args, want.helped)
		}
	}
}

// TestOthersUnlocked starts programs of packages that are found after the install, where the Procfile asks the package manager for them.
func TestOthersUnlocked(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"npx prisma migrate deploy":               "node node_modules/prisma/cli.js migrate deploy",
		"A=1 pnpm exec prisma migrate":            "A=1 node node_modules/prisma/cli.js migrate",
		"yarn prisma migrate && bunx prisma seed": "node node_modules/prisma/cli.js migrate && node node_modules/prisma/cli.js seed",
		"prisma migrate deploy":                   "", // which may be a program of the app
		"npx sh x":                                "",
		"npx -p prisma prisma x":                  "",
	} {
		for _, packages := range []string{"", `, "dependencies": {"prisma": "6"}`} {
			a := app(t, files{"package.json": `{"main": "a.js"` + packages + `}`, "a.js": "", procfile.Name: "release: " + command})
			var err error
			if a.Asked, err = procfile.Read(a.Dir); err != nil {
				t.Fatal(err)
			}
			all, err := a.Others(start.Start{})
			if err != nil {
				t.Errorf("%s: %v", command, err)
			}
			got := ""
			for _, p := range all {
				s, err := a.ResolveOther(p, func(string) (string, bool, error) { return "node_modules/prisma/cli.js", false, nil })
				if err != nil {
					t.Fatal(err)
				}
				list, _, err := a.Launch(s, "node")
				if err != nil {
					t.Fatal(err)
				}
				got = strings.Join(list.Args(), " ")
			}
			if packages == "" && got != "" || packages != "" && got != want {
				t.Errorf("%s with packages %q: %q, want %q", command, packages, got, want)
			}
		}
	}
}
