package kittest

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/semver"
)

// Registry is an HTTP origin on this machine. It serves the packages that a test puts into it to the clients of:
//
//	URL + "/npm"    an npm registry: packuments, the manifest of a version, archives
//	URL + "/go"     a module proxy (go.dev/ref/mod#goproxy-protocol)
//	URL + "/simple" a package index of Python (PEP 503, PEP 691, PEP 658)
//
// It answers GET and HEAD only.
type Registry struct {
	URL       string // without a slash at the end
	Authority string // certificate of the authority that vouches for the server, as PEM; empty without TLS

	password string // "" where everybody may read

	mu     sync.Mutex
	files  map[string]string // path of the URL -> body
	npm    map[string]map[string]npmVersion
	python map[string][]wheel
	sums   map[string]string // "module version" -> lines of go.sum
	asked  []string
}

// NewRegistry starts an empty registry. It ends with the test.
func NewRegistry(t *testing.T) *Registry {
	t.Helper()
	r := newRegistry()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// NewTLSRegistry starts a registry that speaks TLS with a certificate that nobody trusts yet. If the password is not empty,
// clients must send it: with basic authentication, where the name does not matter, or as a bearer token. A package that is not
// there is "not found" for everybody.
func NewTLSRegistry(t *testing.T, password string) *Registry {
	t.Helper()
	r := newRegistry()
	r.password = password
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail on purpose
	own, authority := certified(t)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	server.StartTLS()
	t.Cleanup(server.Close)
	r.URL, r.Authority = server.URL, authority
	return r
}

func newRegistry() *Registry {
	return &Registry{
		files: map[string]string{}, npm: map[string]map[string]npmVersion{}, python: map[string][]wheel{}, sums: map[string]string{},
	}
}

// Asked returns the paths of all requests, in order.
func (r *Registry) Asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// Read returns a file that the registry serves, by the path of its address.
func (r *Registry) Read(t *testing.T, path string) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	body, found := r.files[path]
	if !found {
		t.Fatalf("the registry has no file %s", path)
	}
	return body
}

// ServeHTTP answers a client.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if request.Method != http.MethodGet && request.Method != http.MethodHead {
		http.Error(w, "only reading is served", http.StatusMethodNotAllowed)
		return
	}
	path := request.URL.Path
	r.asked = append(r.asked, path)
	body, found := r.files[path]
	switch {
	case found:
	case strings.HasPrefix(path, "/npm/"):
		body, found = r.npmDocument(strings.TrimPrefix(path, "/npm/"))
	case strings.HasPrefix(path, "/go/"):
		body, found = r.goDocument(strings.TrimPrefix(path, "/go/"))
	case strings.HasPrefix(path, "/simple/"):
		body, found = r.simpleDocument(w, request)
	}
	switch {
	case !found:
		http.NotFound(w, request)
	case !r.allows(request):
		w.WriteHeader(http.StatusUnauthorized)
	default:
		_, _ = fmt.Fprint(w, body) // the client may be gone
	}
}

// allows reports whether a client knows the password, if there is one.
func (r *Registry) allows(request *http.Request) bool {
	_, password, _ := request.BasicAuth()
	return r.password == "" || password == r.password || request.Header.Get("Authorization") == "Bearer "+r.password
}

// newest returns the greatest of the versions, which have no "v".
func newest[V any](versions map[string]V) string {
	best := ""
	for version := range versions {
		if best == "" || semver.Compare("v"+version, "v"+best) > 0 {
			best = version
		}
	}
	return best
}

// Files reads a folder: path -> content. Write, Case.App and Registry take the same.
func Files(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for path, kind := range Tree(t, dir) {
		if !strings.HasPrefix(kind, "file ") {
			continue
		}
		data, err := os.ReadFile(dir + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = string(data)
	}
	return files
}
