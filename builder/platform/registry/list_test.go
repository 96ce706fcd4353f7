package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
)

func client(t *testing.T) *registry.Client {
	t.Helper()
	client, err := registry.New(platformtest.Fast)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// lines returns what a list has, each name with an error or without.
func lines(list []registry.Listed, host string) string {
	var all []string
	for _, l := range list {
		line := strings.TrimPrefix(l.Name, host)
		if l.Err != nil {
			line += " failed"
		}
		all = append(all, line)
	}
	return strings.Join(all, ", ")
}

// TestCatalogueRefused has registries whose catalogue does not say what is below a path.
func TestCatalogueRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		want   string // of the place team/app, which is a repository with a tag, and of team/none
		none   string
	}{
		"no catalogue": {http.StatusNotFound, "", "/team/app:1", "fault"},
		"no method":    {http.StatusMethodNotAllowed, "", "/team/app:1", "fault"},
		"denied":       {http.StatusForbidden, "", "/team/app:1, /team/app/ failed", "fault"},
		"login":        {http.StatusUnauthorized, "", "/team/app:1, /team/app/ failed", "fault"},
		"broken":       {http.StatusBadGateway, "", "fault", "fault"},
		"empty":        {http.StatusOK, `{"repositories":[]}`, "/team/app:1", ""},
		"filtered":     {http.StatusOK, `{"repositories":["other"]}`, "/team/app:1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/_catalog") {
					return false
				}
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
				return true
			})
			platformtest.Push(t, server.Host+"/team/app:1", platformtest.Random(t))
			for place, want := range map[string]string{"/team/app": test.want, "/team/none": test.none} {
				list, err := client(t).List(t.Context(), server.Host+place)
				got := lines(list, server.Host)
				if err != nil {
					platformtest.Fault(t, err)
					got = "fault"
				}
				for _, l := range list {
					if l.Err != nil && !errors.Is(l.Err, registry.ErrMore) {
						t.Errorf("%s: got %v", place, l.Err)
					}
				}
				if got != want {
					t.Errorf("%s: got %q, want %q", place, got, want)
				}
			}
		})
	}
}

// TestPlaces has places of which one is down and one is mistyped, and several of one registry, whose catalogue is read once.
func TestPlaces(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := platformtest.Serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/_catalog") {
			asked.Add(1)
		}
		return false
	})
	down := platformtest.Serve(t, func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	for _, image := range []string{"/a/x:1", "/b/y:1", "/c/z:1"} {
		platformtest.Push(t, server.Host+image, platformtest.Random(t))
	}
	places := []string{server.Host + "/a", server.Host + "/b", server.Host + "/c", down.Host, "team"}
	list, err := client(t).ListAll(t.Context(), places)
	if err != nil {
		t.Fatal(err)
	}
	text := lines(list, server.Host)
	for _, want := range []string{"/a/x:1", "/b/y:1", "/c/z:1", down.Host + " failed", "team failed"} {
		if !strings.Contains(text, want) {
			t.Errorf("got %q, want %q in it", text, want)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("the catalogue was asked for %d times", asked.Load())
	}
}

// TestHostileTags has a repository that lists what is no tag.
func TestHostileTags(t *testing.T) {
	t.Parallel()
	hostile := []string{"1", "x\n\nhost/app:1 is fine", strings.Repeat("a", 129), "", ".a", "a b", "a/b", strings.Repeat("b", 128)}
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/_catalog"):
			_ = json.NewEncoder(w).Encode(map[string]any{"repositories": []string{"app", "APP", "a\nb", "../x", strings.Repeat("r", 256)}})
		case strings.HasSuffix(r.URL.Path, "/tags/list"):
			_ = json.NewEncoder(w).Encode(map[string]any{"tags": hostile})
		default:
			return false
		}
		return true
	})
	list, err := client(t).List(t.Context(), server.Host)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(list, server.Host), "/app:1, /app:"+hostile[7]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSumOfLists has a registry with many repositories that all have many tags: what is kept of all is bounded.
func TestSumOfLists(t *testing.T) {
	t.Parallel()
	const each = 100_000
	tags := make([]string, each)
	for i := range tags {
		tags[i] = fmt.Sprint("t", i)
	}
	body, err := json.Marshal(map[string]any{"tags": tags})
	if err != nil {
		t.Fatal(err)
	}
	var repositories []string
	for i := range 200 {
		repositories = append(repositories, fmt.Sprint("app", i))
	}
	var lists atomic.Int64
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/_catalog"):
			_ = json.NewEncoder(w).Encode(map[string]any{"repositories": repositories})
		case strings.HasSuffix(r.URL.Path, "/tags/list"):
			lists.Add(1)
			_, _ = w.Write(body)
		default:
			return false
		}
		return true
	})
	_, err = client(t).List(t.Context(), server.Host)
	if err == nil || !strings.Contains(platformtest.Fault(t, err), "too many images") || lists.Load() > 60 {
		t.Errorf("got %v after %d lists", err, lists.Load())
	}
}

// TestIndex has an index with two images of one digest, one that is gone, an index, and what BuildKit adds.
func TestIndex(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	image, gone := platformtest.Random(t), platformtest.Random(t)
	amd := v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}
	arm := v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}
	unknown := v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: image, Descriptor: amd}, mutate.IndexAddendum{Add: image, Descriptor: amd},
		mutate.IndexAddendum{Add: platformtest.Random(t), Descriptor: unknown},
		mutate.IndexAddendum{Add: gone, Descriptor: arm}, mutate.IndexAddendum{Add: empty.Index})
	if err := remote.WriteIndex(platformtest.Parse(t, server.Host+"/app:1"), index); err != nil {
		t.Fatal(err)
	}
	if err := remote.Delete(platformtest.Parse(t, server.Host+"/app@"+platformtest.Digest(t, gone).String())); err != nil {
		t.Fatal(err)
	}
	children, isIndex, err := client(t).All(t.Context(), platformtest.Parse(t, server.Host+"/app:1"))
	if err != nil || !isIndex || len(children) != 3 {
		t.Fatalf("got %d images of an index, %v: %v", len(children), isIndex, err)
	}
	if children[0].Err != nil || children[0].Digest != platformtest.Digest(t, image) || children[0].Platform.Architecture != "amd64" {
		t.Errorf("got %+v", children[0])
	}
	if children[1].Err == nil || children[1].Platform.Architecture != "arm64" || children[2].Err == nil {
		t.Errorf("got %+v", children[1:])
	}
}

// TestLargeIndex has an index with more images than anybody looks at: none of them is read.
func TestLargeIndex(t *testing.T) {
	t.Parallel()
	var list []string
	for i := range 1000 {
		list = append(list, fmt.Sprintf(`{"mediaType":%q,"size":2,"digest":"sha256:%064d","platform":{"os":"linux","architecture":"a%d"}}`,
			types.OCIManifestSchema1, i, i))
	}
	index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, types.OCIImageIndex, strings.Join(list, ","))
	var asked atomic.Int64
	client := reach(t, func(request *http.Request) (*http.Response, error) {
		if !strings.Contains(request.URL.Path, "/manifests/") {
			return nil, nil
		}
		asked.Add(1)
		return answer(request, http.StatusOK, http.Header{"Content-Type": {string(types.OCIImageIndex)}}, strings.NewReader(index))
	})
	ref, err := name.ParseReference("registry.example.com/app")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.All(t.Context(), ref); err == nil || asked.Load() != 1 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
	if _, err := client.Image(t.Context(), ref, v1.Platform{OS: "linux", Architecture: "none"}); err == nil || asked.Load() != 2 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
}
