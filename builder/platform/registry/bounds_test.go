package registry_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestRedirects has a registry that sends every request on to another path of itself, so many times, and then answers.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		times int
		good  bool
	}{{10, true}, {11, false}, {1 << 30, false}} {
		inner := platformtest.Serve(t, nil)
		image := platformtest.Random(t)
		platformtest.Push(t, inner.Host+"/app:1", image)
		var asked atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var count int
			_, _ = fmt.Sscan(r.URL.Query().Get("count"), &count)
			if !strings.Contains(r.URL.Path, "/manifests/") || count == test.times {
				inner.ServeHTTP(w, r)
				return
			}
			asked.Add(1)
			http.Redirect(w, r, fmt.Sprint(r.URL.Path, "?count=", count+1), http.StatusFound)
		}))
		t.Cleanup(server.Close)
		host := strings.TrimPrefix(server.URL, "http://")
		client, err := registry.New(platformtest.Fast)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.Single(t.Context(), platformtest.Parse(t, host+"/app:1"))
		if test.good {
			if err != nil || platformtest.Digest(t, got) != platformtest.Digest(t, image) {
				t.Errorf("%d redirects: got %v", test.times, err)
			}
			continue
		}
		if count := asked.Load(); count > 100 || !errors.As(err, new(fault.Fault)) {
			t.Fatalf("%d redirects: the registry was asked %d times, then %v", test.times, count, err)
		}
		kittest.Golden(t, "redirects.txt", platformtest.Fault(t, err, host, "HOST"))
	}
}

// TestEndlessLists has a registry whose catalogue or list of tags goes on and on.
func TestEndlessLists(t *testing.T) {
	t.Parallel()
	for _, endless := range []string{"catalogue", "tags"} {
		client := reach(t, func(request *http.Request) (*http.Response, error) {
			header := http.Header{}
			if strings.HasSuffix(request.URL.Path, "/_catalog") == (endless == "catalogue") {
				header.Set("Link", "<"+request.URL.Path+">; rel=\"next\"")
			}
			switch {
			case strings.HasSuffix(request.URL.Path, "/_catalog"):
				return answer(request, http.StatusOK, header, strings.NewReader(`{"repositories":["app"]}`))
			case strings.HasSuffix(request.URL.Path, "/tags/list"):
				return answer(request, http.StatusOK, header, strings.NewReader(`{"name":"app","tags":["1"]}`))
			}
			return nil, nil
		})
		host, err := name.NewRegistry("registry.example.com")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = client.Repositories(t.Context(), host); err == nil {
			_, err = client.Tags(t.Context(), host.Repo("app"))
		}
		if !errors.As(err, new(fault.Fault)) {
			t.Fatalf("%s: got %v, want a fault", endless, err)
		}
		kittest.Golden(t, "endless-"+endless+".txt", err.Error()+"\n")
	}
}

// TestLarge has a registry whose manifest goes on and on, or names an endless configuration. What was read of it is not kept.
func TestLarge(t *testing.T) {
	t.Parallel()
	ref, err := name.ParseReference("registry.example.com/app")
	if err != nil {
		t.Fatal(err)
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"size":%d,"digest":"sha256:%064d"},"layers":[]}`,
		types.OCIManifestSchema1, int64(1<<40), 0)
	for name, content := range map[string]io.Reader{
		"manifest": io.LimitReader(blanks{}, 1<<30), "configuration": strings.NewReader(manifest),
	} {
		var sent atomic.Int64
		client := reach(t, func(request *http.Request) (*http.Response, error) {
			if !strings.Contains(request.URL.Path, "/manifests/") {
				return nil, nil
			}
			header := http.Header{"Content-Type": {string(types.OCIManifestSchema1)}}
			return answer(request, http.StatusOK, header, io.TeeReader(content, counter{&sent}))
		})
		_, err := client.Single(t.Context(), ref)
		if !errors.As(err, new(fault.Fault)) || sent.Load() > 32<<20 {
			t.Fatalf("%s: got %v after %d bytes, want a fault", name, err, sent.Load())
		}
		kittest.Golden(t, "large.txt", err.Error()+"\n")
	}
}

// TestLargeOfPlatform has an index with such an image.
func TestLargeOfPlatform(t *testing.T) {
	t.Parallel()
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"size":%d,"digest":"sha256:%064d"},"layers":[]}`,
		types.OCIManifestSchema1, int64(1<<40), 0)
	sum := sha256.Sum256(manifest)
	index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"size":%d,"digest":"sha256:%x",
		"platform":{"os":"linux","architecture":"amd64"}}]}`, types.OCIImageIndex, types.OCIManifestSchema1, len(manifest), sum)
	client := reach(t, func(request *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(request.URL.Path, "/manifests/latest"):
			return answer(request, http.StatusOK, http.Header{"Content-Type": {string(types.OCIImageIndex)}}, strings.NewReader(index))
		case strings.Contains(request.URL.Path, "/manifests/"):
			return answer(request, http.StatusOK, http.Header{"Content-Type": {string(types.OCIManifestSchema1)}}, bytes.NewReader(manifest))
		}
		return nil, nil
	})
	ref, err := name.ParseReference("registry.example.com/app")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Image(t.Context(), ref, v1.Platform{OS: "linux", Architecture: "amd64"})
	if !errors.As(err, new(fault.Fault)) || !strings.Contains(err.Error(), "more than 8 MiB") {
		t.Errorf("got %v, want a fault", err)
	}
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type counter struct{ sent *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.sent.Add(int64(len(p)))
	return len(p), nil
}
