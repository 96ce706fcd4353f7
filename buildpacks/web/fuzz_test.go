package web

import (
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// fuzzHost reads a file for a host of sites, from the folder of an app: it is a fault or serves a folder of the app.
func fuzzHost(f *testing.F, name string, seeds ...string) {
	f.Helper()
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{filepath.Join("site", name): text})
		all, err := hear(dir, "site")
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if len(all) != 1 || all[0].File != "site/"+name || all[0].Root != "" && !filepath.IsLocal(all[0].Root) {
			t.Errorf("%+v", all)
		}
	})
}

func FuzzStaticfile(f *testing.F) {
	fuzzHost(f, "Staticfile", "root: dist\npushstate: enabled\n", "root: ../..\n", "a: *b\n")
}

func FuzzStaticJSON(f *testing.F) {
	fuzzHost(f, "static.json", `{"root": "dist/", "routes": {"/**": "index.html"}}`, `{"root": "/etc"}`, `[]`)
}

func FuzzRedirects(f *testing.F) {
	fuzzHost(f, "_redirects", "/* /index.html 200!\n# a\n/a /b 301\n", "/*\t/ 200")
}

func FuzzNetlify(f *testing.F) {
	fuzzHost(f, "netlify.toml", "[build]\npublish = \"dist\"\n[[redirects]]\nfrom = \"/*\"\nto = \"/index.html\"\nstatus = 200\n",
		"[build]\npublish = \"..\"\n", "a = nan\n", "[build")
}

func FuzzVercel(f *testing.F) {
	fuzzHost(f, "vercel.json", `{"outputDirectory": "dist", "rewrites": [{"source": "/(.*)", "destination": "/"}]}`,
		`{"rewrites": {"source": "**"}}`, `{"outputDirectory": "a/../../.."}`, `{`)
}

func FuzzFirebase(f *testing.F) {
	fuzzHost(f, "firebase.json", `{"hosting": {"public": "dist", "rewrites": [{"source": "**", "destination": "/index.html"}]}}`,
		`{"hosting": [{"public": "a"}]}`, `{"hosting": {"public": "../a"}}`)
}

func FuzzProject(f *testing.F) {
	fuzzHost(f, "project.toml", "[com.heroku.static-web-server]\nroot = \"dist\"\nerrors.404 = {file_path = \"index.html\", status = 200}\n",
		"[com.heroku]\nstatic-web-server = 1\n", "[com.heroku.static-web-server]\nroot = \"/\"\n")
}
