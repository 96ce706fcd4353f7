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
		plan string
	}{
		{"page", map[string]string{"index.html": ""}, nil, 0, "pass: index.html found", ""},
		{"public", map[string]string{"public/index.html": "", "index.html": ""}, nil, 0, "pass: public/index.html found", ""},
		{"root", map[string]string{"www/index.html": ""}, config.Environment{"BP_WEB_SERVER_ROOT": "www"}, 0, "pass: www/index.html found", ""},
		{"front end", map[string]string{"index.html": "", "package.json": "{}"}, nil, 0, "pass: if a buildpack makes a site", "site"},
		{"front end below", map[string]string{"index.html": "", "site/package.json": "{}"},
			config.Environment{"BP_NODE_PROJECT_PATH": "site"}, 0, "pass: if a buildpack makes a site", "site"},
		{"nothing", map[string]string{"readme.html": ""}, nil, 100, "fail: no public/index.html", ""},
		{"wrong root", map[string]string{"index.html": ""}, config.Environment{"BP_WEB_SERVER_ROOT": "www"}, 100, "fail: no www/index.html", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: tt.app, Env: tt.env})
			if got.Code != tt.code || got.Log() != "strata/web "+tt.want+"\n" {
				t.Errorf("code %d and %q, want %d and %q", got.Code, got.Log(), tt.code, tt.want)
			}
			if asks := strings.Contains(got.Plan, `name = "site"`); asks != (tt.plan != "") {
				t.Errorf("plan:\n%s", got.Plan)
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
			[]string{"dist/a.js", "dist/index.html"}, `["<layers>/server/serve", "-single-page", "<app>/dist"]`},
		{"angular", map[string]string{"package.json": "{}", "dist/shop/browser/index.html": "", "dist/shop/3rdpartylicenses.txt": ""}, nil,
			[]string{"dist/shop/browser/index.html"}, `["<layers>/server/serve", "<app>/dist/shop/browser"]`},
		{"workspace", map[string]string{"package.json": "{}", "apps/web/package.json": "{}", "apps/web/dist/index.html": "",
			"dist/index.html": ""},
			config.Environment{"BP_NODE_PROJECT_PATH": "apps/web"}, []string{"apps/web/dist/index.html"},
			`["<layers>/server/serve", "<app>/apps/web/dist"]`},
		{"nx", map[string]string{"package.json": "{}", "apps/web/package.json": "{}", "dist/apps/web/index.html": ""},
			config.Environment{"BP_NODE_PROJECT_PATH": "apps/web"}, []string{"dist/apps/web/index.html"},
			`["<layers>/server/serve", "<app>/dist/apps/web"]`},
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
