package main

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newServer serves a site of some files, with a secret beside it.
func newServer(t *testing.T, fallback string, more map[string]string) *httptest.Server {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	files := map[string]string{
		"index.html": "<h1>home</h1>", "about.html": "about", "docs/index.html": "docs", "empty/file.txt": "text", ".env": "secret",
		".well-known/acme": "token", "assets/index-B2x9Kf3a.js": "plain", "assets/index-B2x9Kf3a.js.~gz": "packed",
		".git/config": "secret", "../secret.txt": "secret",
	}
	maps.Copy(files, more)
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret.txt", filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newSite(root, fallback))
	t.Cleanup(func() { server.Close(); root.Close() })
	return server
}

// ask sends a request as it stands, without a client's own ideas of paths and compression, and returns the answer.
func ask(t *testing.T, server *httptest.Server, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = path
	if header != nil {
		request.Header = header
	}
	response, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, strings.TrimSpace(string(body))
}

func TestSite(t *testing.T) {
	t.Parallel()
	server := newServer(t, "", nil)
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
		header       map[string]string
	}{
		{"GET", "/", 200, "<h1>home</h1>", map[string]string{"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache",
			"X-Content-Type-Options": "nosniff", "Last-Modified": "", "Vary": ""}},
		{"HEAD", "/", 200, "", map[string]string{"Content-Length": "13"}},
		{"GET", "/index.html?x=1", 200, "<h1>home</h1>", nil},
		{"GET", "/about", 200, "about", nil},
		{"GET", "/docs", 301, "", map[string]string{"Location": "/docs/"}},
		{"GET", "/docs?to=1", 301, "", map[string]string{"Location": "/docs/?to=1"}},
		{"GET", "/docs/", 200, "docs", nil},
		{"GET", "/docs/../about.html", 200, "about", nil},
		{"GET", "/empty", 404, "not found", nil},
		{"GET", "/empty/", 404, "not found", nil},
		{"GET", "/index.html/", 404, "not found", nil},
		{"GET", "/nothing", 404, "not found", nil},
		{"GET", "/nothing%00", 404, "not found", nil},
		{"GET", "/" + strings.Repeat("x", 300), 404, "not found", nil},
		{"GET", "/link.txt", 404, "not found", nil},
		{"GET", "/../secret.txt", 404, "not found", nil},
		{"GET", "/%2e%2e/secret.txt", 404, "not found", nil},
		{"GET", "/.env", 404, "not found", nil},
		{"GET", "/.git/config", 404, "not found", nil},
		{"GET", "/.well-known/acme", 200, "token", map[string]string{"Content-Type": "application/json"}},
		{"GET", "/assets/index-B2x9Kf3a.js", 200, "plain",
			map[string]string{"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=31536000, immutable",
				"Vary": "Accept-Encoding", "Content-Encoding": ""}},
		{"POST", "/", 405, "method not allowed", map[string]string{"Allow": "GET, HEAD"}},
	} {
		response, body := ask(t, server, tt.method, tt.path, nil)
		if response.StatusCode != tt.status || body != tt.body {
			t.Errorf("%s %.40s: %d %q, want %d %q", tt.method, tt.path, response.StatusCode, body, tt.status, tt.body)
		}
		for name, want := range tt.header {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", tt.method, tt.path, name, got, want)
			}
		}
	}
}

// TestRedirectStays asks for a folder whose name a browser would take for another host.
func TestRedirectStays(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.MkdirAll("evil.test", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := root.WriteFile("evil.test/index.html", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.URL.Path = "//evil.test"
	response := httptest.NewRecorder()
	newSite(root, "").ServeHTTP(response, request)
	if got := response.Header().Get("Location"); response.Code != http.StatusMovedPermanently || got != "/evil.test/" {
		t.Errorf("%d, Location %q", response.Code, got)
	}
}

// TestConditions asks for what has not changed, for a part, and for the compressed file.
func TestConditions(t *testing.T) {
	t.Parallel()
	server := newServer(t, "", nil)
	plain, _ := ask(t, server, "GET", "/assets/index-B2x9Kf3a.js", nil)
	packed, body := ask(t, server, "GET", "/assets/index-B2x9Kf3a.js", http.Header{"Accept-Encoding": {"br, gzip;q=0.5"}})
	if body != "packed" || packed.Header.Get("Content-Encoding") != "gzip" ||
		packed.Header.Get("Content-Type") != plain.Header.Get("Content-Type") {
		t.Errorf("compressed: %q, %v", body, packed.Header)
	}
	if plain.Header.Get("ETag") == "" || plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Errorf("both have the tag %q", plain.Header.Get("ETag"))
	}
	for _, tt := range []struct {
		name   string
		header http.Header
		status int
		body   string
	}{
		{"the same", http.Header{"If-None-Match": {plain.Header.Get("ETag")}}, 304, ""},
		{"another", http.Header{"If-None-Match": {`"other"`}}, 200, "plain"},
		{"a time", http.Header{"If-Modified-Since": {"Fri, 01 Jan 2100 00:00:00 GMT"}}, 200, "plain"},
		{"a part", http.Header{"Range": {"bytes=1-2"}}, 206, "la"},
		{"not gzip", http.Header{"Accept-Encoding": {"gzip;q=0, *"}}, 200, "plain"},
		{"anything", http.Header{"Accept-Encoding": {"*"}}, 200, "packed"},
	} {
		if response, body := ask(t, server, "GET", "/assets/index-B2x9Kf3a.js", tt.header); response.StatusCode != tt.status || body != tt.body {
			t.Errorf("%s: %d %q, want %d %q", tt.name, response.StatusCode, body, tt.status, tt.body)
		}
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	server := newServer(t, "200.html", map[string]string{"200.html": "app", "404.html": "lost"})
	for path, want := range map[string]string{
		"/": "200 <h1>home</h1>", "/users/7": "200 app", "/empty/": "200 app", "/docs/": "200 docs", "/users/jane.doe": "200 app",
		"/v1.2": "200 app", "/missing.js": "404 lost", "/photo.PNG": "404 lost", "/.env": "404 lost", "/.git/HEAD": "404 lost",
	} {
		response, body := ask(t, server, "GET", path, nil)
		if got := response.Status[:3] + " " + body; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestImmutable(t *testing.T) {
	t.Parallel()
	got := map[string]bool{}
	want := map[string]bool{
		"assets/index-B2x9Kf3a.js": true, "index.d2ab3c4e.css": true, "main-5PKTFQ4V.js": true,
		"static/js/main.4f0c7b1a.chunk.js": false, "js/app.0c1f2a3b4d5e6f70.js.map": true,
		"assets/index-CRxWFC_r.js": true, "assets/index-a-Cd3f4G.css": true, "main-ABCDEFGH.js": true, "app-MyModule.js": false,
		"app-settings.js": false, "photo-CRxWFC_r.png": false, "d2ab3c4e5f.css": false, "bundle-20240101.js": false,
		"report-20240101.pdf": false, "portrait-version12.jpg": false, "index.html": false, "page-d2ab3c4e.html": false,
		"jquery-3.7.1.min.js": false, "my-background.woff2": false, "photo-Summer24.jpg": false, "scan-IMG00012.jpg": false,
		"DSC-P1010001.JPG": false, "logo-d2ab3c4e.png": true, "d2ab3c4e.js": false,
	}
	for name := range want {
		got[name] = immutable(name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("immutable (-want +got):\n%s", diff)
	}
}
