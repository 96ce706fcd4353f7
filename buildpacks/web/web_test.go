package web_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/web"
)

func TestMain(m *testing.M) { kittest.Main(m, web.Buildpack()) }

func TestDetect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		app  map[string]string
		env  config.Environment
		code int
		want string
		plan string // what is required: one or the other
	}{
		{"page", map[string]string{"index.html": ""}, nil, 0, "pass: index.html found", ""},
		{"public", map[string]string{"public/index.html": "", "index.html": ""}, nil, 0, "pass: public/index.html found", ""},
		{"root", map[string]string{"www/index.html": ""}, config.Environment{"BP_WEB_SERVER_ROOT": "www"}, 0, "pass: www/index.html found", ""},
		{"front end", map[string]string{"index.html": "", "package.json": "{}"}, nil, 0, "pass: if a buildpack makes a site", "site files"},
		{"front end below", map[string]string{"index.html": "", "site/package.json": "{}"},
			config.Environment{"BP_NODE_PROJECT_PATH": "site"}, 0, "pass: if a buildpack makes a site", "site files"},
		{"front end without a page", map[string]string{"package.json": "{}"}, nil, 0, "pass: if a buildpack makes a site", "site"},
		{"program with tools", map[string]string{"index.html": "", "package.json": "{}", "Cargo.toml": ""}, nil, 0,
			"pass: if a buildpack makes a site; Cargo.toml found, so the app is more than files; to serve some, set BP_WEB_SERVER_ROOT=.", "site"},
		{"front end of a server in Java", map[string]string{"index.html": "", "package.json": "{}", "pom.xml": ""}, nil, 100,
			"fail: pom.xml found, so the front end is part of a server; to serve it alone, set BP_WEB_SERVER_ROOT", ""},
		{"source of a site with tools", map[string]string{"docs/index.html": "", "package.json": "{}", "_config.yml": ""}, nil, 0,
			"pass: if a buildpack makes a site; _config.yml found, so the app is more than files; " +
				"to serve some, set BP_WEB_SERVER_ROOT=docs", "site"},
		{"program without a page", map[string]string{"package.json": "{}", "Cargo.toml": ""}, nil, 0,
			"pass: if a buildpack makes a site", "site"},
		{"files of a program with tools", map[string]string{"public/index.html": "", "package.json": "{}", "Cargo.toml": ""},
			config.Environment{"BP_WEB_SERVER_ROOT": "public"}, 0, "pass: if a buildpack makes a site", "site files"},
		{"dist", map[string]string{"dist/index.html": "", "readme.md": ""}, nil, 0, "pass: dist/index.html found", ""},
		{"docs", map[string]string{"docs/index.html": ""}, nil, 0, "pass: docs/index.html found", ""},
		{"htdocs", map[string]string{"htdocs/index.html": ""}, nil, 0, "pass: htdocs/index.html found", ""},
		{"Staticfile", map[string]string{"index.html": "", "Staticfile": "root: pages/out\n", "pages/out/index.html": ""}, nil, 0,
			"pass: pages/out/index.html found", ""},
		{"static.json", map[string]string{"static.json": `{"root": "files/"}`, "files/index.html": ""}, nil, 0,
			"pass: files/index.html found", ""},
		{"project.toml", map[string]string{"project.toml": "[com.heroku.static-web-server]\nroot = 'files'\n", "files/index.html": ""}, nil, 0,
			"pass: files/index.html found", ""},
		{"modules of Hugo", map[string]string{"index.html": "", "go.mod": "module x\n"}, nil, 0, "pass: index.html found", ""},
		{"files in Go that are no program", map[string]string{"index.html": "", "go.mod": "module x\n", "lib/x.go": "package x\n",
			"node_modules/x/x.go": "package main\n", "vendor/x/x.go": "package main\n", ".cache/x.go": "package main\n",
			"tools.go": "//go:build ignore\n\npackage main\n", "x_test.go": "package main\n"}, nil, 0, "pass: index.html found", ""},
		{"program in Go", map[string]string{"index.html": "", "go.mod": "module x\n", "a/b/x.go": "package main\n"}, nil, 100,
			"fail: go.mod found, so the app is more than files; to serve some, set BP_WEB_SERVER_ROOT=.", ""},
		{"program", map[string]string{"public/index.html": "", "Cargo.toml": ""}, nil, 100,
			"fail: Cargo.toml found, so the app is more than files; to serve some, set BP_WEB_SERVER_ROOT=public", ""},
		{"files of a program", map[string]string{"public/index.html": "", "Cargo.toml": ""},
			config.Environment{"BP_WEB_SERVER_ROOT": "public"}, 0, "pass: public/index.html found", ""},
		{"nothing", map[string]string{"readme.html": ""}, nil, 100, "fail: no index.html in public, ., dist, build, docs, htdocs, " +
			"public_html, html, _site, site, www, web, static, src", ""},
		{"elsewhere", map[string]string{"pages/index.html": ""}, nil, 100, "fail: no index.html in public, ., dist, build, docs, htdocs, " +
			"public_html, html, _site, site, www, web, static, src; for the one in pages, set BP_WEB_SERVER_ROOT=pages", ""},
		{"wrong root", map[string]string{"index.html": ""}, config.Environment{"BP_WEB_SERVER_ROOT": "www"}, 100,
			"fail: BP_WEB_SERVER_ROOT is www, and there is no index.html in it", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: tt.app, Env: tt.env})
			if got.Code != tt.code || got.Log() != "strata/web "+tt.want+"\n" {
				t.Errorf("code %d and %q, want %d and %q", got.Code, got.Log(), tt.code, tt.want)
			}
			if _, requires := got.Alternatives(t); strings.Join(requires, " ") != tt.plan {
				t.Errorf("it requires one of %q, want %q", requires, tt.plan)
			}
		})
	}
}

// TestBuild looks at what is left of the app and at how it is started.
func TestBuild(t *testing.T) {
	t.Parallel()
	dir := kittest.Builder(t, "./serve")
	long := strings.Repeat("a { color: red }\n", 100)
	for _, tt := range []struct {
		name    string
		app     map[string]string
		env     config.Environment
		left    []string
		command string
	}{
		{"page", map[string]string{"index.html": "", "css/site.css": long, "Procfile": "", "project.toml": "", ".git/HEAD": "", ".env": "",
			"css/.npmrc": "", ".env.local": "", ".well-known/acme": ""}, nil,
			[]string{"Procfile", "public/.well-known/acme", "public/css/site.css", "public/css/site.css.~gz", "public/index.html"},
			`["<layers>/server/serve", "<app>/public"]`},
		{"front end", map[string]string{"package.json": "{}", "src/main.js": "", "index.html": "", "dist/index.html": "", "dist/a.js": "short"},
			config.Environment{"BP_WEB_SERVER_ENABLE_PUSH_STATE": "true"},
			[]string{"dist/a.js", "dist/index.html"}, `["<layers>/server/serve", "-fallback", "index.html", "<app>/dist"]`},
		{"angular", map[string]string{"package.json": "{}", "dist/shop/browser/index.html": "", "dist/shop/3rdpartylicenses.txt": ""}, nil,
			[]string{"dist/shop/browser/index.html"}, `["<layers>/server/serve", "<app>/dist/shop/browser"]`},
		{"workspace", map[string]string{"package.json": "{}", "apps/web/package.json": "{}", "apps/web/dist/index.html": "",
			"dist/index.html": ""},
			config.Environment{"BP_NODE_PROJECT_PATH": "apps/web"}, []string{"apps/web/dist/index.html"},
			`["<layers>/server/serve", "<app>/apps/web/dist"]`},
		{"nx", map[string]string{"package.json": "{}", "apps/web/package.json": "{}", "dist/apps/web/index.html": ""},
			config.Environment{"BP_NODE_PROJECT_PATH": "apps/web"}, []string{"dist/apps/web/index.html"},
			`["<layers>/server/serve", "<app>/dist/apps/web"]`},
		{"files for hosts", map[string]string{"index.html": "", "_redirects": "/old /new\n/* /index.html 200\n", "vercel.json": "{}",
			"vite.js": ""},
			nil, []string{"public/index.html", "public/vite.js"}, `["<layers>/server/serve", "-fallback", "index.html", "<app>/public"]`},
		{"root", map[string]string{"package.json": "{}", "dist/index.html": "", "target/web/index.html": ""},
			config.Environment{"BP_WEB_SERVER_ROOT": "target/web/"},
			[]string{"target/web/index.html"}, `["<layers>/server/serve", "<app>/target/web"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, kittest.Case{App: tt.app, Env: tt.env.With(config.Environment{"CNB_BUILDPACK_DIR": dir})})
			if got.Code != 0 {
				t.Fatalf("exit code %d: %s", got.Code, got.Log())
			}
			tree := kittest.Tree(t, got.AppDir)
			maps.DeleteFunc(tree, func(name, _ string) bool {
				info, err := os.Stat(filepath.Join(got.AppDir, name))
				return err != nil || info.IsDir()
			})
			if diff := cmp.Diff(tt.left, slices.Sorted(maps.Keys(tree))); diff != "" {
				t.Errorf("the app (-want +got):\n%s", diff)
			}
			launch, err := os.ReadFile(filepath.Join(got.Layers, "launch.toml"))
			if err != nil {
				t.Fatal(err)
			}
			text := strings.NewReplacer(got.Layers, "<layers>", got.AppDir, "<app>").Replace(string(launch))
			if !strings.Contains(text, "command = "+tt.command) {
				t.Errorf("it is started by %s, want %s", text, tt.command)
			}
		})
	}
}

// TestOtherPaths looks at how paths that are no files are answered, by the site, the files for hosts and the variable.
func TestOtherPaths(t *testing.T) {
	t.Parallel()
	dir := kittest.Builder(t, "./serve")
	const heroku = "[com.heroku.static-web-server.errors.404]\n"
	const hint = "Other paths    404 (BP_WEB_SERVER_ENABLE_PUSH_STATE=true answers with the page, for an app with a router)"
	for _, tt := range []struct {
		name     string
		more     map[string]string
		variable string
		want     string // a line of the log, "" for none
	}{
		{"page", nil, "", ""},
		{"page and script", map[string]string{"app.js": ""}, "", hint},
		{"no", map[string]string{"app.js": "", "_redirects": "/* /index.html 200"}, "false",
			"Other paths    404 (BP_WEB_SERVER_ENABLE_PUSH_STATE)"},
		{"no router", map[string]string{"app.js": ""}, "off", "Other paths    404 (BP_WEB_SERVER_ENABLE_PUSH_STATE)"},
		{"yes", map[string]string{"a.html": ""}, "true", "Other paths    the page index.html (BP_WEB_SERVER_ENABLE_PUSH_STATE)"},
		{"a router", map[string]string{"app.js": ""}, "auto", "Other paths    the page index.html (an app with a router and one page)"},
		{"a router and two pages", map[string]string{"app.js": "", "about.html": ""}, "auto", ""},
		{"a router and its own 404", map[string]string{"app.js": "", "404.html": ""}, "auto", ""},
		{"200.html", map[string]string{"200.html": "", "404.html": "", "a.html": ""}, "", "Other paths    the page 200.html (the site has it)"},
		{"_redirects", map[string]string{"_redirects": "# all\n/* /index.html 200\n"}, "", "Other paths    the page index.html (_redirects)"},
		{"forced", map[string]string{"_redirects": "/*  /  200!"}, "", "Other paths    the page index.html (_redirects)"},
		{"moved", map[string]string{"_redirects": "/* https://example.com/:splat 301"}, "", ""},
		{"netlify.toml", map[string]string{"netlify.toml": "[[redirects]]\nfrom = '/*'\nto = '/index.html'\nstatus = 200\n"}, "",
			"Other paths    the page index.html (netlify.toml)"},
		{"Staticfile", map[string]string{"Staticfile": "pushstate: enabled\n"}, "", "Other paths    the page index.html (Staticfile)"},
		{"static.json", map[string]string{"static.json": `{"routes": {"/**": "index.html"}}`}, "",
			"Other paths    the page index.html (static.json)"},
		{"vercel.json", map[string]string{"vercel.json": `{"rewrites": [{"source": "/(.*)", "destination": "/index.html"}]}`}, "",
			"Other paths    the page index.html (vercel.json)"},
		{"firebase.json", map[string]string{"firebase.json": `{"hosting": {"rewrites": [{"source": "**", "destination": "/index.html"}]}}`}, "",
			"Other paths    the page index.html (firebase.json)"},
		{"project.toml", map[string]string{"project.toml": heroku + "file_path = 'index.html'\nstatus = 200\n"}, "",
			"Other paths    the page index.html (project.toml)"},
		{"project.toml with an error", map[string]string{"project.toml": heroku + "file_path = 'index.html'\nstatus = 404\n"}, "", ""},
		{"other types", map[string]string{
			"vercel.json": `{"rewrites": [1, {"source": ["/(.*)"], "destination": {}}], "outputDirectory": 1}`,
		}, "", ""},
		{"several sites", map[string]string{
			"firebase.json": `{"hosting": [{"rewrites": [{"source": "**", "destination": "/index.html"}]}]}`,
		}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			app := map[string]string{"index.html": ""}
			maps.Copy(app, tt.more)
			env := config.Environment{"CNB_BUILDPACK_DIR": dir, "BP_WEB_SERVER_ENABLE_PUSH_STATE": tt.variable}
			got := kittest.Build(t, kittest.Case{App: app, Env: env})
			lines := strings.Split(got.Log(), "\n")
			i := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, "Other paths") })
			said := ""
			if i >= 0 {
				said = strings.TrimSpace(lines[i])
			}
			if got.Code != 0 || said != tt.want {
				t.Errorf("code %d and %q, want %q", got.Code, said, tt.want)
			}
		})
	}
}

// TestProcfile leaves the Procfile as it is to later buildpacks, in every form, and serves it nowhere.
func TestProcfile(t *testing.T) {
	t.Parallel()
	dir := kittest.Builder(t, "./serve")
	for _, text := range []string{"web: server\n", "\ufeffweb: A=1 server\r\nworker: x", "not a process"} {
		for name, app := range map[string]map[string]string{
			"public/index.html": {"index.html": ""}, "dist/index.html": {"package.json": "{}", "dist/index.html": "", "dist/Procfile.txt": ""},
		} {
			app["Procfile"] = text
			got := kittest.Build(t, kittest.Case{App: app, Env: config.Environment{"CNB_BUILDPACK_DIR": dir}})
			if got.Code != 0 {
				t.Fatalf("exit code %d: %s", got.Code, got.Log())
			}
			left := kittest.Files(t, got.AppDir)
			delete(left, "dist/Procfile.txt")
			if diff := cmp.Diff(map[string]string{"Procfile": text, name: ""}, left); diff != "" {
				t.Errorf("the app (-want +got):\n%s", diff)
			}
		}
	}
}

// TestLink serves what a link leads to, and nothing outside of the app.
func TestLink(t *testing.T) {
	t.Parallel()
	dir := kittest.Builder(t, "./serve")
	for target, want := range map[string]string{"../site/made": "site/made", t.TempDir(): ""} {
		app := t.TempDir()
		kittest.Write(t, app, map[string]string{"package.json": "{}", "site/made/index.html": "", "build/x": ""})
		if want == "" {
			kittest.Write(t, target, map[string]string{"index.html": ""})
		}
		if err := os.Symlink(target, filepath.Join(app, "build", "client")); err != nil {
			t.Fatal(err)
		}
		got := kittest.Build(t, kittest.Case{AppDir: app, Env: config.Environment{"CNB_BUILDPACK_DIR": dir}})
		if want == "" {
			if got.Code == 0 || !strings.Contains(got.Log(), "build/client leads out of the app; ") {
				t.Errorf("a link out of the app: code %d, %s", got.Code, got.Log())
			}
			continue
		}
		if _, err := os.Stat(filepath.Join(app, want, "index.html")); got.Code != 0 || err != nil {
			t.Errorf("a link to %s: code %d, %v\n%s", want, got.Code, err, got.Log())
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		app map[string]string
		env config.Environment
	}{
		"nothing-made": {map[string]string{"package.json": "{}", "build/readme.txt": ""}, nil},
		"root-empty":   {map[string]string{"package.json": "{}"}, config.Environment{"BP_WEB_SERVER_ROOT": "dist"}},
		"root-outside": {map[string]string{"index.html": ""}, config.Environment{"BP_WEB_SERVER_ROOT": "../other"}},
		"host-json":    {map[string]string{"index.html": "", "static.json": "{\n  \"root\": ,\n}"}, nil},
		"host-toml":    {map[string]string{"index.html": "", "netlify.toml": "[build\n"}, nil},
		"push-state":   {map[string]string{"index.html": ""}, config.Environment{"BP_WEB_SERVER_ENABLE_PUSH_STATE": "maybe"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, kittest.Case{App: tt.app, Env: tt.env})
			if got.Code == 0 {
				t.Error("it passed")
			}
			kittest.Golden(t, "fault-"+name+".txt", got.Log())
		})
	}
}

// TestUnread warns of settings that another server of sites would follow.
func TestUnread(t *testing.T) {
	t.Parallel()
	got := kittest.Build(t, kittest.Case{Env: config.Environment{"CNB_BUILDPACK_DIR": kittest.Builder(t, "./serve")}, App: map[string]string{
		"public/index.html": "",
		"project.toml": "[com.heroku.static-web-server]\nroot = 'public'\nindex = 'main.html'\n" +
			"[com.heroku.static-web-server.headers]\n'*'.X-Global = 'x'\n[com.heroku.static-web-server.errors.404]\nfile_path = 'e.html'\n",
	}})
	const want = "project.toml: errors, headers, index of com.heroku.static-web-server means nothing to the server of this image"
	if got.Code != 0 || strings.Count(got.Log(), want) != 1 {
		t.Errorf("code %d\n%s", got.Code, got.Log())
	}
}
