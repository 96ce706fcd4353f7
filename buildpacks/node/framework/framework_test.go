package framework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
)

// has is an app with these packages.
func has(packages ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(packages, name) }
}

func TestMade(t *testing.T) {
	t.Parallel()
	app := has("webpack", "vite", "fastify", "nuxt")
	if got := framework.Made(app, framework.Site); got != "vite" {
		t.Errorf("the site is made by %q, want the first of the table, vite", got)
	}
	if got := framework.Made(app, framework.Server); got != "nuxt" {
		t.Errorf("the server is made by %q, want nuxt", got)
	}
	if got := framework.Made(has("typescript"), framework.Site); got != "" {
		t.Errorf("a compiler makes a site: %q", got)
	}
}

// TestStarted has what apps start, and the port of Next.js' server.
func TestStarted(t *testing.T) {
	t.Parallel()
	const none, next, nitro = "", "Next.js' standalone server", "Nitro's server"
	for _, tt := range []struct{ packages, words, title, port string }{
		{"next", "next start", next, ""},
		{"", "next start", next, ""}, // the package is the root's
		{"next", "next start -p 3000", next, "3000"},
		{"next", "next start -H 0.0.0.0 --port=3000", next, "3000"},
		{"next", "./.next/standalone/server.js", next, ""},
		{"next", "next start -p ${WEB}", none, ""},
		{"next", "next start web", none, ""},
		{"next", "next start --experimental-x", none, ""},
		{"next", "next dev", none, ""},
		{"next", "", none, ""},
		{"nuxt", "", nitro, ""},
		{"nuxt", "nuxt preview", nitro, ""},
		{"vinxi", "vinxi start", nitro, ""},
		{"nuxt", ".output/server/index.mjs", nitro, ""},
		{"nuxt", "nuxt start --port 1", none, ""},
		{"nuxt", "server.js", none, ""},
		{"express", "", none, ""},
		{"express", ".output/server/index.mjs", none, ""},
	} {
		s, port := framework.Started(has(tt.packages), strings.Fields(tt.words))
		title := ""
		if s != nil {
			title = s.Title
		}
		if title != tt.title || port != tt.port {
			t.Errorf("%q of an app with %q starts %q at port %q, want %q at %q", tt.words, tt.packages, title, port, tt.title, tt.port)
		}
	}
}

// TestWithoutPort takes the variable PORT out of the options of a server that reads it.
func TestWithoutPort(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"next start -p ${PORT}":                    "next start | true",
		"next start -H x --port ${PORT:-8080} web": "next start -H x web | 8080 true",
		`next start --port="${PORT-8080}"`:         "next start | 8080 true",
		"next start -p${PORT}":                     "next start | true",
		`next start -p \${PORT}`:                   `next start -p \${PORT} | false`,
		"next start -H ${PORT} -p 80":              "next start -H ${PORT} -p 80 | false",
		"next start -p ${PORT:-${WEB}}":            "next start -p ${PORT:-${WEB}} | false",
		"next start ${PORT}":                       "next start ${PORT} | false",
		"next dev -p ${PORT}":                      "next dev -p ${PORT} | false",
		"serve -p ${PORT}":                         "serve -p ${PORT} | false",
		"next":                                     "next | false",
	} {
		var all []shell.Word
		for word := range strings.FieldsSeq(words) {
			all = append(all, shell.Word(word))
		}
		rest, port, found := framework.WithoutPort(all)
		got := ""
		for _, word := range rest {
			got += string(word) + " "
		}
		if got += strings.Join(strings.Fields(fmt.Sprint("| ", port, " ", found)), " "); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
}

func TestDevelops(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{
		"vite": true, "vite --host": true, "vite-node server.ts": false, "astro dev": true, "astro build": false, "node server.js": false,
	} {
		if got := framework.Develops(command); got != want {
			t.Errorf("%s serves the app to its developer: %t, want %t", command, got, want)
		}
	}
}

func TestEnvOf(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(map[string]string{"HOST": "0.0.0.0"}, framework.EnvOf(has("@astrojs/node", "nuxt"))); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

// TestCaches has a folder of an app and one beside packages.
func TestCaches(t *testing.T) {
	t.Parallel()
	for name, all := range map[string][]string{".next/cache": framework.Caches(), ".nx": framework.Caches(), ".vite": framework.Beside()} {
		if !slices.Contains(all, name) {
			t.Errorf("%s is not in %q", name, all)
		}
	}
}

// TestServer has what the server of a framework needs: a variable for the build, a word for whoever runs it, an adapter.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ packages, variable, server, note, adapter string }{
		{"@sveltejs/kit @sveltejs/adapter-auto vite", "GCP_BUILDPACKS", "build/index.js", "adapter-node", "adapter-node"},
		{"@sveltejs/kit @sveltejs/adapter-node @sveltejs/adapter-auto", "GCP_BUILDPACKS", "build/index.js", "", "adapter-node"},
		{"@sveltejs/kit @sveltejs/adapter-vercel", "", "", "", "adapter-node"},
		{"@builder.io/qwik-city", "", "server/entry.[efn]*.js", "", "qwik add"},
		{"@tanstack/react-start", "", "dist/server/strata-listen.mjs", "", "srvx"},
		{"@angular/ssr @angular/cli", "", "dist/*/server/server.mjs", "NG_ALLOWED_HOSTS", ""},
		{"express", "", "", "", ""},
	} {
		app := has(strings.Fields(tt.packages)...)
		env := framework.BuildEnv(app)
		if got := framework.ServerOf(app); got != tt.server || (env[tt.variable] != "true") != (tt.variable == "") {
			t.Errorf("%s: the build with %v makes %q, want %q with %s", tt.packages, env, got, tt.server, tt.variable)
		}
		for _, is := range [][2]string{{framework.Note(app), tt.note}, {framework.Adapter(app), tt.adapter}} {
			if got, want := is[0], is[1]; !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("%s: got %q, want %q in it", tt.packages, got, want)
			}
		}
	}
}
