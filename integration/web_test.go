package integration

import (
	"archive/tar"
	"context"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWebBuild builds a folder of HTML and front ends on React with Vite and on Angular. It asks for pages and files, builds
// again, and changes something. All have the same layer with the server.
func TestWebBuild(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	servers := map[string]bool{}
	for _, tt := range []struct {
		who                  who
		app                  string
		flags                []string
		file, from, to       string
		files                *regexp.Regexp // of the app, in the image
		page, asset, pattern string         // what is in /, and in a file that / names
		cached               string         // Cache-Control of the file
		pushed               string         // status of a path without a file
		purl                 string
	}{
		{
			who: everyUser, app: "web/plain", file: "index.html", from: "Plain", to: "Plainer", files: regexp.MustCompile(`^workspace/public/`),
			page: "<h1>Plain</h1>\n", asset: "/css/site.css", pattern: "color: red",
			cached: "no-cache", pushed: "404",
		},
		{
			who: everyUser, app: "node/frontend", flags: []string{"-e", "BP_WEB_SERVER_ENABLE_PUSH_STATE=true"},
			file: "src/main.jsx", from: "Hello", to: "Goodbye", files: regexp.MustCompile(`^workspace/dist/`),
			page: `<div id="root">`, asset: `/assets/index-[A-Za-z0-9_-]{8}\.js`, pattern: "modulepreload",
			cached: "public, max-age=31536000, immutable", pushed: "200", purl: "pkg:npm/react-dom@19.",
		},
		{
			who: nightly, app: "node/angular", file: "src/main.ts", from: "Hello", to: "Goodbye",
			files: regexp.MustCompile(`^workspace/dist/angular-site/browser/`),
			page:  "<app-root>", asset: `/?main-[A-Z0-9]{8}\.js`, pattern: "Angular",
			cached: "public, max-age=31536000, immutable", pushed: "404", purl: "pkg:npm/%40angular/core@22.",
		},
	} {
		t.Run(tt.app, func(t *testing.T) {
			skipShown(t, tt.who)
			app, name := filepath.Join(t.TempDir(), "app"), image(t)
			if err := os.CopyFS(app, os.DirFS(filepath.Join("testdata", filepath.FromSlash(tt.app)))); err != nil {
				t.Fatal(err)
			}
			digest := build(t, app, name, tt.flags...)
			page := ask(t, name, "/")
			if !strings.Contains(page, tt.page) {
				t.Errorf("/ is %q, want %q", page, tt.page)
			}
			asset := tt.asset
			if found := regexp.MustCompile(tt.asset).FindString(page); found != "" {
				asset = path.Join("/", found)
			}
			if text := ask(t, name, asset); !strings.Contains(text, tt.pattern) {
				t.Errorf("%s has no %q", asset, tt.pattern)
			}
			got := strata(t, "run", name, "--port", freePort(t), "--ask", "/users/7")
			if !strings.HasPrefix(got.stdout, "GET /users/7: "+tt.pushed+" ") {
				t.Errorf("/users/7: want %s\n%s%s", tt.pushed, got.stdout, got.stderr)
			}
			checkHeaders(t, name, asset, tt.cached)
			if again := build(t, app, name, tt.flags...); again != digest {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, digest)
			}
			first := inspect(t, digest)
			if label := first.config.Config.Labels["io.buildpacks.base.distro.name"]; label != "strata-static" {
				t.Errorf("the run image is %s, want strata-static", label)
			}
			var names []string
			for _, e := range first.entries(t, func(string) bool { return false }) {
				name := strings.TrimPrefix(e.header.Name, "/")
				if e.header.Typeflag == tar.TypeReg && strings.HasPrefix(name, "workspace/") && !tt.files.MatchString(name) {
					names = append(names, name)
				}
			}
			if len(names) > 0 {
				t.Errorf("the image has %q", names)
			}
			if tt.purl != "" && !slices.ContainsFunc(first.purls(t), func(p string) bool { return strings.HasPrefix(p, tt.purl) }) {
				t.Errorf("the SBOM has no %s", tt.purl)
			}
			edit(t, app, tt.file, tt.from, tt.to)
			second := open(t, build(t, app, name, tt.flags...))
			layers := first.layersOf(t, "strata/web")
			if diff := cmp.Diff(layers, second.layersOf(t, "strata/web")); diff != "" || len(layers) != 1 {
				t.Errorf("the server's layer before and after a change:\n%s", diff)
			}
			for _, layer := range layers {
				servers[layer] = true
			}
		})
	}
	if len(servers) > 1 {
		t.Errorf("there are two servers: %v", servers)
	}
}

// checkHeaders asks a site for a file as a browser does: without the file in its cache, and with it.
func checkHeaders(t *testing.T, image, file, cached string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	port := freePort(t)
	stop := start(t, image, "--port", port)
	defer stop()
	get := func(tag string) (*http.Response, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+port+file, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", "gzip")
		request.Header.Set("If-None-Match", tag)
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		return response, err
	}
	first, err := get("")
	for tick := time.NewTicker(10 * time.Millisecond); err != nil && ctx.Err() == nil; first, err = get("") { // until it listens
		<-tick.C
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := first.Header; first.StatusCode != http.StatusOK || got.Get("Cache-Control") != cached ||
		got.Get("Content-Encoding") != "gzip" {
		t.Errorf("%s: %s with %v, want Cache-Control %q and Content-Encoding gzip", file, first.Status, got, cached)
	}
	if again, err := get(first.Header.Get("ETag")); err != nil || again.StatusCode != http.StatusNotModified {
		t.Errorf("%s again: %v, %v, want that nothing changed", file, again, err)
	}
}
