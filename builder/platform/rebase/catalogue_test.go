package rebase_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestCatalogue finds the app images among all that a registry has.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	h, server := open(t), platformtest.Serve(t, nil)
	run := platformtest.Run{}.Image(t)
	platformtest.Push(t, server.Host+"/strata/run-static:13", run)
	want := []string{server.Host + "/team/one:1", server.Host + "/team/one:2", server.Host + "/two:latest"}
	for _, ref := range want {
		// With referrers, which are not apps.
		platformtest.Publish(t, ref, platformtest.App(t, run, server.Host+"/strata/run-static:13", ref, nil), platformtest.Bills(t, "2025b"), nil)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: run})
	if err := remote.WriteIndex(platformtest.Parse(t, server.Host+"/index:1"), index); err != nil {
		t.Fatal(err)
	}
	client, err := registry.New(platformtest.Fast)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := client.List(t.Context(), server.Host)
	if err != nil {
		t.Fatal(err)
	}
	listed = append(listed, registry.Listed{Name: server.Host + "/denied", Err: errors.New("nobody may list it")})
	results, err := rebase.Images(t.Context(), h, rebase.Options{Listed: listed, Registry: platformtest.Fast})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, result := range results {
		if denied := result.Image == server.Host+"/denied"; (result.Err != nil) != denied || result.Current == denied {
			t.Errorf("got %+v", result)
		}
		got = append(got, result.Image)
	}
	slices.Sort(got)
	if diff := cmp.Diff(append([]string{server.Host + "/denied"}, want...), got); diff != "" {
		t.Errorf("app images (-want +got):\n%s", diff)
	}
}

// TestNoCatalogue has a registry that lists nothing, and a name that is none of a registry.
func TestNoCatalogue(t *testing.T) {
	t.Parallel()
	none := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/_catalog") {
			return false
		}
		http.NotFound(w, r)
		return true
	})
	client, err := registry.New(platformtest.Fast)
	if err != nil {
		t.Fatal(err)
	}
	for file, place := range map[string]string{"rebase-no-catalogue.txt": none.Host, "rebase-no-registry.txt": "team"} {
		_, err = client.List(t.Context(), place)
		kittest.Golden(t, file, platformtest.Fault(t, err, none.Host, "HOST"))
	}
}
