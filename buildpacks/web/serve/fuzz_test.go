package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzSite asks a site for paths: no answer has what is hidden or outside of the site, and none leads to another host.
func FuzzSite(f *testing.F) {
	dir := f.TempDir()
	const secret = "secret"
	for name, content := range map[string]string{
		"outside": secret, "site/.env": secret, "site/a/.git/config": secret, "site/index.html": "page", "site/a/index.html": "a",
		"site/b.js": "b",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(dir, "site", "link")); err != nil {
		f.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Join(dir, "site"))
	if err != nil {
		f.Fatal(err)
	}
	defer root.Close()
	for _, path := range []string{
		"/", "/a", "//a", "/link", "/.env", "/a/.git/config", "/../outside", "/b.js/", "/\\a?x", "/a\x00", "/%2e%2e/outside",
	} {
		f.Add(path, "gzip;q=0, *", "bytes=0-1", "")
	}
	f.Add("/b.js", "identity", "bytes=-1,5-,0-0", "index.html")
	f.Fuzz(func(t *testing.T, path, accepts, ranges, fallback string) {
		if fallback != "" {
			fallback = index
		}
		request := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path},
			Header: http.Header{"Accept-Encoding": {accepts}, "Range": {ranges}}}
		answer := httptest.NewRecorder()
		newSite(root, fallback).ServeHTTP(answer, request)
		if strings.Contains(answer.Body.String(), secret) || answer.Code >= http.StatusInternalServerError {
			t.Errorf("%q: %d, %q", path, answer.Code, answer.Body)
		}
		to := answer.Header().Get("Location")
		if u, err := url.Parse(to); err != nil || u.Host != "" || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
			t.Errorf("%q is sent to %q (%v)", path, to, err)
		}
	})
}
