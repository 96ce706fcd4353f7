// Package loopback is the registry that the lifecycle finds at the loopback address of a build: the image store, seen
// through the registry protocol.
package loopback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// maxManifest is the size of the largest manifest that is taken, in bytes (distribution-spec, "Pushing Manifests": a
// registry should take 4 MiB).
const maxManifest = 4 << 20

// Registry shows some images of a store under their names and takes one image, the app's. It writes blobs into the store
// at once, and keeps the app's manifest until Manifest asks for it.
type Registry struct {
	app   name.Reference
	blobs http.Handler

	mu        sync.Mutex
	manifests map[string]manifest // by host and URL path
	damage    error
}

// watched are blobs that tell the registry which of them a build was to read and could not.
type watched struct {
	store.Blobs
	registry *Registry
}

func (w watched) Get(ctx context.Context, repository string, digest v1.Hash) (io.ReadCloser, error) {
	content, err := w.Blobs.Get(ctx, repository, digest)
	if damage := new(store.Damage); errors.As(err, &damage) {
		w.registry.mu.Lock()
		defer w.registry.mu.Unlock()
		w.registry.damage = damage
	}
	return content, err
}

// Damage returns the error of a blob that a build was to read and that was damaged, or nil.
func (r *Registry) Damage() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.damage
}

type manifest struct {
	mediaType string
	digest    v1.Hash
	content   []byte
}

// New returns a registry that shows images of the store and takes the image app.
func New(s *store.Store, app name.Reference, shown map[name.Reference]v1.Image) (*Registry, error) {
	quiet := registry.Logger(log.New(io.Discard, "", 0)) // the client reports what goes wrong
	r := &Registry{app: app, manifests: map[string]manifest{}}
	r.blobs = registry.New(registry.WithBlobHandler(watched{s.Blobs(), r}), quiet)
	for ref, image := range shown {
		if err := r.show(ref, image); err != nil {
			return nil, fmt.Errorf("showing %s to the build: %w", ref, err)
		}
	}
	return r, nil
}

func (r *Registry) show(ref name.Reference, image v1.Image) error {
	content, err := image.RawManifest()
	if err != nil {
		return err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	r.keep(ref, manifest{string(mediaType), digest, content})
	return nil
}

// keep files a manifest under its tag and its digest.
func (r *Registry) keep(ref name.Reference, m manifest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.manifests[manifestPath(ref, ref.Identifier())] = m
	r.manifests[manifestPath(ref, m.digest.String())] = m
}

// manifestPath returns the host and the URL path of a manifest. Two registries may have a repository of one name.
func manifestPath(ref name.Reference, identifier string) string {
	return ref.Context().RegistryStr() + "/v2/" + ref.Context().RepositoryStr() + "/manifests/" + identifier
}

// Serve answers a build's requests until the listener is closed.
func (r *Registry) Serve(listener net.Listener) {
	server := http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	_ = server.Serve(listener) // ends with an error always: the listener was closed
}

// ServeHTTP lets a build read what it is shown, add blobs, and put the app's manifest. A build cannot replace another
// image, and deletes nothing.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	isManifest := strings.Contains(request.URL.Path, "/manifests/")
	switch {
	case isManifest && (request.Method == http.MethodGet || request.Method == http.MethodHead):
		r.get(w, request)
	case isManifest && request.Method == http.MethodPut && request.Host+request.URL.Path == manifestPath(r.app, r.app.Identifier()):
		r.put(w, request)
	case isManifest || request.Method == http.MethodDelete:
		refuse(w, http.StatusForbidden, "DENIED", "a build writes "+r.app.Name()+" only")
	default:
		r.blobs.ServeHTTP(w, request)
	}
}

func (r *Registry) get(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	m, ok := r.manifests[request.Host+request.URL.Path]
	r.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "no such manifest")
		return
	}
	w.Header().Set("Content-Type", m.mediaType)
	w.Header().Set("Docker-Content-Digest", m.digest.String())
	w.Header().Set("Content-Length", strconv.Itoa(len(m.content)))
	if request.Method == http.MethodGet {
		_, _ = w.Write(m.content) // a client that went away has nobody to tell
	}
}

func (r *Registry) put(w http.ResponseWriter, request *http.Request) {
	content, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxManifest))
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	digest, _, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	r.keep(r.app, manifest{request.Header.Get("Content-Type"), digest, content})
	w.Header().Set("Docker-Content-Digest", digest.String())
	w.WriteHeader(http.StatusCreated)
}

// refuse answers with an error (distribution-spec, "Error Codes").
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}

// Manifest returns the app's manifest, as the build put it.
func (r *Registry) Manifest() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.manifests[manifestPath(r.app, r.app.Identifier())]
	if !ok {
		return nil, errors.New("the export left no image")
	}
	return m.content, nil
}
