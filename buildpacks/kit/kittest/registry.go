package kittest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/semver"
)

// Registry is an HTTP origin on this machine with the packages that a test puts into it. It speaks what clients read:
//
//	URL + "/npm"    an npm registry: packuments, the manifest of a version, archives
//	URL + "/go"     a module proxy (go.dev/ref/mod#goproxy-protocol)
//	URL + "/simple" a package index of Python (PEP 503, PEP 691, PEP 658)
//
// Nothing but GET and HEAD is answered.
type Registry struct {
	URL string // without a slash at the end

	mu     sync.Mutex
	files  map[string]string // path of the URL -> body
	npm    map[string]map[string]npmVersion
	python map[string][]wheel
	sums   map[string]string // "module version" -> lines of go.sum
	asked  []string
}

// NewRegistry starts a registry without packages, which ends with the test.
func NewRegistry(t *testing.T) *Registry {
	t.Helper()
	r := &Registry{
		files: map[string]string{}, npm: map[string]map[string]npmVersion{}, python: map[string][]wheel{}, sums: map[string]string{},
	}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Asked returns the paths that clients asked for, in that order.
func (r *Registry) Asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
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
	if !found {
		http.NotFound(w, request)
		return
	}
	_, _ = fmt.Fprint(w, body) // the client may be gone
}

// newest returns the greatest of some versions, which have no "v".
func newest[V any](versions map[string]V) string {
	best := ""
	for version := range versions {
		if best == "" || semver.Compare("v"+version, "v"+best) > 0 {
			best = version
		}
	}
	return best
}

// Files reads a folder into what Write, Case.App and a Registry take: path -> content.
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
