package platformtest

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

	inprocess "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/builder/platform/registry"
)

// Fast says how tests reach registries: three tries, a millisecond apart.
var Fast = registry.Options{Backoff: remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 3}}

// Registry is a real registry behind something that can get in the way.
type Registry struct {
	Host    string       // host and port
	Handler http.Handler // the registry itself

	mu       sync.Mutex
	inTheWay func(http.ResponseWriter, *http.Request) bool // if it returns true, it has answered
	requests map[string]int                                // by method
}

// Serve starts a registry. A request for which inTheWay returns true does not reach the registry.
func Serve(t *testing.T, inTheWay func(http.ResponseWriter, *http.Request) bool) *Registry {
	t.Helper()
	r := &Registry{inTheWay: inTheWay, requests: map[string]int{}, Handler: inprocess.New(inprocess.Logger(log.New(io.Discard, "", 0)))}
	listener := httptest.NewServer(r)
	t.Cleanup(listener.Close)
	r.Host = strings.TrimPrefix(listener.URL, "http://")
	return r
}

func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.requests[request.Method]++
	inTheWay := r.inTheWay
	r.mu.Unlock()
	if inTheWay != nil && inTheWay(w, request) {
		return
	}
	// When the connection breaks, this registry would store the part of a manifest that has come. Real registries do not.
	body, err := io.ReadAll(request.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	r.Handler.ServeHTTP(w, request)
}

// Pass lets every request through from now on.
func (r *Registry) Pass() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inTheWay = nil
}

// Forget forgets the requests so far.
func (r *Registry) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.requests)
}

// Count returns how many requests of a method there were.
func (r *Registry) Count(method string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests[method]
}

// Fault is Fault with the registry's address hidden.
func (r *Registry) Fault(t *testing.T, err error, hide ...string) string {
	t.Helper()
	return Fault(t, err, append(hide, r.Host, "<registry>")...)
}
