package fetch_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

const body = "the bytes of an artifact, long enough to be cut in two"

func hash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func artifact(urls ...string) fetch.Artifact {
	return fetch.Artifact{Name: "pkg:deb/debian/thing@1", Sum: "sha256:" + hash(body), Size: int64(len(body)), URLs: urls}
}

// serve starts a server and counts its requests.
func serve(t *testing.T, h http.HandlerFunc) (url string, requests *atomic.Int32) {
	t.Helper()
	requests = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func whole(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }

// cut sends half of the body and breaks the connection.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	fmt.Fprint(w, body[:20])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func client(dir string, options ...fetch.Option) *fetch.Client {
	return fetch.New(dir, append(options, fetch.WithBackoff(time.Microsecond))...)
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestGetOnce(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, whole)
	dir := t.TempDir()
	var last atomic.Int64
	c := client(dir, fetch.WithProgress(func(name string, done, total int64) {
		if name != "pkg:deb/debian/thing@1" || total != int64(len(body)) {
			t.Errorf("progress of %s, %d in all", name, total)
		}
		last.Store(done)
	}))
	for range 2 {
		path, err := c.Get(t.Context(), artifact(url))
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(dir, "sha256", hash(body)); path != want || content(t, path) != body {
			t.Errorf("got %q in %s, want it in %s", content(t, path), path, want)
		}
	}
	if requests.Load() != 1 || last.Load() != int64(len(body)) {
		t.Errorf("%d requests, %d bytes told, want 1 and all", requests.Load(), last.Load())
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "partial")); len(left) != 0 {
		t.Errorf("%d partial files are left", len(left))
	}
}

// TestExpect tells of what is not in the cache, once, and takes it back when no server has it.
func TestExpect(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			http.NotFound(w, r)
			return
		}
		whole(w, r)
	})
	var told []string
	c := client(t.TempDir(), fetch.WithProgress(func(name string, done, total int64) {
		told = append(told, fmt.Sprintf("%s %d/%d", name, done, total))
	}))
	there := artifact(url)
	if _, err := c.Get(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	gone := fetch.Artifact{Name: "gone", Sum: "sha256:" + hash("gone"), Size: 4, URLs: []string{url + "/gone"}}
	c.Expect(there, gone, gone)
	if _, err := c.Get(t.Context(), gone); !errors.Is(err, fetch.ErrGone) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"pkg:deb/debian/thing@1 54/54", "gone 0/4", "gone 0/0"}, told); diff != "" {
		t.Error(diff)
	}
}

func TestGetMends(t *testing.T) {
	t.Parallel()
	failing := func(status, times int) func() http.HandlerFunc {
		return func() http.HandlerFunc {
			var n atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) {
				if int(n.Add(1)) <= times {
					w.WriteHeader(status)
					return
				}
				whole(w, r)
			}
		}
	}
	tests := []struct {
		name     string
		handler  func() http.HandlerFunc
		requests int32
	}{
		{"503 twice", failing(http.StatusServiceUnavailable, 2), 3},
		{"too many requests", failing(http.StatusTooManyRequests, 1), 2},
		{"broken, then from where it broke", func() http.HandlerFunc {
			var n atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 1 {
					cut(w, r)
				}
				if got := r.Header.Get("Range"); got != "bytes=20-" {
					t.Errorf("Range is %q", got)
				}
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(body))
			}
		}, 2},
		{"broken, and the server knows no ranges", func() http.HandlerFunc {
			var n atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == 1 {
					cut(w, r)
				}
				whole(w, r)
			}
		}, 2},
		{"broken, and the server answers with another range", func() http.HandlerFunc {
			var n atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) {
				switch {
				case n.Add(1) == 1:
					cut(w, r)
				case r.Header.Get("Range") != "":
					w.Header().Set("Content-Range", "bytes 3-9/54")
					w.WriteHeader(http.StatusPartialContent)
				default:
					whole(w, r)
				}
			}
		}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url, requests := serve(t, test.handler())
			path, err := client(t.TempDir()).Get(t.Context(), artifact(url))
			if err != nil {
				t.Fatal(err)
			}
			if content(t, path) != body || requests.Load() != test.requests {
				t.Errorf("got %q after %d requests, want %d", content(t, path), requests.Load(), test.requests)
			}
		})
	}
}

func TestGetErrors(t *testing.T) {
	t.Parallel()
	other := strings.Replace(body, "bytes", "bytez", 1)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	tests := []struct {
		name    string
		handler http.HandlerFunc
		url     string
		id      string
		want    string
		gone    bool
	}{
		{name: "wrong hash", handler: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, other) }, id: "fetch-wrong-hash",
			want: "pkg:deb/debian/thing@1: it has the hash sha256:" + hash(other) + ", but must have sha256:" + hash(body) +
				"; a server or a proxy has changed the file: do not use it, and check the mirror's address"},
		{name: "too long", handler: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body+"more and more") }, id: "fetch-wrong-hash",
			want: "pkg:deb/debian/thing@1: it has 55 bytes, but must have 54; " +
				"a server or a proxy has changed the file: do not use it, and check the mirror's address"},
		{name: "gone", handler: http.NotFound, id: "fetch-gone", gone: true,
			want: "pkg:deb/debian/thing@1: the server does not have it; use a newer version or a mirror that keeps old files"},
		{name: "forbidden", handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, id: "fetch-failed",
			want: "pkg:deb/debian/thing@1: HOST: HTTP 403 Forbidden; try again, or check the mirror's address"},
		{name: "always broken", handler: cut, id: "fetch-failed",
			want: "pkg:deb/debian/thing@1: HOST: the connection broke: unexpected EOF; try again, or check the mirror's address"},
		{name: "no network", url: "http://" + dead.Addr().String(), id: "fetch-offline",
			want: "pkg:deb/debian/thing@1: no network: dial tcp " + dead.Addr().String() +
				": connect: connection refused; check the connection, the mirror's address and HTTP_PROXY/HTTPS_PROXY"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.handler != nil {
				test.url, _ = serve(t, test.handler)
			}
			dir := t.TempDir()
			_, err := client(dir).Get(t.Context(), artifact(test.url))
			test.want = strings.Replace(test.want, "HOST", strings.TrimPrefix(test.url, "http://"), 1)
			var f fault.Fault
			if !errors.As(err, &f) || f.ID != test.id || err.Error() != test.want || errors.Is(err, fetch.ErrGone) != test.gone {
				t.Errorf("got %s, %v\nwant %s, %s", f.ID, err, test.id, test.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "sha256", hash(body))); err == nil {
				t.Error("the file is in the cache")
			}
		})
	}
}

func TestGetTriesEveryURL(t *testing.T) {
	t.Parallel()
	bad, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "something else") })
	none, _ := serve(t, http.NotFound)
	good, _ := serve(t, whole)
	path, err := client(t.TempDir()).Get(t.Context(), artifact(bad, none, good))
	if err != nil {
		t.Fatal(err)
	}
	if content(t, path) != body {
		t.Errorf("got %q", content(t, path))
	}
}

// TestDebug tells of each request what was asked of whom, and of no address, which may be secret.
func TestDebug(t *testing.T) {
	t.Parallel()
	gone, _ := serve(t, http.NotFound)
	busy := atomic.Int32{}
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if busy.Add(1) == 1 {
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		whole(w, r)
	})
	var lines []string
	c := client(t.TempDir(), fetch.WithDebug(func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }))
	if _, err := c.Get(t.Context(), artifact(strings.Replace(gone, "://", "://me:s3cret@", 1)+"/s3cret", url+"/s3cret?s3cret")); err != nil {
		t.Fatal(err)
	}
	asked := "pkg:deb/debian/thing@1 of "
	want := []string{
		asked + strings.TrimPrefix(gone, "http://") + ": HTTP 404 Not Found, 0.0s",
		asked + strings.TrimPrefix(url, "http://") + ": HTTP 503 Service Unavailable, 0.0s",
		asked + strings.TrimPrefix(url, "http://") + ": it came, 0.0s",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestGetHealsTheCache(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, whole)
	c := client(t.TempDir())
	path, err := c.Get(t.Context(), artifact(url))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("rotten"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), artifact(url)); err != nil {
		t.Fatal(err)
	}
	if content(t, path) != body || requests.Load() != 2 {
		t.Errorf("got %q after %d requests", content(t, path), requests.Load())
	}
}

// TestGetTogether uses clients of their own: locks between open files work the same between processes.
func TestGetTogether(t *testing.T) {
	t.Parallel()
	url, requests := serve(t, whole)
	dir := t.TempDir()
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			path, err := client(dir).Get(t.Context(), artifact(url))
			if err != nil {
				t.Error(err)
				return
			}
			if content(t, path) != body {
				t.Errorf("got %q", content(t, path))
			}
		})
	}
	g.Wait()
	if requests.Load() != 1 {
		t.Errorf("%d requests, want 1", requests.Load())
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "partial")); len(left) != 0 {
		t.Errorf("%d partial files are left", len(left))
	}
}

func TestGetStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := client(t.TempDir()).Get(ctx, artifact(url)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestGetWithoutACache(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := client(dir).Get(t.Context(), artifact("http://127.0.0.1:1"))
	var f fault.Fault
	if !errors.As(err, &f) || f.ID != "fetch-cache" {
		t.Errorf("got %v", err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, whole)
	gone, _ := serve(t, http.NotFound)
	got, err := client("").Read(t.Context(), fetch.Document{Name: "InRelease", Limit: int64(len(body)), URLs: []string{gone, url}})
	if err != nil || string(got) != body {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = client("").Read(t.Context(), fetch.Document{Name: "InRelease", Limit: int64(len(body)) - 1, URLs: []string{url}})
	if want := "InRelease: it has more than 53 bytes; try again, or check the mirror's address"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = client("").Read(t.Context(), fetch.Document{Name: "InRelease", Limit: 99, URLs: []string{gone}})
	if want := "InRelease: the server does not have it; check the mirror's address"; !errors.Is(err, fetch.ErrGone) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
