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

// TestChoose reads scripts that set variables and run others.
func TestChoose(t *testing.T) {
	t.Parallel()
	next := func(words ...string) start.Start {
		words = append([]string{"next", "start"}, words...)
		return start.Start{Program: words, Command: words}
	}
	production := next()
	production.Variables = files{"NODE_ENV": "production"}
	for line, want := range map[string]start.Start{
		"NODE_ENV=staging node a.js": {Arguments: []string{"a.js"}, Variables: files{"NODE_ENV": "staging"}},
		"A= B='x y' node a.js C=1":   {Arguments: []string{"a.js", "C=1"}, Variables: files{"A": "", "B": "x y"}},
		"npx cross-env A=1 B=2 npm run other": {Arguments: []string{"b.js"}, Script: "other", Variables: files{"A": "1", "B": "2",
			"C": "3"}},
		"next start -p $PORT":                              next(),
		"NODE_ENV=production next start --port ${PORT:-3}": production,
		"next start -H 0.0.0.0 -p=${PORT}":                 next("-H", "0.0.0.0"),
		"npx next start":                                   next(),
		"npm run build && node a.js":                       {Arguments: []string{"a.js"}},
		"yarn other":                                       {Arguments: []string{"b.js"}, Script: "other", Variables: files{"C": "3"}},
		"bun run --preload ./a.ts server.ts --port 1": {Arguments: []string{"run", "--preload", "./a.ts", "server.ts", "--port", "1"},
			Bun: true},
		"bun other":          {Arguments: []string{"b.js"}, Script: "other", Variables: files{"C": "3"}},
		"bun run next start": next(),
	} {
		a := app(t, files{"package.json": `{"scripts": {"start": "` + line + `", "other": "C=3 node b.js", "preother": "npm run build",
			"build": "b"},
			"dependencies": {"next": "1"}}`})
		got, err := a.Choose()
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if want.Script == "" {
			want.Script = "start"
		}
		if want.Variables == nil {
			want.Variables = files{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// TestLocked starts a program by its file, which the lockfile tells.
func TestLocked(t *testing.T) {
	t.Parallel()
	a := app(t, files{
		"package.json":     `{"workspaces": ["web"]}`,
		"web/package.json": `{"scripts": {"start": "serve --single", "start:prod": "node prod.js"}, "dependencies": {"serve": "14"}}`,
	}, "web")
	for _, tt := range []struct {
		dev, found bool
		want       []string
	}{
		{false, true, []string{"../node_modules/serve/main.js", "--single"}}, {true, true, []string{"prod.js"}}, {false, false, nil},
	} {
		a.Locked = func(from, program string) (string, bool, bool) {
			if from != "web" || program != "serve" {
				t.Errorf("%s is looked for from %s", program, from)
			}
			return "node_modules/serve/main.js", tt.dev, tt.found
		}
		if s, err := a.Choose(); !slices.Equal(s.Arguments, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("for development %t, found %t: %q, %v; want %q", tt.dev, tt.found, s.Arguments, err, tt.want)
		}
	}
}

// TestResolve has programs that are found after the install, and what there is instead of one that is only for development.
func TestResolve(t *testing.T) {
	t.Parallel()
	find := func(program string) (string, bool, error) {
		return map[string]string{"serve": "node_modules/serve/main.js"}[program], program == "nest", nil
	}
	for _, tt := range []struct {
		manifest, want, why, fault string
	}{
		{`{"scripts": {"start": "serve --single"}}`, "node_modules/serve/main.js --single", "script start", ""},
		{`{"scripts": {"start": "nest start", "start:prod": "A=1 node dist/main"}}`, "dist/main", "script start:prod", ""},
		{`{"scripts": {"start": "nest start", "start:prod": "serve"}}`, "node_modules/serve/main.js", "script start:prod", ""},
		{`{"scripts": {"start": "nest start"}, "dependencies": {"@astrojs/node": "1"}}`, "server.js", "main file", ""},
		{`{"scripts": {"start": "nest start"}}`, "", "", "node-start-development"},
		{`{"scripts": {"start": "nest start", "start:prod": "nest start"}}`, "", "", "node-start-development"},
		{`{"scripts": {"start": "absent"}}`, "", "", "node-start"},
	} {
		a := app(t, files{"package.json": tt.manifest[:len(tt.manifest)-1] + `, "peerDependencies": {"a": "1"}}`, "server.js": ""})
		s, err := a.Choose()
		if err != nil {
			t.Fatal(err)
		}
		arguments, why := []string{}, ""
		resolved, err := a.Resolve(s, find)
		if err == nil {
			arguments, why, err = a.Launch(resolved)
		}
		got := fault.Fault{}
		if errors.As(err, &got); got.ID != tt.fault || strings.Join(arguments, " ") != tt.want || why != tt.why {
			t.Errorf("%s: %q by %q, %v; want %q by %q, %s", tt.manifest, arguments, why, err, tt.want, tt.why, tt.fault)
		}
		if s.Arguments != nil || s.Program == nil {
			t.Errorf("%s: the start that was chosen is changed: %+v", tt.manifest, s)
		}
	}
}

// TestMainFile finds what is started without a script: the server that a framework made, or else a file of a usual name.
func TestMainFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		dev   string
		files files
		want  string
	}{
		{"@sveltejs/adapter-node", files{"build/index.js": "", "index.js": ""}, "build/index.js"},
		{"@angular/ssr", files{"dist/shop/server/server.mjs": ""}, "dist/shop/server/server.mjs"},
		{"@astrojs/node", files{"server.js": ""}, "server.js"}, // as middleware
		{"vite", files{"build/index.js": "", "index.js": ""}, "index.js"},
	} {
		tt.files["package.json"] = `{"devDependencies": {"` + tt.dev + `": "1"}}`
		if got, _, err := app(t, tt.files).Launch(start.Start{}); !slices.Equal(got, []string{tt.want}) {
			t.Errorf("with %s the main file is %q, %v, want %q", tt.dev, got, err, tt.want)
		}
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
			[]string{"Procfile", "apps/web/public/b.png", "apps/web/server.js", "node_modules/next/index.js"}, []string{"apps/web"}, "apps/web", "server.js", "",
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
			if !slices.Equal(got.Start.Arguments, []string{tt.file}) || got.Start.Program != nil || got.Port != tt.port {
				t.Errorf("it starts %+v at port %q, want %s at %q", got.Start, got.Port, tt.file, tt.port)
			}
		})
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
		if got := strings.Join(s.Arguments, " "); err != nil || got != tt.want {
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
