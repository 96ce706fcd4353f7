package platform_test

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/builder/platform"
)

// fast is how the registries of the tests are reached: three tries, a millisecond apart.
var fast = platform.RegistryOptions{Backoff: remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 3}}

// server is a real registry behind something that can get in the way.
type server struct {
	host string
	url  string

	mu       sync.Mutex
	inTheWay func(http.ResponseWriter, *http.Request) bool // answers itself if it returns true
	requests map[string]int                                // by method
	registry http.Handler
}

func serve(t *testing.T, inTheWay func(http.ResponseWriter, *http.Request) bool) *server {
	t.Helper()
	s := &server{inTheWay: inTheWay, requests: map[string]int{}, registry: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	s.url, s.host = listener.URL, strings.TrimPrefix(listener.URL, "http://")
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.Method]++
	inTheWay := s.inTheWay
	s.mu.Unlock()
	if inTheWay != nil && inTheWay(w, r) {
		return
	}
	// Unlike real registries, this one would store what has come of a manifest when the connection broke.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.registry.ServeHTTP(w, r)
}

// pass lets everything through from now on.
func (s *server) pass() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inTheWay = nil
}

func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.requests)
}

func (s *server) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[method]
}

func (s *server) golden(t *testing.T, file string, err error, hide ...string) {
	t.Helper()
	golden(t, file, err, append(hide, s.host, "<registry>")...)
}
