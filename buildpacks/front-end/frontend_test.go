package frontend_test

import (
	"cmp"
	"maps"
	"regexp"
	"runtime"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	frontend "github.com/strata-buildpacks/strata/buildpacks/front-end"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

type files = map[string]string

func TestMain(m *testing.M) { kittest.Main(m, frontend.Buildpack()) }

// TestForeign asks for tools of this machine: what they make is the same for all architectures.
func TestForeign(t *testing.T) {
	t.Parallel()
	c := kittest.Case{App: files{"package.json": `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`}}
	here := kittest.Detect(t, c)
	c.Arch = map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	if there := kittest.Detect(t, c); there.Plan != here.Plan || !strings.Contains(here.Plan, "tools = [") {
		t.Errorf("for %s it plans\n%s, for this machine\n%s", c.Arch, there.Plan, here.Plan)
	}
}

// TestDetect takes apps that are files for a browser, and says why others are none. All that have a build script offer to run it for
// an app in another language.
func TestDetect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		manifest string
		more     files
		why      string
		provides string // "" for a site that is built: site node
	}{
		{"vite", `{"scripts": {"dev": "vite", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil, "built by vite", ""},
		{"angular", `{"scripts": {"start": "ng serve", "build": "ng build"}, "devDependencies": {"@angular/cli": "20"}}`, nil,
			"built by @angular/cli", ""},
		{"create-react-app", `{"scripts": {"start": "react-scripts start", "build": "react-scripts build"},
			"dependencies": {"react-scripts": "5"}}`, nil, "built by react-scripts", ""},
		{"vue", `{"scripts": {"build": "vue-cli-service build"}, "devDependencies": {"@vue/cli-service": "5"}}`, nil,
			"built by @vue/cli-service", ""},
		{"variables", `{"scripts": {"start": "cross-env PORT=3000 react-scripts start", "build": "react-scripts build"},
			"dependencies": {"react-scripts": "5"}}`, nil, "built by react-scripts", ""},
		{"another script", `{"scripts": {"start": "npm run dev", "dev": "vite --host", "build": "vite build"},
			"devDependencies": {"vite": "7"}}`, nil, "built by vite", ""},
		{"another script with options", `{"scripts": {"start": "yarn run dev -- --host", "dev": "vite", "build": "vite build"},
			"devDependencies": {"vite": "7"}}`, nil, "built by vite", ""},
		{"build and preview", `{"scripts": {"start": "npm run build && npm run preview", "preview": "vite preview --port $PORT",
			"build": "tsc && vite build"}, "devDependencies": {"vite": "7"}}`, nil, "built by vite", ""},
		{"workspace that the root builds", `{"workspaces": ["web"], "scripts": {"start": "npm start -w web", "build": "nx build web"}}`,
			files{"web/package.json": `{"scripts": {"start": "vite preview"}, "devDependencies": {"vite": "7"}}`}, "built by vite", ""},
		{"script of Heroku", `{"scripts": {"heroku-postbuild": "vite build"}, "devDependencies": {"vite": "7"}}`, files{"index.html": ""},
			"built by vite", ""},
		{"circle", `{"scripts": {"start": "npm run dev", "dev": "npm run x", "x": "npm run dev", "build": "vite build"},
			"devDependencies": {"vite": "7"}}`, nil, "the script start starts a server", ""},
		{"no build", `{"scripts": {"dev": "vite"}, "devDependencies": {"vite": "7"}}`, nil, "its files are a site", "files"},
		{"start", `{"scripts": {"start": "node dist/server.js", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil,
			"the script start starts a server", ""},
		{"build and start", `{"scripts": {"start": "npm run build && node server.mjs", "build": "vite build"}, "devDependencies": {"vite": "7"}}`,
			nil, "the script start starts a server", ""},
		{"word", `{"scripts": {"start": "vite-node server.ts", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil,
			"the script start starts a server", ""},
		{"shell", `{"scripts": {"start": "vite | cat", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil,
			"the script start starts a server", ""},
		{"main", `{"main": "index.cjs", "scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, files{"index.cjs": ""},
			"main is index.cjs", ""},
		{"main that npm init writes", `{"main": "index.js", "scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil,
			"built by vite", ""},
		{"main that is built", `{"main": "dist/index.js", "scripts": {"build": "tsc"}, "devDependencies": {"typescript": "5"}}`, nil,
			"main is dist/index.js", ""},
		{"file", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, files{"server.js": ""}, "server.js found", ""},
		{"source of a page", `{"scripts": {"build": "parcel build index.html"}, "devDependencies": {"parcel": "2"}}`,
			files{"index.js": "", "index.html": ""}, "built by parcel", ""},
		{"source of a program", `{"scripts": {"build": "tsc"}, "devDependencies": {"typescript": "5"}}`, files{"src/index.ts": ""},
			"src/index.ts found", ""},
		{"module", `{"module": "lib/a.mjs", "scripts": {"build": "tsc"}}`,
			files{"lib/a.mjs": "", "public/index.html": ""}, "lib/a.mjs found", ""},
		{"usual name", `{"scripts": {"build": "tsc"}}`, files{"src/server.ts": "", "public/index.html": ""}, "src/server.ts found", ""},
		{"npm's own command", `{"scripts": {"start": "npm ci", "ci": "vite", "build": "vite build"}, "devDependencies": {"vite": "7"}}`, nil,
			"the script start starts a server", ""},
		{"procfile", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`, files{"Procfile": "web: node x.js\n"},
			"the Procfile starts a server", ""},
		{"procfile that serves files", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}`,
			files{"Procfile": "web: npx serve -s dist -l $PORT\n"}, "built by its scripts, for a server of files", "site node procfile-web"},
		{"serves files", `{"scripts": {"build": "make-it", "start": "serve -s out"}, "dependencies": {"serve": "14"}}`, nil,
			"built by its scripts, for a server of files", ""},
		{"serves files of elsewhere", `{"scripts": {"build": "make-it", "start": "serve ../out"}, "dependencies": {"serve": "14"}}`, nil,
			"the script start starts a server", ""},
		{"serves its own files, by a Procfile", `{"dependencies": {"serve": "14"}}`,
			files{"public/index.html": "", "Procfile": "web: serve public\n"}, "its files are a site", "site procfile-web"},
		{"serves files in its own way", `{"scripts": {"build": "make-it", "start": "serve out"}, "dependencies": {"serve": "14"}}`,
			files{"out/serve.json": "{}"}, "the script start starts a server", ""},
		{"serves its own files", `{"scripts": {"start": "serve -s public -l $PORT"}, "dependencies": {"serve": "14"}}`,
			files{"public/index.html": ""}, "its files are a site", "site"},
		{"adapter", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7", "@sveltejs/adapter-node": "5"}}`, nil,
			"the app has @sveltejs/adapter-node", ""},
		{"server for developers", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7", "express": "5"}}`,
			nil, "built by vite", ""},
		{"server in any version", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}, "dependencies": {"express": ""}}`, nil,
			"the app has express", ""},
		{"server", `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}, "dependencies": {"express": "5"}}`, nil,
			"the app has express", ""},
		{"expo", `{"main": "expo-router/entry", "scripts": {"start": "expo start", "build": "expo export --platform web"},
			"dependencies": {"expo": "56"}}`, nil, "built by expo", ""},
		{"nuxt generate", `{"scripts": {"build": "nuxt generate"}, "dependencies": {"nuxt": "4"}}`, nil, "built by nuxt generate", ""},
		{"nuxt", `{"scripts": {"build": "nuxt build"}, "dependencies": {"nuxt": "4"}}`, nil, "the app has nuxt", ""},
		{"next", `{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "16"}}`,
			files{"next.config.mjs": "export default {output: 'standalone'}"}, "the script start starts a server", ""},
		{"next export", `{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "16"}}`,
			files{"next.config.ts": "export default {\n  output: 'export',\n}"}, "built by Next.js, as an export", ""},
		{"react router", `{"scripts": {"build": "react-router build"}, "dependencies": {"@react-router/node": "7"},
			"devDependencies": {"@react-router/dev": "7", "vite": "7"}}`, files{"react-router.config.ts": "export default {ssr: true}"},
			"the app has @react-router/node", ""},
		{"react router without a server",
			`{"scripts": {"build": "react-router build"}, "dependencies": {"@react-router/node": "7"},
				"devDependencies": {"@react-router/dev": "7", "vite": "7"}}`,
			files{"react-router.config.ts": "export default { ssr: false } satisfies Config"}, "built by React Router, without a server", ""},
		{"compiler", `{"scripts": {"build": "tsc"}, "devDependencies": {"typescript": "5"}}`, nil,
			"nothing is built that is known to be files for browsers", ""},
		{"esbuild", `{"scripts": {"build": "esbuild src/app.js --outfile=public/app.js", "start": "esbuild src/app.js --servedir=public"},
			"devDependencies": {"esbuild": "0.25"}}`, files{"public/index.html": ""}, "built by its scripts", ""},
		{"tailwind", `{"scripts": {"build": "tailwindcss -o public/out.css"}, "devDependencies": {"tailwindcss": "3"}}`,
			files{"public/index.html": ""}, "built by its scripts", ""},
		{"gulp", `{"scripts": {"build": "gulp", "start": "gulp watch"}, "devDependencies": {"gulp": "5"}}`, files{"src/index.html": ""},
			"built by its scripts", ""},
		{"tools", `{"scripts": {"format": "prettier ."}, "devDependencies": {"prettier": "3"}}`, files{"index.html": ""},
			"its files are a site", "files"},
		{"tools of a server", `{"devDependencies": {"prettier": "3"}}`, files{"index.js": ""}, "index.js found", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			app := files{"package.json": tt.manifest}
			maps.Copy(app, tt.more)
			got, takes := kittest.Detect(t, kittest.Case{App: app, Arch: "amd64"}), regexp.MustCompile("^(built by|its files)").MatchString(tt.why)
			word, builds := "fail: ", strings.Contains(tt.manifest, `build": "`)
			if takes || builds {
				word = "pass: "
			}
			if want := "strata/front-end " + word + tt.why + "\n"; got.Log() != want {
				t.Errorf("got %q, want %q", got.Log(), want)
			}
			provides, _ := got.Alternatives(t)
			var want []string
			if takes {
				want = append(want, cmp.Or(tt.provides, "site node"))
			}
			if builds {
				want = append(want, "assets node")
			}
			if passed := got.Code == 0; passed != (len(want) > 0) || strings.Join(provides, "|") != strings.Join(want, "|") {
				t.Errorf("code %d, and it provides %q, want %q", got.Code, provides, want)
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
		"no-project": {App: files{"package.json": "{}"}, Env: config.Environment{"BP_NODE_PROJECT_PATH": "web"}},
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
			if diff := gocmp.Diff(tt.want, kittest.Files(t, got.AppDir)); got.Code != 0 || diff != "" {
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

// TestAssets leaves of an app in another language all that it has, and what its build script makes, even in a folder public.
func TestAssets(t *testing.T) {
	t.Parallel()
	app := files{
		"package.json": `{"name": "shop", "packageManager": "npm@11.999.0", "scripts": {"build": "tailwindcss"}, "dependencies": {"ms": "^2"}}`,
		"manage.py":    "", "package-lock.json": `{"lockfileVersion": 3}`, "public/index.html": "template", "node_modules/old/index.js": "",
	}
	got := kittest.Build(t, kittest.Case{App: app, Distro: "strata-glibc", Arch: "amd64", Plan: "[[entries]]\nname = \"assets\"\n",
		Env: config.Environment{
			"BP_NODE_VERSION": "24.999.0", "BP_NODE_UNVERIFIED_ENABLED": "true", "NPM_CONFIG_REGISTRY": publish(t) + "/npm/",
			"BP_CACHE_DIR": t.TempDir(),
		}})
	want := maps.Clone(app)
	want["made-by-build"] = "build\n"
	delete(want, "node_modules/old/index.js")
	if diff := gocmp.Diff(want, kittest.Files(t, got.AppDir)); got.Code != 0 || diff != "" {
		t.Errorf("code %d; the app (-want +got):\n%s\n%s", got.Code, diff, got.Log())
	}
	layers := kittest.Files(t, got.Layers)
	if !strings.Contains(layers["launch.sbom.cdx.json"], "pkg:npm/ms@2.1.3") || len(layers) > 2 {
		t.Errorf("layers %v", layers)
	}
}

// TestTells tells the buildpack that serves a site what the app says about it, and leaves out of a site without a build what is for
// its developers.
func TestTells(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		app  files
		env  config.Environment
		left files
		told files
	}{
		{"nothing", files{"package.json": "{}", "index.html": "1"}, nil, files{"index.html": "1"}, files{}},
		{"server of files", files{"package.json": `{"scripts": {"start": "serve -s pages"}}`, "pages/index.html": "1"}, nil,
			files{"pages/index.html": "1"}, files{"BP_WEB_SERVER_ROOT.default": "pages", "BP_WEB_SERVER_ENABLE_PUSH_STATE.default": "true"}},
		{"workspace", files{
			"web/package.json": `{"scripts": {"start": "serve pages"}}`, "web/package-lock.json": "{}", "web/pages/index.html": "1",
		},
			config.Environment{"BP_NODE_PROJECT_PATH": "web"}, files{"web/pages/index.html": "1"},
			files{"BP_WEB_SERVER_ROOT.default": "web/pages"}},
		{"workspace that the root starts", files{"package.json": `{"workspaces": ["web"], "scripts": {"start": "npm start -w web"}}`,
			"web/package.json": `{"scripts": {"start": "serve pages"}}`, "web/pages/index.html": "1"}, nil,
			files{"package.json": `{"workspaces": ["web"], "scripts": {"start": "npm start -w web"}}`, "web/pages/index.html": "1"},
			files{"BP_WEB_SERVER_ROOT.default": "web/pages", "BP_NODE_PROJECT_PATH.default": "web"}},
		{"router", files{"package.json": `{"dependencies": {"vue-router": "4"}}`, "index.html": "1"}, nil, files{"index.html": "1"},
			files{"BP_WEB_SERVER_ENABLE_PUSH_STATE.default": "auto"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, kittest.Case{App: tt.app, Env: tt.env, Arch: "amd64"})
			told := files{}
			for name, content := range kittest.Files(t, got.Layers) {
				if variable, ok := strings.CutPrefix(name, "site/env.build/"); ok {
					told[variable] = content
				}
			}
			if diff := gocmp.Diff(tt.told, told); got.Code != 0 || diff != "" {
				t.Errorf("code %d: %s; told (-want +got):\n%s", got.Code, got.Log(), diff)
			}
			if diff := gocmp.Diff(tt.left, kittest.Files(t, got.AppDir)); diff != "" {
				t.Errorf("the app (-want +got):\n%s", diff)
			}
		})
	}
}
