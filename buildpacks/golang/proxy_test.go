package golang

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseProxies(t *testing.T) {
	t.Parallel()
	tests := []struct{ value, want string }{
		{"", ""},
		{"direct", ""},
		{"off", ""},
		{"https://one.example.test,direct", "https://one.example.test"},
		{"one.example.test|https://two.example.test/goproxy", "https://one.example.test, https://two.example.test/goproxy"},
		{"https://user:secret@one.example.test/?key=secret", "https://one.example.test/"},
		{"https://one.example.test,off,https://two.example.test", "https://one.example.test"},
		{" file:///srv/modules ,noproxy", "file:///srv/modules"},
	}
	for _, tt := range tests {
		p, err := parseProxies(tt.value, nil)
		if err != nil || p.String() != tt.want {
			t.Errorf("%q gives %q (%v), want %q", tt.value, p, err, tt.want)
		}
	}
	for _, bad := range []string{"ftp://user:secret@one.example.test", "https://user:secret@[::1"} {
		_, err := parseProxies(bad, nil)
		wantFault(t, "proxy-syntax", err)
	}
}

// server answers each path with one status after the other, the last for good.
func server(t *testing.T, answers map[string][]int) (*url.URL, func(path string) int) {
	t.Helper()
	asked := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list := answers[r.URL.Path]
		status := http.StatusNotFound
		if len(list) > 0 {
			status = list[min(asked[r.URL.Path], len(list)-1)]
		}
		asked[r.URL.Path]++
		w.WriteHeader(status)
		_, _ = w.Write([]byte("content"))
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, func(path string) int { return asked[path] }
}

func TestProxiesGet(t *testing.T) {
	t.Parallel()
	u, asked := server(t, map[string][]int{
		"/fine": {200}, "/later": {500, 429, 200}, "/never": {503}, "/private": {401}, "/forbidden": {403},
	})
	login := []byte("default\nmachine other.test login x password y\nmachine " + u.Host + "\n  login ann\n  password pass\n")
	tests := []struct {
		path  string
		netrc []byte
		tries int
		err   string
	}{
		{"fine", nil, 1, ""},
		{"later", nil, 3, ""},
		{"never", nil, 3, "503 Service Unavailable"},
		{"absent", nil, 1, "404 Not Found"},
		{"forbidden", nil, 1, "403 Forbidden"},
		{"private", login, 1, "401 Unauthorized"}, // not over http
	}
	for _, tt := range tests {
		p := proxies{netrc: tt.netrc, wait: time.Microsecond, stall: time.Minute}
		content, err := p.get(t.Context(), u, tt.path)
		switch {
		case tt.err == "" && (err != nil || string(content) != "content"):
			t.Errorf("%s: got %q (%v)", tt.path, content, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: got %v, want %s", tt.path, err, tt.err)
		}
		if got := asked("/" + tt.path); got != tt.tries {
			t.Errorf("%s: asked %d times, want %d", tt.path, got, tt.tries)
		}
	}
	secret := *u
	secret.User, secret.Path = url.UserPassword("ann", "hidden"), "/base"
	if _, err := (proxies{stall: time.Minute}).get(t.Context(), &secret, "absent"); err == nil || strings.Contains(err.Error(), "hidden") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want not found, without the password", err)
	}
}

// TestProxiesStall holds that a server which stops in the middle is asked again, and then given up.
func TestProxiesStall(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := proxies{wait: time.Microsecond, stall: 20 * time.Millisecond}
	if _, err := p.get(t.Context(), u, "stuck"); !errors.Is(err, errSilent) || asked.Load() != 3 {
		t.Errorf("asked %d times and got %v, want %v after 3", asked.Load(), err, errSilent)
	}
}

func TestNewRequest(t *testing.T) {
	t.Parallel()
	p := proxies{netrc: []byte("machine a.test login ann password pass\nmachine b.test:8443 login bob password word\n")}
	for address, want := range map[string]string{
		"https://a.test/x": "ann", "https://b.test:8443/x": "bob", "https://b.test/x": "", "https://c.test/x": "",
		"http://a.test/x": "", "https://eve:own@a.test/x": "",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		req, err := p.newRequest(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		if user, _, _ := req.BasicAuth(); user != want {
			t.Errorf("%s is asked as %q, want %q", address, user, want)
		}
	}
}

func TestProxiesFromFolder(t *testing.T) {
	t.Parallel()
	dir := app(t, map[string]string{"m/@v/list": "v1\n"})
	p, err := parseProxies("file://"+filepath.ToSlash(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := p.get(t.Context(), p.list[0].url, "m/@v/list")
	if err != nil || string(content) != "v1\n" {
		t.Errorf("got %q (%v)", content, err)
	}
	if _, err := p.get(t.Context(), p.list[0].url, "absent"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want not found", err)
	}
}

// TestProxiesTry asks the next proxy when GOPROXY says so (go.dev/ref/mod#goproxy-protocol).
func TestProxiesTry(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := []struct {
		value   string
		answers map[string]error // by host
		asked   []string
		err     error
	}{
		{"http://a,http://b", map[string]error{"a": fs.ErrNotExist}, []string{"a", "b"}, nil},
		{"http://a,http://b", map[string]error{"a": broken}, []string{"a"}, broken},
		{"http://a|http://b", map[string]error{"a": broken}, []string{"a", "b"}, nil},
		{"http://a|http://b", map[string]error{"a": fs.ErrNotExist, "b": broken}, []string{"a", "b"}, broken},
		{"http://a,http://b", map[string]error{"a": fs.ErrNotExist, "b": fs.ErrNotExist}, []string{"a", "b"}, fs.ErrNotExist},
		{"direct", nil, nil, errNoProxy},
	}
	for _, tt := range tests {
		p, err := parseProxies(tt.value, nil)
		if err != nil {
			t.Fatal(err)
		}
		var asked []string
		err = p.try(func(base *url.URL) error {
			asked = append(asked, base.Host)
			return tt.answers[base.Host]
		})
		if diff := cmp.Diff(tt.asked, asked); diff != "" || !errors.Is(err, tt.err) {
			t.Errorf("%s with %v: got %v, want %v\n%s", tt.value, tt.answers, err, tt.err, diff)
		}
	}
}

func TestParseDatabase(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"one two three", "unknown.example.test", "x+1+notakey", "unknown.example.test+00000000+AAAA"} {
		if d, err := parseDatabase(bad); err == nil {
			t.Errorf("%q gives %+v", bad, d)
		}
	}
	_, err := parseDatabase("unknown.example.test")
	wantFault(t, "sumdb-syntax", err)
}
