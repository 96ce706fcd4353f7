package start_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

type files = map[string]string

// app returns an app of which the build runs the script build, if it has one.
func app(t *testing.T, content files, folder ...string) start.App {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, content)
	p, err := project.Find(dir, strings.Join(folder, "/"))
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := p.ChooseScripts(project.Asked{Names: []string{"build"}})
	if err != nil {
		t.Fatal(err)
	}
	return start.App{Project: p, Scripts: scripts}
}

// TestLocked starts a program by its file, which the lockfile tells.
func TestLocked(t *testing.T) {
	t.Parallel()
	a := app(t, files{
		"package.json":     `{"workspaces": ["web"]}`,
		"web/package.json": `{"scripts": {"start": "sirv --single", "start:prod": "node prod.js"}, "dependencies": {"sirv-cli": "14"}}`,
		"web/prod.js":      "",
	}, "web")
	for _, tt := range []struct {
		dev, found bool
		want       string
	}{
		{false, true, "../node_modules/sirv-cli/main.js --single"}, {true, true, "prod.js"}, {false, false, ""},
	} {
		a.Locked = func(from, program string) (string, bool, bool) {
			if from != "web" || program != "sirv" {
				t.Errorf("%s is looked for from %s", program, from)
			}
			return "node_modules/sirv-cli/main.js", tt.dev, tt.found
		}
		if s, err := a.Choose(); told(s) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("for development %t, found %t: %q, %v; want %q", tt.dev, tt.found, told(s), err, tt.want)
		}
	}
}

// TestProgram starts an app by the program of a package that serves its functions, where no script does.
func TestProgram(t *testing.T) {
	t.Parallel()
	const functions = `"dependencies": {"@google-cloud/functions-framework": "5"}`
	for manifest, want := range map[string]string{
		`{` + functions + `}`: "? functions-framework", `{"main": "index.js", ` + functions + `}`: "? functions-framework",
		`{"scripts": {"start": "node index.js"}, ` + functions + `}`:                     "index.js",
		`{"devDependencies": {"@google-cloud/functions-framework": "5"}}`:                "",
		`{"scripts": {"build": "x", "gcp-build": "tsc function.ts"}, ` + functions + `}`: "? functions-framework",
	} {
		s, err := app(t, files{"package.json": manifest, "index.js": ""}).Choose()
		if told(s) != want || err != nil {
			t.Errorf("%s: it starts %q, %v; want %q", manifest, told(s), err, want)
		}
	}
}

// TestResolve has programs that are found after the install, and what there is instead of one that is only for development.
func TestResolve(t *testing.T) {
	t.Parallel()
	find := func(program string) (string, bool, error) {
		files := map[string]string{"serve": "node_modules/serve/main.js", "tsx": "node_modules/tsx/cli.mjs", "nest": "node_modules/nest/bin.js"}
		return files[program], program == "nest" || program == "tsx" || program == "ts-node", nil
	}
	for _, tt := range []struct {
		manifest, want, why, fault string
	}{
		{`{"scripts": {"start": "serve --single"}}`, "node node_modules/serve/main.js --single", "script start", ""},
		{`{"scripts": {"start": "cd web && serve -l $PORT"}}`, "node ../node_modules/serve/main.js -l ${PORT}", "script start", ""},
		{`{"scripts": {"start": "echo x && serve"}}`, "echo x && node node_modules/serve/main.js", "script start", ""},
		{`{"scripts": {"start": "tsx server.ts"}}`, "node node_modules/tsx/cli.mjs server.ts", "script start", ""},
		{`{"scripts": {"start": "ts-node server.ts"}}`, "", "", "node-start-development"}, // as with Plug'n'Play
		{`{"scripts": {"start": "nest start", "start:prod": "A=1 node server"}}`, "A=1 node server", "script start:prod", ""},
		{`{"scripts": {"start": "nest start", "start:prod": "serve"}}`, "node node_modules/serve/main.js", "script start:prod", ""},
		{`{"scripts": {"start": "nest start"}, "dependencies": {"@astrojs/node": "1"}}`, "node server.js", "main file", ""},
		{`{"scripts": {"start": "nest start"}}`, "", "", "node-start-development"},
		{`{"scripts": {"start": "nest start", "start:prod": "nest start"}}`, "", "", "node-start-development"},
		{`{"scripts": {"start": "absent"}}`, "", "", "node-start"},
	} {
		a := app(t, files{"package.json": tt.manifest[:len(tt.manifest)-1] + `, "peerDependencies": {"a": "1"}}`, "server.js": ""})
		s, err := a.Choose()
		if err != nil {
			t.Fatal(err)
		}
		before, list, why := told(s), shell.List{}, ""
		resolved, err := a.Resolve(s, find)
		if err == nil {
			list, why, err = a.Launch(resolved, "node")
		}
		got := fault.Fault{}
		if errors.As(err, &got); got.ID != tt.fault || strings.Join(list.Args(), " ") != tt.want || why != tt.why {
			t.Errorf("%s: %q by %q, %v; want %q by %q, %s", tt.manifest, list.Args(), why, err, tt.want, tt.why, tt.fault)
		}
		if told(s) != before {
			t.Errorf("%s: the start that was chosen is changed: %+v", tt.manifest, s)
		}
	}
}

// TestMainFile finds what is started without a script: the server that a framework made, or else a file of a usual name.
func TestMainFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dev        string
		files      files
		want       string
		typescript bool
	}{
		{"@sveltejs/adapter-node", files{"build/index.js": "", "index.js": ""}, "build/index.js", false},
		{"@angular/ssr", files{"dist/shop/server/server.mjs": ""}, "dist/shop/server/server.mjs", false},
		{"@astrojs/node", files{"server.js": ""}, "server.js", false}, // as middleware
		{"@builder.io/qwik-city", files{"server/entry.express.js": "", "server/entry.ssr.js": ""}, "server/entry.express.js", false},
		{"vite", files{"build/index.js": "", "index.js": ""}, "index.js", false},
		{"x", files{"app.js": "", "src/index.js": "", "index.ts": ""}, "app.js", true},
		{"x", files{"main.js": "", "src/server.js": ""}, "main.js", false},
		{"x", files{"src/index.ts": "", "index.mjs": ""}, "index.mjs", true},
		{"x", files{"src/index.ts": "", "src/main.ts": ""}, "src/index.ts", true},
		{"x", files{"index.ts": "", "src/index.js": ""}, "src/index.js", false},
	} {
		tt.files["package.json"] = `{"devDependencies": {"` + tt.dev + `": "1"}}`
		a := app(t, tt.files)
		a.TypeScript = tt.typescript
		if got, _, err := a.Launch(start.Start{}, "node"); strings.Join(got.Args(), " ") != "node "+tt.want {
			t.Errorf("with %s the main file is %q, %v, want %q", tt.dev, got.Args(), err, tt.want)
		}
	}
}

// TestSource starts an app in TypeScript whose main is what npm init writes.
func TestSource(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		main, want string
		files      files
		older      bool // Node.js, which runs no TypeScript
	}{
		{"index.js", "index.ts", files{"index.ts": ""}, false},
		{"./index", "src/index.mts", files{"src/index.mts": ""}, false},
		{"lib/app.js", "lib/app.ts", files{"lib/app.ts": "", "index.ts": ""}, false},
		{"index.js", "index.js", files{"index.ts": "", "index.js": "", "dist/index.js": ""}, false},
		{"index.js", "dist/index.js", files{"src/index.ts": "", "dist/index.js": ""}, false},
		{"src/index.js", "build/index.js", files{"src/index.ts": "", "build/index.js": ""}, true},
		{"index.js", "", files{"index.ts": ""}, true},
		{"index.js", "", files{"dist/index.js": "", "main.ts": ""}, false}, // of something else
		{"dist/index.js", "", files{"src/index.ts": ""}, false},            // a build is missing
	} {
		tt.files["package.json"] = `{"main": "` + tt.main + `"}`
		a := app(t, tt.files)
		a.TypeScript = !tt.older
		list, _, err := a.Launch(start.Start{}, "node")
		if got := strings.TrimPrefix(strings.Join(list.Args(), " "), "node "); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("main %s of %v: %q, %v, want %q", tt.main, slices.Sorted(maps.Keys(tt.files)), got, err, tt.want)
		}
	}
}

// TestWorkspaceHint names the workspaces that start something, where the root starts nothing.
func TestWorkspaceHint(t *testing.T) {
	t.Parallel()
	const workspaces = `"workspaces": ["apps/*"]`
	more := files{
		"apps/api/package.json": `{"scripts": {"start": "node x"}}`, "apps/web/package.json": `{"scripts": {"start": "vite"}}`,
		"apps/lib/package.json": "{}",
	}
	for manifest, folder := range map[string]string{
		`{` + workspaces + `}`: "", `{"main": "index.js", ` + workspaces + `}`: "", `{"private": true, ` + workspaces + `}`: "apps/lib",
	} {
		content := maps.Clone(more)
		content["package.json"] = manifest
		_, err := app(t, content, folder).Choose()
		const hint = ", or set BP_NODE_PROJECT_PATH to the workspace that is the app: apps/api, apps/web"
		if err == nil || strings.HasSuffix(err.Error(), hint) != (folder == "") {
			t.Errorf("%s in %q: %v", manifest, folder, err)
		}
	}
	_, err := app(t, files{"package.json": `{` + workspaces + `}`, "apps/a/package.json": "{}", "apps/b/package.json": "{}"}).Choose()
	const none = ", or add a script start to a workspace and set BP_NODE_PROJECT_PATH to that: apps/a, apps/b"
	if err == nil || !strings.HasSuffix(err.Error(), none) {
		t.Errorf("workspaces without a script: %v", err)
	}
}

// TestEntries starts what others load, where the app names no main file.
func TestEntries(t *testing.T) {
	t.Parallel()
	for manifest, want := range map[string]string{
		`{"module": "lib/a.mjs"}`:                         "lib/a.mjs",
		`{"exports": "./lib/a.mjs"}`:                      "lib/a.mjs",
		`{"exports": {".": "./lib/a.mjs"}}`:               "lib/a.mjs",
		`{"exports": {"import": "./lib/a.mjs"}}`:          "lib/a.mjs",
		`{"exports": {".": {"default": "./lib/a.mjs"}}}`:  "lib/a.mjs",
		`{"exports": "./dist/absent.js"}`:                 "app.js",
		`{"exports": "../a.js", "module": "/a.js"}`:       "app.js",
		`{"main": false}`:                                 "app.js",
		`{"main": "app.js", "bin": "lib/a.mjs"}`:          "lib/a.mjs",
		`{"main": "app.js", "bin": {"a": "./lib/a.mjs"}}`: "lib/a.mjs",
		`{"main": "app.js", "bin": "dist/absent.js"}`:     "app.js",
		`{"main": ""}`: "app.js",
	} {
		got, _, err := app(t, files{"package.json": manifest, "lib/a.mjs": "", "app.js": ""}).Launch(start.Start{}, "node")
		if strings.Join(got.Args(), " ") != "node "+want {
			t.Errorf("%s: it starts %q, %v, want %q", manifest, got.Args(), err, want)
		}
	}
	served := app(t, files{"package.json": `{"main": "index.js", "bin": "cli.js"}`, "cli.js": "", "index.js": "", "server.js": ""})
	if got, _, err := served.Launch(start.Start{}, "node"); strings.Join(got.Args(), " ") != "node index.js" {
		t.Errorf("a server with a program beside it: it starts %q, %v", got.Args(), err)
	}
	alone := app(t, files{"server.js": ""}) // without a package.json
	if got, _, err := alone.Launch(start.Start{}, "node"); strings.Join(got.Args(), " ") != "node server.js" || alone.HasPackages() {
		t.Errorf("a program alone: it starts %q, %v", got.Args(), err)
	}
}

// names returns the files below a folder, and the folders that have none.
func names(t *testing.T, dir string) []string {
	t.Helper()
	all := slices.Sorted(maps.Keys(kittest.Tree(t, dir)))
	return slices.DeleteFunc(all, func(name string) bool {
		return strings.HasSuffix(name, "/") && slices.ContainsFunc(all,
			func(other string) bool { return other != name && strings.HasPrefix(other, name) })
	})
}

// TestAdapter names the adapter to apps whose framework made no server, whether they say how they start or not.
func TestAdapter(t *testing.T) {
	t.Parallel()
	for packages, want := range map[string]string{
		`"@sveltejs/kit": "2", "@sveltejs/adapter-vercel": "6"`: "npm install --save-dev @sveltejs/adapter-node",
		`"@builder.io/qwik-city": "1"`:                          "npm run qwik add express",
		`"@tanstack/react-start": "1"`:                          "npm install srvx",
	} {
		for _, start := range []string{"", `, "start": "vite --open"`} {
			a := app(t, files{"src/index.ts": "",
				"package.json": `{"scripts": {"build": "b"` + start + `}, "devDependencies": {"vite": "7", ` + packages + `}}`})
			a.TypeScript = true
			s, err := a.Choose()
			if err == nil {
				s, err = a.Resolve(s, func(string) (string, bool, error) { return "", true, nil })
			}
			if err == nil {
				_, _, err = a.Launch(s, "node")
			}
			if err == nil || !strings.Contains(err.Error(), "and no script starts one; add ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s%s: %v, want %s", packages, start, err, want)
			}
		}
	}
}

// TestReplace makes apps the servers that their build scripts made.
func TestReplace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, folder    string
		app             files
		left            []string
		members         []string
		dir, file, port string
	}{
		{
			"Next.js", "", files{
				"package.json": `{"scripts": {"start": "next start -p 4000"}, "dependencies": {"next": "1"}}`, "app/page.js": "",
				".next/standalone/server.js": "", ".next/standalone/package.json": "{}", ".next/static/a.js": "", "public/b.png": "", ".next/build": "",
				"Procfile": "web: npm start",
			},
			[]string{".next/static/a.js", "Procfile", "package.json", "public/b.png", "server.js"}, nil, ".", "server.js", "4000",
		},
		{
			"Next.js of a workspace", "apps/web", files{
				"package.json": `{"workspaces": ["apps/*"]}`, "apps/web/package.json": `{"scripts": {"start": "next start"}}`,
				"apps/other/package.json":                      "{}",
				"apps/web/.next/standalone/apps/web/server.js": "", "apps/web/.next/standalone/node_modules/next/index.js": "",
				"apps/web/public/b.png": "", "Procfile": "web: npm start",
			},
			[]string{"Procfile", "apps/web/public/b.png", "apps/web/server.js", "node_modules/next/index.js"}, []string{"apps/web"}, "apps/web",
			"server.js", "",
		},
		{
			"Nuxt of a workspace", "web", files{
				"package.json": `{"workspaces": ["*"]}`, "web/package.json": `{"dependencies": {"nuxt": "4"}, "scripts": {"build": "nuxt build"}}`,
				"lib/package.json": "{}", "web/.output/server/index.mjs": "", "web/.output/public/a.js": "",
				"web/.output/server/node_modules/vue/index.js": "",
			},
			[]string{"node_modules/vue/index.js", "package.json", "public/a.js", "server/index.mjs"}, nil, ".", "server/index.mjs", "",
		},
		{
			"a bundle", "", files{"package.json": `{"dependencies": {"nitropack": "2"}, "scripts": {"start": "node .output/server/index.mjs"}}`,
				".output/server/index.mjs": ""},
			[]string{"node_modules/", "package.json", "server/index.mjs"}, nil, ".", "server/index.mjs", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := app(t, tt.app, tt.folder)
			s, err := a.Choose()
			if err != nil {
				t.Fatal(err)
			}
			if a.Standalone(s) == nil {
				t.Fatal("no standalone server is started")
			}
			got, err := a.Replace(s)
			if err != nil || got == nil {
				t.Fatalf("%v, %v", got, err)
			}
			if diff := cmp.Diff(tt.left, names(t, a.Root)); diff != "" {
				t.Errorf("what is left (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.members, got.Project.Members); diff != "" || got.Project.From() != tt.dir {
				t.Errorf("the project is %s, its members (-want +got):\n%s", got.Project.From(), diff)
			}
			if told(got.Start) != tt.file || got.Port != tt.port {
				t.Errorf("it starts %+v at port %q, want %s at %q", got.Start, got.Port, tt.file, tt.port)
			}
		})
	}
}

// TestPort keeps the port that an app takes where the platform names none, with its standalone server too.
func TestPort(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]string{"": "", " -p $PORT": "", " --port ${PORT:-4000}": "4000", " -p=${PORT-4000} -H x": "4000"} {
		for _, before := range []string{"", "PORT=1 "} {
			a := app(t, files{"package.json": `{"scripts": {"start": "` + before + "next start" + option + `"}, "dependencies": {"next": "1"}}`})
			s, err := a.Choose()
			if err != nil {
				t.Fatal(err)
			}
			variables, err := a.Env(s, "web")
			got := want
			if got == "" {
				got = strings.Trim(before, "PORT= ")
			}
			if err != nil || variables["PORT"] != got || a.Standalone(s) == nil || a.Helped() {
				t.Errorf("%snext start%s: PORT is %q (%v), want %q, by the standalone server", before, option, variables["PORT"], err, got)
			}
		}
	}
}

// TestInside starts a standalone server where it was made, in an app that has other processes, too.
func TestInside(t *testing.T) {
	t.Parallel()
	const nitro, next = ".output/server/index.mjs", ".next/standalone/server.js"
	for _, tt := range []struct{ manifest, made, want string }{
		{`{"dependencies": {"nuxt": "4"}, "scripts": {"build": "nuxt build"}}`, nitro, nitro},
		{`{"dependencies": {"nuxt": "4"}, "scripts": {"start": "nuxt preview"}}`, nitro, nitro},
		{`{"dependencies": {"nuxt": "4"}, "scripts": {"start": "nuxt preview"}}`, "other", "found.js preview"},
		{`{"dependencies": {"next": "1"}, "scripts": {"start": "next start"}}`, next, "found.js start"},
	} {
		a := app(t, files{"package.json": tt.manifest, tt.made: ""}, "")
		s, err := a.Choose()
		if err == nil {
			s, err = a.Resolve(s, func(string) (string, bool, error) { return "found.js", false, nil })
		}
		if got := told(s); err != nil || got != tt.want {
			t.Errorf("%s: node is given %q, %v, want %q", tt.manifest, got, err, tt.want)
		}
	}
}

// TestNoServer leaves an app as it is whose build script made no server.
func TestNoServer(t *testing.T) {
	t.Parallel()
	a := app(t, files{"package.json": `{"scripts": {"start": "next start"}, "dependencies": {"next": "1"}}`, ".next/build": ""})
	before := kittest.Tree(t, a.Root)
	s, err := a.Choose()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Replace(s); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if diff := cmp.Diff(before, kittest.Tree(t, a.Root)); diff != "" {
		t.Errorf("the app (-before +after):\n%s", diff)
	}
}
