package start_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// told returns the commands of a start, those of node without it, and a program of a package with "?" in front of it until its file is
// known.
func told(s start.Start) string {
	var list shell.List
	for _, c := range s.Commands {
		words := c.Arguments
		if words == nil {
			words = append([]shell.Word{"?"}, c.Words...)
		}
		list = append(list, shell.Command{After: c.After, Dir: c.Dir, Variables: c.Variables, Words: words})
	}
	text := strings.Join(list.Args(), " ")
	if len(s.Commands) > 0 && s.Commands[0].Dir != "" {
		text = "in " + s.Commands[0].Dir + ": " + text
	}
	for _, script := range s.Build {
		text += " [" + script.Name + ": " + strings.Join(append(script.Env, script.Words...), " ") + "]"
	}
	if s.Bun {
		text = "bun: " + text
	}
	return text
}

// TestChoose reads scripts: variables, other scripts, lists, and what belongs to the build.
func TestChoose(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"NODE_ENV=staging node a.js":                  "NODE_ENV=staging a.js",
		"A= B='x y' node a.js C=1":                    "A= B=x y a.js C=1",
		"npx cross-env A=1 B=2 npm run other":         "A=1 B=2 C=3 b.js",
		"next start -p $PORT":                         "? next start",
		"A=1 next start --port ${PORT:-3000}":         "A=1 PORT=3000 ? next start",
		"next start --port ${PORT:-8080}":             "PORT=8080 ? next start",
		"PORT=1 npx next start -p ${PORT-8080} -H x":  "PORT=8080 ? next start -H x",
		"PORT=1 next start -p$PORT":                   "PORT=1 ? next start",
		"next start -H $PORT":                         "? next start -H ${PORT}",
		"serve -p ${PORT:-8080}":                      "? serve -p ${PORT:-8080}",
		"node c.js && next start -p ${PORT:-8080}":    "c.js && ? next start -p ${PORT:-8080}",
		"node c.js && next start -p $PORT":            "c.js && ? next start",
		"next start -p $PORTAL":                       "? next start -p ${PORTAL}",
		"next start -H 0.0.0.0 -p=${PORT}":            "? next start -H 0.0.0.0",
		"npx next start":                              "? next start",
		"npx -y next start":                           "? next start",
		"A=1 npm exec -- next start":                  "A=1 ? next start",
		"pnpm next start -H x":                        "? next start -H x",
		"yarn exec next start":                        "? next start",
		"yarn node a.js":                              "a.js",
		"yarn other":                                  "C=3 b.js",
		"npm run -s other":                            "C=3 b.js",
		"bun run --preload ./a.ts server.ts --port 1": "bun: run --preload ./a.ts server.ts --port 1",
		"bun other":                                   "C=3 b.js",
		"bun run next start":                          "? next start",
		"exec node a.js":                              "a.js",
		"A=1 exec node a.js":                          "A=1 a.js",

		"node c.js && node a.js":                                        "c.js && a.js",
		"node c.js; node a.js $PORT":                                    "c.js ; a.js ${PORT}",
		"cd server && node a.js":                                        "in server: a.js",
		"cd server && ./bin/x":                                          "in server: ./bin/x", // which node reads in the folder
		"node c.js && cd server && A=$B node a.js":                      "c.js && cd server && A=${B} a.js",
		"export A=1 && echo hi && node a.js":                            "? export A=1 && ? echo hi && a.js",
		"npx prisma migrate deploy && node a.js":                        "? prisma migrate deploy && a.js",
		"npm run other && node a.js":                                    "C=3 b.js && a.js",
		"A=1 npm run both && node a.js --port=$PORT":                    "A=1 c.js && A=1 C=3 b.js && a.js --port=${PORT}",
		"npm run both":                                                  "c.js && C=3 b.js",
		"npm run build && node a.js":                                    "a.js",
		"npm run build && npm run other && node a.js":                   "C=3 b.js && a.js",
		"b -x && node a.js":                                             "? b -x && a.js",
		"b && node a.js":                                                "a.js", // as the script build
		"tsc && node a.js":                                              "a.js [tsc: tsc]",
		"yarn tsc && yarn node a.js":                                    "a.js [yarn tsc: tsc]",
		"rimraf dist && tsc -p . && node a.js":                          "a.js [rimraf dist: rimraf dist] [tsc -p .: tsc -p .]",
		"A=1 npm run compile && node a.js":                              "a.js [compile: A=1]",
		"prisma generate && prisma migrate deploy && node a.js":         "? prisma migrate deploy && a.js [prisma generate: prisma generate]",
		"npm run compile && tsc && npm run compile && tsc && node a.js": "a.js [compile: ] [tsc: tsc]",
		"tsc && A=1 tsc && node a.js":                                   "a.js [tsc: tsc] [tsc: A=1 tsc]",
		"cd /srv && node c.js && cd up && node a.js":                    "in /srv: c.js && cd up && a.js",

		"dotenv -e .env -- npm run other":     "C=3 ? dotenv -e .env -- node b.js",
		"A=1 npx env-cmd -f x npx next start": "A=1 ? env-cmd -f x next start",
		"env-cmd node a.js":                   "? env-cmd node a.js",

		"nodemon a.js": "a.js",
		"nodemon --watch src -e ts,js -q a.js --port 1":                   "a.js --port 1",
		"nodemon --inspect=0.0.0.0 a.js":                                  "--inspect=0.0.0.0 a.js",
		"nodemon --watch=src --delay=1 --exec='node -r ./a' a.js --ext=b": "-r ./a a.js --ext=b",
		"nodemon":                   "a.js",
		"cd server && nodemon i.js": "in server: i.js",
		"cd server && A=1 nodemon -x 'cd sub && B=2 node' i.js": "in server/sub: A=1 B=2 i.js",
		"A=1 nodemon --exec 'node -r ./a' a.js":                 "A=1 -r ./a a.js",
		"nodemon -x npx next start":                             "",
		"./bin/dev start":                                       "--loader x --no-warnings ./bin/dev start",
		"A=2 ./bin/env":                                         "A=2 B=1 x --y ./bin/env",
		"./bin/bun":                                             "bun: --smol ./bin/bun",
		"./bin/www":                                             "./bin/www",
		"node ./bin/www && node ./server/a.js && node ./server": "./bin/www && ./server/a.js && ./server",
	} {
		if want == "" {
			continue
		}
		a := app(t, files{"package.json": `{"main": "a.js", "scripts": {"start": "` + line + `", "other": "C=3 node b.js",
			"preother": "npm run build", "both": "node c.js && npm run other", "build": "b", "compile": "x | y"},
			"dependencies": {"next": "1"}}`, "bin/www": "#!/usr/bin/env node\n",
			"bin/dev": "#!/usr/bin/env -S node --loader x --no-warnings\r\n", "bin/env": "#! /usr/bin/env -S B=1 node x --y\n",
			"bin/bun": "#!/usr/local/bin/bun --smol\n", "a.js": "",
			"server/bin/x": "#!/usr/bin/env node\n"})
		got, err := a.Choose()
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if told(got) != want || got.From.Name != "start" {
			t.Errorf("%s: it starts %q by %s, want %q", line, told(got), got.From.Name, want)
		}
		_, err = shell.Parse(line)
		if helped := a.Helped(); err == nil && helped != (strings.ContainsAny(want, "&;$") || strings.Contains(want, "? export")) {
			t.Errorf("%s: the launch helper is needed: %t", line, helped)
		}
	}
}

// TestNodemon starts what nodemon.json says.
func TestNodemon(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"exec": "node -r ./x a.js", "watch": ["src"]}`: "-r ./x a.js", `{"watch": ["src"]}`: "a.js", `{"exec": `: "a.js",
	} {
		a := app(t, files{"package.json": `{"main": "a.js", "scripts": {"start": "nodemon"}}`, "a.js": "", "nodemon.json": config})
		if got, err := a.Choose(); told(got) != want || err != nil {
			t.Errorf("%s: it starts %q, %v, want %q", config, told(got), err, want)
		}
	}
}

// TestSeveral reads programs that start several commands.
func TestSeveral(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"run-s a b":                                "a.js && c.js && b.js",
		"npx run-s -ls a b":                        "a.js && c.js && b.js",
		"run-s -c a one":                           "a.js ; one.js",
		"run-s build a":                            "a.js",
		"run-s compile a && node x.js":             "a.js && x.js [compile: ]",
		"npm-run-all build a":                      "a.js",
		"npm-run-all compile -p a one":             "a.js & one.js [compile: ]",
		"npm-run-all --parallel a one":             "a.js & one.js",
		"run-s 'go:*'":                             "z.js && a1.js",
		"run-s go:*":                               "z.js && a1.js",
		"npx run-s go:** one && node x.js":         "z.js && a1.js && deep.js && one.js && x.js",
		"concurrently npm:go:*":                    "z.js & a1.js & deep.js",
		"run-s 'go:**' one":                        "z.js && a1.js && deep.js && one.js",
		"run-p one a":                              "one.js & a.js",
		"A=1 run-p one b":                          "A=1 one.js & A=1 c.js && A=1 b.js",
		"yarn run-p -l a two":                      "a.js & x.js ; y.js",
		"run-p a":                                  "a.js",
		"run-p both one":                           "a.js & one.js & one.js",
		"npx concurrently \"node x.js 1\" npm:one": "x.js 1 & one.js",
		"concurrently -n a,b -c red --kill-others-on-fail 'cd sub && node x.js' 'A=$B node y.js'": "in sub: x.js & cd .. && A=${B} y.js",
		"concurrently 'npm:go:*'": "z.js & a1.js & deep.js",
		"npm run compile && concurrently -k --names=a 'npm run one' 'node y.js'": "one.js & y.js [compile: ]",
		"concurrently 'nest start' 'node y.js'":                                  "prod.js",
	} {
		scripts, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		a := app(t, files{"package.json": `{"scripts": {"start": ` + string(scripts) + `, "go:z": "node z.js", "go:a": "node a1.js",
			"go:deep:x": "node deep.js", "a": "node a.js", "one": "node one.js", "b": "node b.js", "preb": "node c.js",
			"two": "node x.js; node y.js", "both": "run-p a one", "build": "x", "compile": "x | y", "start:prod": "node prod.js"},
			"devDependencies": {"@nestjs/cli": "1"}}`})
		a.Locked = func(string, string) (string, bool, bool) { return "node_modules/@nestjs/cli/nest.js", true, true }
		got, err := a.Choose()
		if err != nil || told(got) != want {
			t.Errorf("%s: it starts %q, %v, want %q", line, told(got), err, want)
		}
		if helped := a.Helped(); helped != strings.ContainsAny(want, "&;$") {
			t.Errorf("%s: the launch helper is needed: %t", line, helped)
		}
	}
}

// TestSeveralFaults has programs whose commands cannot be started, and what to write instead.
func TestSeveralFaults(t *testing.T) {
	t.Parallel()
	const lines = ", or write a Procfile with the commands that the image starts, one of them as web: "
	for line, want := range map[string]string{
		"concurrently --restart-tries 3 'node a'": "and concurrently has the option --restart-tries; leave it out",
		"run-s --max-parallel 2 a":                "and run-s has the option --max-parallel; leave it out",
		"run-s a -- x":                            "and run-s has arguments for scripts behind --; ",
		"run-p":                                   "and run-p names nothing to start; ",
		"run-p 'no:*'":                            "and run-p names no:*, which no script is called like; ",
		"run-p a none":                            "there is no script none; name another one" + lines + "npm run a",
		"concurrently 'node a | tee b' npm:a":     "run both in a program of the app; in single quotes it is text" + lines + "node a | tee b",
		"concurrently npm:a 'vite --host'":        "calls vite, which is only there for development; ",
		"node a.js && run-p a b":                  "which runs some commands at the same time, and others before or after them; ",
		"run-p a b && node a.js":                  "which runs some commands at the same time",
		"npm-run-all a -p a b -s a":               "which runs some commands at the same time",
		"cd x && run-p a b":                       "set BP_NODE_PROJECT_PATH=x",
		"turbo run a b":                           "and turbo starts npm or a shell",
		"run-p start a":                           "which runs itself",
	} {
		a := app(t, files{"package.json": `{"scripts": {"start": "` + line + `", "a": "node a.js", "b": "node b.js"},
			"devDependencies": {"vite": "1"}}`, "x/package.json": "{}", "a.js": "", "b.js": ""})
		a.Locked = func(string, string) (string, bool, bool) { return "node_modules/vite/vite.js", true, true }
		_, err := a.Choose()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// TestHooks runs prestart before start, unless the build has run it.
func TestHooks(t *testing.T) {
	t.Parallel()
	for scripts, want := range map[string]string{
		`"prestart": "node a.js", "start": "node b.js"`:                            "a.js && b.js",
		`"prestart": "node a.js; node c.js", "start": "node b.js"`:                 "a.js ; c.js && b.js",
		`"prestart": "tsc", "start": "node b.js"`:                                  "b.js [tsc: tsc]",
		`"prestart": "npm run build", "build": "x", "start": "node b.js"`:          "b.js",
		`"prestart": "A=1 node a.js", "start": "B=1 node b.js && node c.js"`:       "A=1 a.js && B=1 b.js && c.js",
		`"start": "npm run x && node b.js", "prex": "node p.js", "x": "node x.js"`: "p.js && x.js && b.js",
	} {
		a := app(t, files{"package.json": `{"scripts": {` + scripts + `}}`, "a.js": "", "b.js": "", "c.js": "", "p.js": "", "x.js": ""})
		got, err := a.Choose()
		if err != nil || told(got) != want {
			t.Errorf("%s: it starts %q, %v, want %q", scripts, told(got), err, want)
		}
	}
}

// TestBuiltByAnother runs no script again that another script of the build has run.
func TestBuiltByAnother(t *testing.T) {
	t.Parallel()
	a := app(t, files{"package.json": `{"scripts": {"start": "npm run make && node a.js", "build": "npm run make", "make": "x"}}`, "a.js": ""})
	if s, err := a.Choose(); err != nil || told(s) != "a.js" {
		t.Errorf("it starts %q, %v", told(s), err)
	}
	a = app(t, files{"package.json": `{"scripts": {"start": "npm run make && node a.js", "build": "run-s 'ma*'", "make": "x"}}`, "a.js": ""})
	if s, err := a.Choose(); err != nil || told(s) != "a.js" {
		t.Errorf("by a program that runs scripts: it starts %q, %v", told(s), err)
	}
}

// TestScriptFaults has what needs a shell, and what to write instead.
func TestScriptFaults(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"sh ./start.sh":             "write instead: export A=1 && exec node server.js",
		"bash start.sh":             "write instead: export A=1 && exec node server.js",
		"./start.sh":                "write instead: export A=1 && exec node server.js",
		"sh long.sh":                "write the commands of long.sh instead, one after the other with &&",
		"sh -c 'node a'":            "write the commands of -c instead, one after the other with &&",
		"./plain.sh":                "write instead: node a.js",
		"./python":                  "which is neither node nor",
		"./data":                    "which is neither node nor",
		"./absent.js":               "name a file that is there",
		"node server.js | tee log":  "run both in a program of the app",
		"node a.js || node b.js":    "write ; if the second command may run in any case",
		"cd /srv && ./absent":       "and there is no file /srv/absent; ",
		"cd server && npm start":    "set BP_NODE_PROJECT_PATH=server",
		"npm start --prefix server": "set BP_NODE_PROJECT_PATH=server",
		"cd /srv && npm start":      "and there is no package.json in /srv; name a folder of the app that has one",
		"cd bin && yarn start":      "/bin; name a folder of the app that has one",
		"npm run two && node a.js":  "it is",
		"node a.js && npm run two":  "write its commands into this script",
		"node a.js && bun b.js":     "start all of it with one of them",
		"lerna run a":               "start the server with node",
		"nf start":                  "and nf starts npm or a shell",
		"dotenv -- npm run two":     "and dotenv starts several commands; write dotenv before the command that needs it",
		"dotenv npm run none":       "there is no script none",
	} {
		a := app(t, files{"package.json": `{"scripts": {"start": "` + line + `", "two": "node b.js; node c.js"}}`,
			"a.js": "", "b.js": "", "c.js": "", "plain.sh": "node a.js\n", "python": "#!/usr/bin/env python3\n", "data": "node\n",
			"server/package.json": `{"scripts": {"start": "node x.js"}}`,
			"start.sh":            "#!/bin/sh\nset -e\n\n# starts\nexport A=1\nexec node server.js\n", "long.sh": "if a; then\nb\nfi\n"})
		_, err := a.Choose()
		if want == "it is" {
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// TestMissing refuses files that are not there after the build, and names the one that may be meant.
func TestMissing(t *testing.T) {
	t.Parallel()
	const what, do = " is not a file; ", "name a file that is there after the build"
	for line, want := range map[string]string{
		"node dist/index.js":            "where dist/index.js" + what + do + ": there is build/index.js",
		"node Server.js":                "where Server.js" + what + do + ": there is server.js",
		"node ./bin/www":                "where bin/www" + what + do + ", or add a script build",
		"node lib":                      "where lib" + what + do,
		"node -r ./x --title a dist/b":  "where dist/b" + what + do + ": there is build/deep/b.ts",
		"node server.js && node absent": "where absent" + what,
		"cd build && node server.js":    "where build/server.js" + what + do + ": there is server.js",
		"node server":                   "", "node .": "", "node build": "", "node pack": "", "node -e 1": "", "node $A": "", "node -": "",
		"node node_modules/a/b.js": "", "node --watch server.js --x": "", "cd build && node index.js": "", "node /opt/a.js": "",
		"node --watch-path ./build server.js": "", "node --title x server.js": "",
		"node --import ./x build/deep/b.ts": "",
	} {
		a := app(t, files{"package.json": `{"main": "server", "scripts": {"start": "` + line + `"}}`, "server.js": "", "build/index.js": "",
			"build/deep/b.ts": "", "pack/package.json": `{"main": "x.js"}`, "pack/x.js": "", "lib/a.js": "", "node_modules/x/dist/index.js": ""})
		_, err := a.Choose()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
	a := app(t, files{"package.json": `{"scripts": {"build": "x", "start": "node dist/index.js"}}`})
	s, err := a.Choose() // the build may make it
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Launch(s, "node"); err == nil || !strings.HasSuffix(err.Error(), "name a file that is there after the build") {
		t.Errorf("after the build: %v", err)
	}
}

// TestRoots has what is started besides the project: workspaces, and packages for development that run an app.
func TestRoots(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"node packages/api/index.js":                    "packages/api",
		"node x.js && node ./packages/api && node x.js": "",
		"node packages/api/index.js && node x.js":       "packages/api",
		"node packages/api/node_modules/a/x.js":         "",
		"tsx x.ts":                                      "tsx",
		"npx tsx watch x.ts":                            "tsx",
		"node -r ts-node/register -r dotenv/config x":   "ts-node",
		"node --import=tsx x.ts":                        "tsx",
		"dotenv -- node x.js":                           "dotenv-cli",
		"nodemon --exec ts-node x.ts":                   "ts-node",
		"nodemon -w src x.ts":                           "ts-node",
		"nodemon --exec node x.ts":                      "",
		"nodemon x.js":                                  "",
		"serve -s dist":                                 "",
	} {
		a := app(t, files{"package.json": `{"workspaces": ["packages/*"], "scripts": {"start": "` + line + `", "build": "x"},
			"dependencies": {"dotenv": "1", "serve": "1"}, "devDependencies": {"tsx": "1", "ts-node": "1", "dotenv-cli": "1"}}`,
			"packages/api/package.json": "{}"})
		s, err := a.Choose()
		if got := strings.Join(a.Roots(s), " "); got != want || err != nil {
			t.Errorf("%s: roots are %q, %v, want %q", line, got, err, want)
		}
	}
	a := app(t, files{"package.json": `{"workspaces": ["*"], "scripts": {"start": ""}}`, "api/package.json": "{}", "api/index.js": ""})
	for folder, want := range map[string]string{"": "api/index.js", "/": "api/index.js", "/api": "in api: index.js"} {
		a.Manifest.Scripts["start"] = "cd " + a.App + folder + " && node " + want[strings.LastIndex(want, " ")+1:]
		if s, err := a.Choose(); err != nil || !slices.Equal(a.Roots(s), []string{"api"}) || told(s) != want {
			t.Errorf("%s: roots are %q, it starts %q, %v; want %q", a.Manifest.Scripts["start"], a.Roots(s), told(s), err, want)
		}
	}
	qwik := app(t, files{"package.json": `{"scripts": {"build": "qwik build"}, "dependencies": {"compression": "1"},
		"devDependencies": {"@builder.io/qwik-city": "1", "express": "4", "compression": "1", "vite": "7"}}`})
	if got := qwik.Roots(start.Start{}); !slices.Equal(got, []string{"express"}) {
		t.Errorf("Qwik's server: roots are %q, want express", got)
	}
}

// TestManyScripts has scripts that each run the next one twice, in two ways.
func TestManyScripts(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"npm run %[1]s && npm run %[1]s", "run-p %[1]s %[1]s", "concurrently npm:%[1]s 'npm run %[1]s'"} {
		scripts := map[string]string{"start": fmt.Sprintf(line, "s0"), "s40": "node a.js"}
		for i := range 40 {
			scripts[fmt.Sprint("s", i)] = fmt.Sprintf(line, fmt.Sprint("s", i+1))
			if strings.HasPrefix(line, "npm") { // in the others, a hook cannot come between
				scripts[fmt.Sprint("pres", i)] = fmt.Sprintf(line, fmt.Sprint("s", i+1))
			}
		}
		text, err := json.Marshal(map[string]any{"scripts": scripts})
		if err != nil {
			t.Fatal(err)
		}
		a := app(t, files{"package.json": string(text), "a.js": ""})
		if _, err := a.Choose(); err == nil || !strings.Contains(err.Error(), "more than 200 scripts") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
