package fetch_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
)

// TestFile takes files from folders.
func TestFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a thing"), []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
	c := client(t.TempDir())
	path, err := c.Get(t.Context(), artifact("file://"+dir+"/gone", "file://"+dir+"/a%20thing"))
	if err != nil || content(t, path) != body {
		t.Errorf("got %s, %v", path, err)
	}
	read := func(address string) error {
		_, err := c.Read(t.Context(), fetch.Document{Name: "list", Limit: 99, URLs: []string{address}})
		return err
	}
	if err := read("file://" + dir + "/gone"); !errors.Is(err, fetch.ErrGone) {
		t.Errorf("got %v, want that it is gone", err)
	}
	if err := read("file://" + dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("got %v, want that it is a folder", err)
	}
}

// TestAddress names no address that is wrong: it may have a password in it.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"ftp://ann:secret@a.example.test/x", "https://ann:secret@[::1", "http://ann:secret@a.example.test:x/", "secret",
	} {
		_, err := client(t.TempDir()).Get(t.Context(), artifact(address))
		want := "pkg:deb/debian/thing@1: its address is not an https, http or file URL; try again, or check the mirror's address"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

// TestNetrc sends each login to its own host, over https and nowhere else. What an address says itself goes first.
func TestNetrc(t *testing.T) {
	t.Parallel()
	var asked []string
	note := func(name string, next *string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			asked = append(asked, strings.TrimSpace(name+" "+user+" "+password+" "+r.Referer()))
			if *next != "" {
				http.Redirect(w, r, *next, http.StatusFound)
				return
			}
			whole(w, r)
		}
	}
	second, third, none := "", "", ""
	known := httptest.NewTLSServer(note("known", &second))
	unknown := httptest.NewTLSServer(note("unknown", &third))
	plain := httptest.NewServer(note("plain", &none))
	for _, s := range []*httptest.Server{known, unknown, plain} {
		t.Cleanup(s.Close)
	}
	host := func(s *httptest.Server) string {
		_, host, _ := strings.Cut(s.URL, "://")
		return host
	}
	netrc := "default login eve password all\nmachine 127.0.0.1 login eve password any\n" +
		"machine " + host(known) + "\n  login ann\n  password pass\nmachine " + host(known) + " login bob password later\n" +
		"machine " + host(plain) + " login ann password pass\ndefault login eve password all\n"
	own, err := url.Parse(known.URL)
	if err != nil {
		t.Fatal(err)
	}
	own.User = url.UserPassword("own", "word")
	for _, test := range []struct {
		address, second, third string
		want                   []string
	}{
		{address: known.URL, want: []string{"known ann pass"}},
		{address: own.String(), want: []string{"known own word"}},
		{address: unknown.URL, want: []string{"unknown"}},
		{address: plain.URL, want: []string{"plain"}},
		{address: known.URL, second: unknown.URL, third: plain.URL, want: []string{"known ann pass", "unknown", "plain"}},
		{address: unknown.URL, third: known.URL, want: []string{"unknown", "known ann pass"}},
	} {
		asked, second, third = nil, test.second, test.third
		c := client(t.TempDir(), fetch.WithNetrc([]byte(netrc)), fetch.WithTransport(known.Client().Transport))
		if _, err := c.Get(t.Context(), artifact(test.address)); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(test.want, asked); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test, diff)
		}
	}
}

// TestCertificate asks a server that nobody vouches for once.
func TestCertificate(t *testing.T) {
	t.Parallel()
	requests := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(whole))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	transport := s.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig = nil
	c := client(t.TempDir(), fetch.WithTransport(counted{transport, &requests}))
	_, err := c.Get(t.Context(), artifact(s.URL))
	f, _ := errors.AsType[fault.Fault](err)
	if f.ID != "fetch-certificate" || requests != 1 || !strings.Contains(err.Error(), strings.TrimPrefix(s.URL, "https://")) {
		t.Errorf("got %s after %d requests: %v", f.ID, requests, err)
	}
}

type counted struct {
	http.RoundTripper
	requests *int
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	*c.requests++
	return c.RoundTripper.RoundTrip(r)
}

// TestStall asks a server again that stops in the middle, and gives it up at last.
func TestStall(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"before the answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"in the middle": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := serve(t, handler)
			requests := 0
			c := client(t.TempDir(), fetch.WithStall(20*time.Millisecond), fetch.WithTransport(counted{http.DefaultTransport, &requests}))
			_, err := c.Read(t.Context(), fetch.Document{Name: "list", Limit: 99, URLs: []string{address}})
			want := "list: " + strings.TrimPrefix(address, "http://") +
				": the connection broke: the server stopped sending; try again, or check the mirror's address"
			if err == nil || err.Error() != want || requests != 4 {
				t.Errorf("asked %d times and got %v", requests, err)
			}
		})
	}
}

// TestReadAccept asks for a media type.
func TestReadAccept(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Header.Get("Accept"))) })
	got, err := client("").Read(t.Context(), fetch.Document{Name: "list", Limit: 99, Accept: "application/json", URLs: []string{address}})
	if string(got) != "application/json" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestGoneOrBroken tells a file that one server lacks and another did not give from one that is gone.
func TestGoneOrBroken(t *testing.T) {
	t.Parallel()
	gone, _ := serve(t, http.NotFound)
	broken, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	_, err := client(t.TempDir()).Get(t.Context(), artifact(broken, gone))
	if err == nil || errors.Is(err, fetch.ErrGone) || !strings.Contains(err.Error(), "HTTP 500") {
		t.Errorf("got %v, want HTTP 500", err)
	}
}

// TestLogin returns the first login of a host that has a password.
func TestLogin(t *testing.T) {
	t.Parallel()
	netrc := []byte("machine a.example.test login x\nmachine a.example.test login ann password one\n" +
		"machine b.example.test:8443 login bob password two\n" +
		"default login eve password all\n")
	for host, want := range map[string]string{"a.example.test": "ann one", "b.example.test:8443": "bob two", "b.example.test": " ", "": " "} {
		if user, password := fetch.Login(netrc, host); user+" "+password != want {
			t.Errorf("%s has %s %s, want %s", host, user, password, want)
		}
	}
}
