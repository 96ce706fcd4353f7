package loopback_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/loopback"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// build is a registry as a build sees it: the run image is shown, another image of the store is not.
type build struct {
	store           *store.Store
	registry        *loopback.Registry
	address         string
	app, run, other name.Reference
	shown, hidden   v1.Image
}

func newBuild(t *testing.T) *build {
	t.Helper()
	b := &build{store: platformtest.Store(t), shown: platformtest.Random(t), hidden: platformtest.Random(t)}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	b.address = strings.TrimPrefix(server.URL, "http://")
	b.app = platformtest.Parse(t, b.address+"/team/app:1")
	b.run = platformtest.Parse(t, b.address+"/strata/run:13")
	b.other = platformtest.Parse(t, b.address+"/team/other:1")
	for ref, img := range map[name.Reference]v1.Image{b.run: b.shown, b.other: b.hidden} {
		if _, err := b.store.Put(ref, img); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if b.registry, err = loopback.New(b.store, b.app, map[name.Reference]v1.Image{b.run: b.shown}); err != nil {
		t.Fatal(err)
	}
	handler = b.registry
	return b
}

// ask sends a request and returns the answer's status and its body.
func (b *build) ask(t *testing.T, method, path string, body io.Reader, host string) (int, string, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+b.address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		request.Host = host
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, read(t, response.Body, nil), response.Header
}

// blobs lists the store's files.
func (b *build) blobs(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.store.Dir(), "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestBuild does what an export does: it takes the run image, adds a layer, and writes the app.
func TestBuild(t *testing.T) {
	t.Parallel()
	b := newBuild(t)
	status, manifest, header := b.ask(t, "GET", "/v2/strata/run/manifests/13", nil, "")
	if status != 200 || header.Get("Docker-Content-Digest") != platformtest.Digest(t, b.shown).String() {
		t.Errorf("the run image is %d %s", status, manifest)
	}
	app, err := mutate.AppendLayers(b.shown, platformtest.Layer(t, "workspace/app", "app"))
	if err != nil {
		t.Fatal(err)
	}
	push(t, b, app)
	if images, err := b.store.Images(); err != nil || len(images) != 2 {
		t.Errorf("a manifest that nobody committed is in the store: %v, %v", images, err)
	}
	content, err := b.registry.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	mediaType, err := app.MediaType()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.PutManifest(b.app, mediaType, content); err != nil {
		t.Fatal(err)
	}
	got, err := b.store.Image(b.app)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	if platformtest.Digest(t, got) != platformtest.Digest(t, app) {
		t.Errorf("got %s, want %s", platformtest.Digest(t, got), platformtest.Digest(t, app))
	}
}

// push reads an image's blobs that the store has, sends the others, and puts the manifest.
func push(t *testing.T, b *build, img v1.Image) {
	t.Helper()
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append(manifest.Layers, manifest.Config) {
		l, err := img.LayerByDigest(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Compressed()
		content := read(t, r, err)
		switch status, body, _ := b.ask(t, "GET", "/v2/team/app/blobs/"+d.Digest.String(), nil, ""); {
		case status == 200 && body == content:
		case status == 404:
			path := "/v2/team/app/blobs/uploads/?digest=" + d.Digest.String()
			if status, body, _ := b.ask(t, "POST", path, strings.NewReader(content), ""); status != 201 {
				t.Fatalf("sending a blob: %d %s", status, body)
			}
		default:
			t.Fatalf("blob %s: %d, %d bytes of %d", d.Digest, status, len(body), len(content))
		}
	}
	raw, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if status, body, _ := b.ask(t, "PUT", "/v2/team/app/manifests/1", bytes.NewReader(raw), ""); status != 201 {
		t.Fatalf("putting the manifest: %d %s", status, body)
	}
}

// TestRefuses asks for what a build must not see or do.
func TestRefuses(t *testing.T) {
	t.Parallel()
	b := newBuild(t)
	manifest, err := b.hidden.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := b.shown.Layers()
	if err != nil {
		t.Fatal(err)
	}
	blob, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	before, hidden := b.blobs(t), platformtest.Digest(t, b.hidden).String()
	tests := []struct {
		name, method, path, host string
		status                   int
	}{
		{"an image that is not shown", "GET", "/v2/team/other/manifests/1", "", 404},
		{"the same by digest", "GET", "/v2/team/other/manifests/" + hidden, "", 404},
		{"the same by digest in a repository that is shown", "GET", "/v2/strata/run/manifests/" + hidden, "", 404},
		{"an image that is shown, of another registry", "GET", "/v2/strata/run/manifests/13", "registry.test", 404},
		{"whether it is there", "HEAD", "/v2/team/other/manifests/1", "", 404},
		{"the app before it is there", "GET", "/v2/team/app/manifests/1", "", 404},
		{"writing another image", "PUT", "/v2/team/other/manifests/1", "", 403},
		{"writing the run image", "PUT", "/v2/strata/run/manifests/13", "", 403},
		{"writing another tag of the app", "PUT", "/v2/team/app/manifests/2", "", 403},
		{"writing the app by digest", "PUT", "/v2/team/app/manifests/" + hidden, "", 403},
		{"writing the app in another registry", "PUT", "/v2/team/app/manifests/1", "registry.test", 403},
		{"writing with a detour", "PUT", "/v2/team/app/manifests/../../../strata/run/manifests/13", "", 403},
		{"writing by another method", "PATCH", "/v2/strata/run/manifests/13", "", 403},
		{"deleting the run image", "DELETE", "/v2/strata/run/manifests/13", "", 403},
		{"deleting the app", "DELETE", "/v2/team/app/manifests/1", "", 403},
		{"deleting a blob", "DELETE", "/v2/strata/run/blobs/" + blob.String(), "", 403},
		{"deleting an upload", "DELETE", "/v2/team/app/blobs/uploads/1", "", 403},
		{"a blob by a path", "GET", "/v2/team/app/blobs/sha256:..%2f..%2findex.json", "", 404},
		{"a blob of another algorithm", "GET", "/v2/team/app/blobs/md5:" + strings.Repeat("0", 32), "", 400},
		{"a blob that is not there", "GET", "/v2/team/app/blobs/sha256:" + strings.Repeat("0", 64), "", 404},
		{"referrers", "GET", "/v2/team/other/referrers/" + hidden, "", 404},
		{"tags of another image", "GET", "/v2/team/other/tags/list", "", 404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, body, _ := b.ask(t, test.method, test.path, bytes.NewReader(manifest), test.host)
			if status != test.status {
				t.Errorf("got %d %s, want %d", status, body, test.status)
			}
		})
	}
	if _, body, _ := b.ask(t, "GET", "/v2/_catalog", nil, ""); strings.Contains(body, "other") {
		t.Errorf("the catalogue is %s", body)
	}
	if _, err := b.registry.Manifest(); err == nil {
		t.Error("one of the requests was taken for the app's image")
	}
	if diff := cmp.Diff(before, b.blobs(t)); diff != "" {
		t.Errorf("the store changed:\n%s", diff)
	}
}

// TestUploads sends blobs in all the ways there are, right and wrong.
func TestUploads(t *testing.T) {
	t.Parallel()
	const content = "the content of a blob"
	hash, _, err := v1.SHA256(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		send   func(t *testing.T, b *build) int
		status int
		kept   bool
	}{
		{"at once", func(t *testing.T, b *build) int {
			status, _, _ := b.ask(t, "POST", "/v2/team/app/blobs/uploads/?digest="+hash.String(), strings.NewReader(content), "")
			return status
		}, 201, true},
		{"in two steps", func(t *testing.T, b *build) int { return steps(t, b, content, hash) }, 201, true},
		{"at once, another content", func(t *testing.T, b *build) int {
			status, _, _ := b.ask(t, "POST", "/v2/team/app/blobs/uploads/?digest="+hash.String(), strings.NewReader("evil"), "")
			return status
		}, 400, false},
		{"in two steps, another content", func(t *testing.T, b *build) int { return steps(t, b, "evil", hash) }, 400, false},
		{"in two steps, a part of it", func(t *testing.T, b *build) int { return steps(t, b, content[:5], hash) }, 400, false},
		{"a digest that is a path", func(t *testing.T, b *build) int {
			status, _, _ := b.ask(t, "POST", "/v2/team/app/blobs/uploads/?digest=sha256:../../evil", strings.NewReader(content), "")
			return status
		}, 400, false},
		// A mount is answered with an upload, as distribution-spec allows: the client sends the blob.
		{"mounted from another repository", func(t *testing.T, b *build) int {
			status, _, header := b.ask(t, "POST", "/v2/team/app/blobs/uploads/?mount="+hash.String()+"&from=team/other", nil, "")
			if !strings.HasPrefix(header.Get("Location"), "/v2/team/app/blobs/uploads/") {
				t.Errorf("location %q", header.Get("Location"))
			}
			return status
		}, 202, false},
		{"cut off", func(t *testing.T, b *build) int { return cutOff(t, b, hash) }, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBuild(t)
			before := len(b.blobs(t))
			if status := test.send(t, b); status != test.status {
				t.Errorf("got %d, want %d", status, test.status)
			}
			platformtest.CheckBlobs(t, b.store.Dir()) // also fails when a part of a file is left
			if got := len(b.blobs(t)) - before; got != map[bool]int{true: 1}[test.kept] {
				t.Errorf("%d blobs more", got)
			}
		})
	}
}

func steps(t *testing.T, b *build, content string, hash v1.Hash) int {
	t.Helper()
	_, _, header := b.ask(t, "POST", "/v2/team/app/blobs/uploads/", nil, "")
	_, _, header = b.ask(t, "PATCH", header.Get("Location"), strings.NewReader(content), "")
	status, _, _ := b.ask(t, "PUT", header.Get("Location")+"?digest="+hash.String(), nil, "")
	return status
}

// cutOff ends the connection in the middle of a blob and returns when the registry is done with it.
func cutOff(t *testing.T, b *build, hash v1.Hash) int {
	t.Helper()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		b.registry.ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(conn)
	fmt.Fprintf(w, "POST /v2/team/app/blobs/uploads/?digest=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na part", hash)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	<-done
	return 0
}

// TestLargeManifest sends a manifest of more than registries take.
func TestLargeManifest(t *testing.T) {
	t.Parallel()
	b := newBuild(t)
	if status, _, _ := b.ask(t, "PUT", "/v2/team/app/manifests/1", bytes.NewReader(make([]byte, 4<<20+1)), ""); status != 400 {
		t.Errorf("got %d, want 400", status)
	}
	if _, err := b.registry.Manifest(); err == nil {
		t.Error("it was taken")
	}
}

// TestTwoHosts shows two images of one name, of two registries.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	s, one, two := platformtest.Store(t), platformtest.Random(t), platformtest.Random(t)
	first, second := platformtest.Parse(t, "one.test/x:1"), platformtest.Parse(t, "two.test/x:1")
	r, err := loopback.New(s, first, map[name.Reference]v1.Image{first: one, second: two})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]v1.Image{"one.test": one, "two.test": two} {
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://"+host+"/v2/x/manifests/1", nil))
		if got := answer.Header().Get("Docker-Content-Digest"); got != platformtest.Digest(t, want).String() {
			t.Errorf("%s shows %s", host, got)
		}
	}
}

func read(t *testing.T, r io.ReadCloser, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
