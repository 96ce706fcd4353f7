package frontend_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	frontend "github.com/strata-buildpacks/strata/buildpacks/front-end"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

type files = map[string]string

func TestMain(m *testing.M) { kittest.Main(m, frontend.Buildpack()) }

// TestDetect takes apps that are files for a browser, and says why it takes others not.
func TestDetect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		manifest  string
		more      files
		tool, why string
	}{
		{"vite", `{"scripts": {"dev": "vite", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "vite", ""},
		{"angular", `{"scripts": {"start": "ng serve", "build": "ng build"}, "devDependencies": {"@angular/cli": "20"}}`, nil, "@angular/cli",
			""},
		{"create-react-app", `{"scripts": {"start": "react-scripts start", "build": "react-scripts build"},
			"dependencies": {"react-scripts": "5"}}`, nil, "react-scripts", ""},
		{"vue", `{"scripts": {"build": "vue-cli-service build"}, "devDependencies": {"@vue/cli-service": "5"}}`, nil, "@vue/cli-service", ""},
		{"variables", `{"scripts": {"start": "cross-env PORT=3000 react-scripts start", "build": "react-scripts build"},
			"dependencies": {"react-scripts": "5"}}`, nil, "react-scripts", ""},
		{"another script", `{"scripts": {"start": "npm run dev", "dev": "vite --host", "build": "vite build"},
			"devDependencies": {"vite": "7"}}`, nil, "vite", ""},
		{"circle", `{"scripts": {"start": "npm run dev", "dev": "npm run x", "x": "npm run dev", "build": "vite build"},
			"devDependencies": {"vite": "7"}}`, nil, "", "the script start starts a server"},
		{"no build", `{"scripts": {"dev": "vite"}, "devDependencies": {"vite": "7"}}`, nil, "", "no build script"},
		{"start", `{"scripts": {"start": "node dist/server.js", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "",
			"the script start starts a server"},
		{"word", `{"scripts": {"start": "vite-node server.ts", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "",
			"the script start starts a server"},
		{"main", `{"main": "index.cjs", "scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "", "main is index.cjs"},
		{"file", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, files{"server.js": ""}, "", "server.js found"},
		{"procfile", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, files{"Procfile": "web: node x.js\n"}, "",
			"the Procfile starts a server"},
		{"adapter", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7", "@sveltejs/adapter-node": "5"}}`, nil, "",
			"the app has @sveltejs/adapter-node"},
		{"nuxt generate", `{"scripts": {"build": "nuxt generate"}, "dependencies": {"nuxt": "4"}}`, nil, "nuxt generate", ""},
		{"nuxt", `{"scripts": {"build": "nuxt build"}, "dependencies": {"nuxt": "4"}}`, nil, "", "the app has nuxt"},
		{"next", `{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "16"}}`,
			files{"next.config.mjs": "export default {output: 'standalone'}"}, "", "the script start starts a server"},
		{"next export", `{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "16"}}`,
			files{"next.config.ts": "export default {\n  output: 'export',\n}"}, "Next.js, as an export", ""},
		{"react router", `{"scripts": {"build": "react-router build"}, "dependencies": {"@react-router/node": "7"},
			"devDependencies": {"@react-router/dev": "7", "vite": "7"}}`, files{"react-router.config.ts": "export default {ssr: true}"}, "",
			"the app has @react-router/node"},
		{"react router without a server",
			`{"scripts": {"build": "react-router build"}, "dependencies": {"@react-router/node": "7"},
				"devDependencies": {"@react-router/dev": "7", "vite": "7"}}`,
			files{"react-router.config.ts": "export default { ssr: false } satisfies Config"}, "React Router, without a server", ""},
		{"compiler", `{"scripts": {"build": "tsc"}, "devDependencies": {"typescript": "5"}}`, nil, "",
			"no package that makes files for browsers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			app := files{"package.json": tt.manifest}
			maps.Copy(app, tt.more)
			got, word := kittest.Detect(t, kittest.Case{App: app, Arch: "amd64"}), "fail: "+tt.why
			if tt.tool != "" {
				word = "pass: built by " + tt.tool
			}
			if want := "strata/front-end " + word + "\n"; got.Log() != want {
				t.Errorf("got %q, want %q", got.Log(), want)
			}
			if passed := got.Code == 0; passed != (tt.tool != "") || strings.Contains(got.Plan, `name = "site"`) != passed {
				t.Errorf("code %d and the plan %s", got.Code, got.Plan)
			}
		})
	}
}

// TestFails has builds that end before anything is installed.
func TestFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]kittest.Case{
		"decisions": {
			App: files{"package.json": `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`},
			Env: config.Environment{"BP_NODE_VERSION": "24.21.0"}, Distro: "strata-static",
		},
		"architecture": {App: files{"package.json": "{}"}, Arch: "riscv64"},
		"no-project":   {App: files{"package.json": "{}"}, Env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
	} {
		if c.Arch == "" {
			c.Arch = "amd64"
		}
		got := kittest.Build(t, c)
		if got.Code != 1 {
			t.Errorf("%s: exit code %d, want 1", name, got.Code)
		}
		kittest.Golden(t, name+".txt", got.Log())
	}
}

// publish serves a Node.js and an npm of this test's own, and returns the address. npm installs the packages ms and dev, and a script
// leaves a file.
func publish(t *testing.T) string {
	t.Helper()
	r := kittest.NewRegistry(t)
	npm := kittest.NewTool(t, `case "$*" in
"run "*) echo "$2" >"made-by-$2"; [ ! -f copied ] || cp copied public ;;
*) for name in ms:2.1.3 dev:1.0.0; do
  mkdir -p node_modules/${name%:*} && echo '{"name": "'${name%:*}'", "version": "'${name#*:}'"}' >node_modules/${name%:*}/package.json
done ;;
esac`)
	for _, arch := range []string{"x64", "arm64"} {
		r.NPM(t, "node-linux-"+arch, "24.999.0", files{"bin/node": "", "LICENSE": ""})
	}
	r.NPM(t, "npm", "11.999.0", files{"package.json": `{"bin": {"npm": "bin/npm"}}`, "bin/npm": npm.Text()})
	return r.URL
}

// TestBuild leaves of a front end the files that its script makes. What a site is made of is no part of it.
func TestBuild(t *testing.T) {
	t.Parallel()
	const app = `{"name": "site", "packageManager": "npm@11.999.0", "scripts": {"build": "vite build"},
		"dependencies": {"ms": "^2"}, "devDependencies": {"vite": "7"}}`
	made := files{"made-by-build": "build\n", "package.json": app, "package-lock.json": `{"lockfileVersion": 3}`, "src/main.js": "1"}
	with := func(more files) files {
		all := maps.Clone(made)
		maps.Copy(all, more)
		return all
	}
	template := files{"public/index.html": "template"}
	for _, tt := range []struct {
		name string
		app  files
		env  config.Environment
		want files
	}{
		{"no public", nil, nil, made},
		{"public is what the site is made of", template, nil, made},
		{"public is the site", template, config.Environment{"BP_WEB_SERVER_ROOT": "public"}, with(template)},
		{"public is made", files{"public/index.html": "template", "copied": "into public"}, nil,
			with(files{"public/index.html": "template", "public/copied": "into public", "copied": "into public"})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			content := with(tt.app)
			delete(content, "made-by-build")
			got := kittest.Build(t, kittest.Case{App: content, Distro: "strata-static", Arch: "amd64", Env: config.Environment{
				"BP_NODE_VERSION": "24.999.0", "BP_NODE_UNVERIFIED_ENABLED": "true", "NPM_CONFIG_REGISTRY": publish(t) + "/npm/",
				"BP_CACHE_DIR": t.TempDir(),
			}.With(tt.env)})
			if diff := cmp.Diff(tt.want, kittest.Files(t, got.AppDir)); got.Code != 0 || diff != "" {
				t.Errorf("code %d; the app (-want +got):\n%s\n%s", got.Code, diff, got.Log())
			}
			layers := kittest.Files(t, got.Layers)
			bill := layers["launch.sbom.cdx.json"]
			if !strings.Contains(bill, "pkg:npm/ms@2.1.3") || strings.Contains(bill, "pkg:npm/dev@") || len(layers) > 2 {
				t.Errorf("layers %v with the bill of materials\n%s", layers, bill)
			}
		})
	}
}
