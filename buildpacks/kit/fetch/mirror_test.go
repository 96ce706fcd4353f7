package fetch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// TestMirrors asks mirrors as libpak does (its documentation, "Dependency Mirrors").
func TestMirrors(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		_, _ = fmt.Fprint(w, strings.TrimSpace(r.URL.String()+" "+user+" "+password))
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	for file, text := range map[string]string{"a/x.zip": "by path", "one.example.test/a/x.zip": "by host"} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mirror, host := s.URL, strings.TrimPrefix(s.URL, "https://")
	const address = "https://one.example.test:8443/a/x.zip?key=original"
	for _, test := range []struct {
		mirrors map[string]string
		address string
		want    string
	}{
		{map[string]string{"default": mirror}, address, "/a/x.zip"},
		{map[string]string{"default": mirror + "/base/"}, "http://ann:pass@one.example.test/a/x.zip", "/base/a/x.zip"},
		{map[string]string{"default": mirror + "/{originalHost}/base"}, address, "/one.example.test/base/a/x.zip"},
		{map[string]string{"default": "file:///nowhere", "one.example.test": mirror + "/one"}, address, "/one/a/x.zip"},
		{map[string]string{"one.example.test": mirror + "/one"}, "https://ONE.example.test/a/x.zip", "/one/a/x.zip"},
		{map[string]string{"one.example.test": "file:///nowhere"}, mirror + "/asked/itself", "/asked/itself"},
		{map[string]string{"default": "https://ann:pa%24%24@" + host + "?key=mirror"}, address, "/a/x.zip?key=mirror ann pa$$"},
		{map[string]string{"default": "https://ann%3Apa%24%24word%2C%40" + host + "%2Fescaped"}, address, "/escaped/a/x.zip ann pa$$word,"},
		{map[string]string{"default": mirror + "/skip,skip-path=/a"}, address, "/skip/x.zip"},
		{map[string]string{"default": "skip-path=/a%2Fx, mirror=" + mirror + "/skip"}, address, "/skip/.zip"},
		{map[string]string{"default": mirror}, "https://one.example.test/pool/g++_1%2b2~3.deb", "/pool/g++_1+2~3.deb"},
		{map[string]string{"default": "file://" + dir}, address, "by path"},
		{map[string]string{"default": "file://" + dir + "/{originalHost}"}, address, "by host"},
		{map[string]string{"default": mirror}, "file://" + dir + "/a/x.zip", "by path"},
	} {
		mirrors := fetch.Mirrors{}
		for host, text := range test.mirrors {
			m, err := fetch.ParseMirror(text)
			if err != nil {
				t.Fatal(err)
			}
			mirrors[host] = m
		}
		c := client(t.TempDir(), fetch.WithTransport(s.Client().Transport), fetch.WithMirrors(mirrors))
		got, err := c.Read(t.Context(), fetch.Document{Name: "x", Limit: 999, URLs: []string{test.address}})
		if err != nil || string(got) != test.want {
			t.Errorf("%v: got %q, %v, want %q", test.mirrors, got, err, test.want)
		}
	}
}

func TestParseMirror(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "http://ann:secret@mirror.example.test", "mirror.example.test", "https://", "file:", "https://ann:secret@[::1",
		"https%3A%2F%2Fsecret:x:y", "https://mirror.example.test,https://secret.example.test", "skip-path=/secret",
		"https://mirror.example.test,skip=secret", "https://mirror.example.test,skip-path=/secret%zz",
	} {
		_, err := fetch.ParseMirror(bad)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q gives %v", bad, err)
		}
	}
}

// TestMirrorChecked refuses a file of a mirror that is not the right one, and tells no secret of the mirror's address.
func TestMirrorChecked(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/refused") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprint(w, strings.ToUpper(body))
	}))
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "https://")
	m, err := fetch.ParseMirror("https://ann:secret@" + host + "/secret?key=secret")
	if err != nil {
		t.Fatal(err)
	}
	c := client(t.TempDir(), fetch.WithTransport(s.Client().Transport), fetch.WithMirrors(fetch.Mirrors{fetch.DefaultHost: m}))
	for path, want := range map[string]string{
		"wrong":   "it has the hash sha256:" + hash(strings.ToUpper(body)) + ", but must have sha256:" + hash(body),
		"refused": "pkg:deb/debian/thing@1: " + host + ": HTTP 403 Forbidden; try again, or check the dependency mirror",
	} {
		_, err := c.Get(t.Context(), artifact("https://one.example.test/"+path))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}
