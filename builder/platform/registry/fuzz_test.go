package registry_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// what a client asks of a registry, in FuzzAnswer.
const (
	single = iota
	ofPlatform
	digest
	tags
	attached
	questions
)

// FuzzAnswer has a registry that gives one answer to every question. The client comes to an end, and an error is a fault.
func FuzzAnswer(f *testing.F) {
	const index, manifest = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
	for _, asked := range []int{single, ofPlatform, digest, tags, attached} {
		f.Add(asked, 200, index, "", []byte(`{"manifests": [{}, {"artifactType": "x", "digest": "sha256:`+strings.Repeat("0", 64)+`"}]}`))
		f.Add(asked, 200, manifest, "", []byte(`{"schemaVersion": 2, "config": {"data": "e30="}, "layers": [{"urls": ["x"]}]}`))
		f.Add(asked, 401, "application/json", `Bearer realm="http://registry.example.com/token",service="x"`, []byte(`{"token": "x"}`))
		f.Add(asked, 429, "", "", []byte(`{"errors": [{"code": "TOOMANYREQUESTS", "message": "a\nb", "detail": {}}]}`))
		f.Add(asked, 307, "", "http://elsewhere.example.com/..", []byte(``))
		f.Add(asked, 200, "application/json", `</v2/_catalog?last=x>; rel="next"`,
			[]byte(`{"repositories": ["a", "../b", ""], "tags": ["1", "sha256-x"]}`))
	}
	host, err := name.NewRegistry("registry.example.com", name.Insecure)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, asked, status int, kind, header string, body []byte) {
		if status < 200 || status > 599 {
			return // net/http hands on nothing else
		}
		count := 0
		client, err := registry.New(registry.Options{
			Backoff: remote.Backoff{Steps: 1},
			Transport: direct{inTheWay: func(request *http.Request) (*http.Response, error) {
				if count++; count > 30_000 {
					t.Fatal("the client asks and asks")
				}
				headers := http.Header{"Content-Type": {kind}}
				for _, name := range []string{"Link", "Location", "Www-Authenticate", "Docker-Content-Digest"} {
					headers.Set(name, header)
				}
				return answer(request, status, headers, strings.NewReader(string(body)))
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		image, err := ask(t, client, asked, host)
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if image != nil {
			_, _ = image.ConfigFile() // what is wrong with it is said
			_, _ = image.Layers()
		}
	})
}

// ask asks a registry one of the questions.
func ask(t *testing.T, client *registry.Client, asked int, host name.Registry) (v1.Image, error) {
	t.Helper()
	repository := host.Repo("app")
	switch (asked%questions + questions) % questions {
	case ofPlatform:
		return client.Image(t.Context(), repository.Tag("1"), v1.Platform{OS: "linux", Architecture: "amd64"})
	case digest:
		_, err := client.Digest(t.Context(), repository.Tag("1"))
		return nil, err
	case tags:
		list, err := client.List(t.Context(), host.Name()+"/a")
		if slices.ContainsFunc(list, func(l registry.Listed) bool { return strings.Contains(l.Name, ":sha256-") }) {
			t.Errorf("%v", list)
		}
		return nil, err
	case attached:
		_, err := client.Attached(t.Context(), repository.Digest("sha256:"+strings.Repeat("0", 64)), "x")
		return nil, err
	}
	return client.Single(t.Context(), repository.Tag("1"))
}
