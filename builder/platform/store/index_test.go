package store_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	ggcr "github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/store"
)

// platformImage makes an image with one layer for an architecture.
func platformImage(t *testing.T, arch, content string) v1.Image {
	t.Helper()
	i := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	var tarball bytes.Buffer
	w := tar.NewWriter(&tarball)
	if err := w.WriteHeader(&tar.Header{Name: "file", Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := ggcr.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(tarball.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	if i, err = mutate.Append(i, mutate.Addendum{Layer: layer, MediaType: types.OCILayer}); err != nil {
		t.Fatal(err)
	}
	i, err = mutate.ConfigFile(i, &v1.ConfigFile{OS: "linux", Architecture: arch, RootFS: rootFS(t, i)})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func rootFS(t *testing.T, i v1.Image) v1.RootFS {
	t.Helper()
	c, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return c.RootFS
}

func digestOf(t *testing.T, i interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	d, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func index(t *testing.T, architectures ...string) v1.ImageIndex {
	t.Helper()
	x := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range architectures {
		x = mutate.AppendManifests(x, mutate.IndexAddendum{
			Add:        platformImage(t, arch, "of "+arch),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return x
}

// TestIndex checks that a name of several architectures gives the image of this machine's.
func TestIndex(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	ref := platformtest.Parse(t, "app:1")
	x := index(t, "s390x", runtime.GOARCH, "riscv64")
	got, err := s.PutIndex(ref, x)
	if err != nil || got != digestOf(t, x) {
		t.Fatalf("stored as %s, %v; the index is %s", got, err, digestOf(t, x))
	}
	if _, err := s.Put(platformtest.Parse(t, "app:2"), platformImage(t, "s390x", "another")); err != nil {
		t.Fatal(err)
	}
	mine := platformImage(t, runtime.GOARCH, "of "+runtime.GOARCH)
	i, err := s.Image(ref)
	if err != nil || digestOf(t, i) != digestOf(t, mine) {
		t.Fatalf("got %v, %v", i, err)
	}
	if err := validate.Image(i); err != nil {
		t.Error(err)
	}
	all, err := s.Images()
	if err != nil || len(all) != 2 || all[0].Digest != digestOf(t, mine) {
		t.Errorf("images: %v, %v", all, err)
	}
	// The layout is one for other programs too, with every architecture in it.
	root, err := layout.ImageIndexFromPath(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(root); err != nil {
		t.Error(err)
	}
}

func TestIndexOfOtherArchitectures(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	ref := platformtest.Parse(t, "app:1")
	if _, err := s.PutIndex(ref, index(t, "s390x", "riscv64")); err != nil {
		t.Fatal(err)
	}
	if i, err := s.Image(ref); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, %v", i, err)
	}
	if all, err := s.Images(); err != nil || len(all) > 0 {
		t.Errorf("images: %v, %v", all, err)
	}
}

var bills = []store.Artifact{
	{Type: "application/vnd.cyclonedx+json", Title: "app.sbom.cdx.json", Content: []byte(`{"bomFormat":"CycloneDX"}`)},
	{Type: "application/spdx+json", Title: "app.sbom.spdx.json", Content: []byte(`{"spdxVersion":"SPDX-2.3"}`)},
}

// TestAttach pushes what the store has to a registry, and asks that for the image's referrers.
func TestAttach(t *testing.T) {
	t.Parallel()
	s := platformtest.Store(t)
	i := platformImage(t, runtime.GOARCH, "content")
	if _, err := s.Put(platformtest.Parse(t, "app:1"), i); err != nil {
		t.Fatal(err)
	}
	if err := s.Attach(digestOf(t, i), bills...); err != nil {
		t.Fatal(err)
	}
	root, err := layout.ImageIndexFromPath(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	server := httptest.NewServer(registry.New(quiet, registry.WithReferrersSupport(true), registry.WithBlobHandler(s.Blobs())))
	t.Cleanup(server.Close)
	list, err := root.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list.Manifests {
		b, err := os.ReadFile(blob(s, d.Digest))
		if err != nil {
			t.Fatal(err)
		}
		ask(t, http.MethodPut, server.URL+"/v2/app/manifests/"+d.Digest.String(), d.MediaType, string(b))
	}
	answer := ask(t, http.MethodGet, server.URL+"/v2/app/referrers/"+digestOf(t, i).String(), "", "")
	found, err := v1.ParseIndexManifest(strings.NewReader(answer))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range found.Manifests {
		m, err := v1.ParseManifest(strings.NewReader(ask(t, http.MethodGet, server.URL+"/v2/app/manifests/"+d.Digest.String(), "", "")))
		if err != nil {
			t.Fatal(err)
		}
		content := ask(t, http.MethodGet, server.URL+"/v2/app/blobs/"+m.Layers[0].Digest.String(), "", "")
		got[m.ArtifactType+" "+m.Layers[0].Annotations["org.opencontainers.image.title"]] = content
	}
	want := map[string]string{}
	for _, a := range bills {
		want[a.Type+" "+a.Title] = string(a.Content)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func blob(s *store.Store, digest v1.Hash) string {
	return filepath.Join(s.Dir(), "blobs", digest.Algorithm, digest.Hex)
}

// ask sends a request to a registry and returns the body of the answer.
func ask(t *testing.T, method, url string, mediaType types.MediaType, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", string(mediaType))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %s %s %v", method, url, response.Status, b, err)
	}
	return string(b)
}

// TestAttachments checks when artifacts are listed: once, with the same bytes in every store, and as long as the image
// they are about is, be it in an index. They are never taken for images.
func TestAttachments(t *testing.T) {
	t.Parallel()
	s, other := platformtest.Store(t), platformtest.Store(t)
	ref := platformtest.Parse(t, "app:1")
	mine := platformImage(t, runtime.GOARCH, "of "+runtime.GOARCH)
	for range 2 {
		for _, s := range []*store.Store{s, other} {
			if _, err := s.PutIndex(ref, index(t, runtime.GOARCH, "s390x")); err != nil {
				t.Fatal(err)
			}
			if err := s.Attach(digestOf(t, mine), bills...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := listed(t, s); n != 3 {
		t.Errorf("%d manifests are listed, want the index and two artifacts", n)
	}
	if all, err := s.Images(); err != nil || len(all) != 1 {
		t.Errorf("images: %v, %v", all, err)
	}
	if diff := cmp.Diff(readIndex(t, other), readIndex(t, s)); diff != "" {
		t.Errorf("two stores differ:\n%s", diff)
	}
	if _, err := s.Put(ref, platformImage(t, runtime.GOARCH, "newer")); err != nil {
		t.Fatal(err)
	}
	if n := listed(t, s); n != 1 {
		t.Errorf("%d manifests are listed after the image was replaced, want one", n)
	}
	if err := s.Attach(digestOf(t, platformImage(t, "s390x", "never stored")), bills...); err == nil {
		t.Error("an artifact was attached to nothing")
	}
}

func readIndex(t *testing.T, s *store.Store) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir(), "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func listed(t *testing.T, s *store.Store) int {
	t.Helper()
	index, err := v1.ParseIndexManifest(strings.NewReader(readIndex(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	return len(index.Manifests)
}
