package fleet_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/fleet"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
)

// attestation is what cosign keeps under its tag .att: a layer for each statement.
func attestation(t *testing.T, predicate string) v1.Image {
	t.Helper()
	image, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer: platformtest.Layer(t, "x", predicate), Annotations: map[string]string{"predicateType": predicate},
	})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// TestSigned has an image that somebody signed, with cosign's tags.
func TestSigned(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	image := platformtest.App(t, base(t, "1", "1"), server.Host+"/strata/run:13", "app", nil)
	platformtest.Push(t, server.Host+"/app:1", image)
	repository, err := name.NewRepository(server.Host + "/app")
	if err != nil {
		t.Fatal(err)
	}
	tag := repository.Tag("sha256-" + platformtest.Digest(t, image).Hex)
	for _, step := range []struct {
		suffix string
		image  v1.Image
		want   string // afterwards: signed, attested, described
	}{
		{"", nil, "false false false"},
		{".sig", platformtest.Random(t), "true false false"},
		{".att", attestation(t, "https://cyclonedx.org/bom"), "true false true"},
		{".att", attestation(t, "https://slsa.dev/provenance/v1"), "true true false"},
	} {
		if step.image != nil {
			platformtest.Push(t, tag.String()+step.suffix, step.image)
		}
		row := read(t, fleet.Options{Places: []string{server.Host}}).Images[0]
		if got := fmt.Sprint(row.Signed, row.Attested, row.Described); got != step.want || row.Unvouched != "" {
			t.Errorf("with %s: got %s %s, want %s", step.suffix, got, row.Unvouched, step.want)
		}
	}
}

// TestReferrers has artifacts that say what they are in the list of referrers, in their manifest, or nowhere.
func TestReferrers(t *testing.T) {
	t.Parallel()
	const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
	const inToto = `"artifactType":"application/vnd.in-toto+json"`
	const says = `"dev.sigstore.bundle.content":"dsse-envelope","dev.sigstore.bundle.predicateType":`
	server := platformtest.Serve(t, nil)
	image := platformtest.App(t, base(t, "1", "1"), server.Host+"/strata/run:13", "app", nil)
	platformtest.Push(t, server.Host+"/app:1", image)
	silent := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"artifactType":%q,"config":{"mediaType":"application/vnd.oci.empty.v1+json",
		"size":2,"digest":"sha256:%x"},"layers":[],"annotations":{%s"https://slsa.dev/provenance/v1"}}`,
		types.OCIManifestSchema1, bundle, sha256.Sum256([]byte("{}")), says)
	if err := remote.Put(platformtest.Parse(t, server.Host+"/app:silent"), raw{silent, types.OCIManifestSchema1}); err != nil {
		t.Fatal(err)
	}
	for listed, want := range map[string]string{
		`"artifactType":"` + bundle + `","annotations":{` + says + `"https://slsa.dev/provenance/v1"}`:      "false true false",
		`"artifactType":"` + bundle + `","annotations":{` + says + `"https://sigstore.dev/cosign/sign/v1"}`: "true false false",
		`"artifactType":"` + bundle + `","annotations":{` + says + `"https://cyclonedx.org/bom"}`:           "false false true",
		`"artifactType":"` + bundle + `","annotations":{"dev.sigstore.bundle.content":"message-signature"}`: "true false false",
		`"artifactType":"` + bundle + `"`:                        "false true false", // its manifest says it
		`"artifactType":"application/vnd.cncf.notary.signature"`: "true false false",
		inToto: "false true false",
		`"artifactType":"application/vnd.cyclonedx+json"`:                                   "false false true",
		inToto + `,"annotations":{"in-toto.io/predicate-type":"https://spdx.dev/Document"}`: "false false true",
	} {
		front := serveReferrers(t, server, fmt.Sprintf(`{"mediaType":%q,"size":%d,"digest":"sha256:%x",%s}`,
			types.OCIManifestSchema1, len(silent), sha256.Sum256(silent), listed))
		row := read(t, fleet.Options{Places: []string{front.Host + "/app:1"}}).Images[0]
		if got := fmt.Sprint(row.Signed, row.Attested, row.Described); got != want || row.Unvouched != "" {
			t.Errorf("%s:\ngot %s %s, want %s", listed, got, row.Unvouched, want)
		}
	}
}

// serveReferrers is a registry in front of another one, which has the referrers API and lists the same for each image.
func serveReferrers(t *testing.T, behind *platformtest.Registry, list string) *platformtest.Registry {
	t.Helper()
	return platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/referrers/") {
			w.Header().Set("Content-Type", string(types.OCIImageIndex))
			fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, types.OCIImageIndex, list)
			return true
		}
		behind.ServeHTTP(w, r)
		return true
	})
}

// TestBadAttachment has attachments that cannot be read: the row stays, with all that is known otherwise.
func TestBadAttachment(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	run := server.Host + "/strata/run:13"
	platformtest.Push(t, run, base(t, "2", "3.5.4-1~deb13u2"))
	platformtest.Push(t, server.Host+"/app:1", app(t, base(t, "1", "3.5.4-1~deb13u1"), run, "app", node))
	gone := fmt.Sprintf(`{"mediaType":%q,"size":1,"digest":"sha256:%064d"}`, types.OCIManifestSchema1, 1)
	refuses := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/manifests/sha256-") {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return true
		}
		server.ServeHTTP(w, r)
		return true
	})
	for what, front := range map[string]*platformtest.Registry{
		"a referrer that is gone": serveReferrers(t, server, gone), "a registry that refuses cosign's tags": refuses,
		"too many": serveReferrers(t, server, strings.Repeat(gone+",", 100)+gone),
	} {
		report := read(t, fleet.Options{Places: []string{front.Host + "/app:1"}, Offers: offers, Package: "openssl"})
		row := report.Images[0]
		if row.Err != "" || row.Unvouched == "" || row.Base == nil || row.SecurityUpdates() != 1 || len(row.Languages) != 1 {
			t.Errorf("%s: got %+v", what, row)
		}
		if sum := report.Totals; sum.Unvouched != 1 || sum.Unsigned != 0 || sum.Unattested != 0 || sum.Security != 1 {
			t.Errorf("%s: got %+v", what, sum)
		}
	}
}

// TestBadBill has an app whose bill of materials is no document.
func TestBadBill(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	run := server.Host + "/strata/run:13"
	platformtest.Push(t, run, base(t, "2", "3.5.4-1~deb13u2"))
	platformtest.Push(t, server.Host+"/app:1", app(t, base(t, "1", "3.5.4-1~deb13u1"), run, "app", "{"))
	report := read(t, fleet.Options{Places: []string{server.Host + "/app:1"}, Offers: offers, Package: "openssl"})
	row := report.Images[0]
	if row.Err != "" || !row.Base.Due || row.SecurityUpdates() != 1 || row.Own.Reason == "" || len(row.Blind) != 1 || row.Compared() {
		t.Errorf("got %+v, own %+v", row, row.Own)
	}
	if report.Holding() != 1 {
		t.Errorf("%d images hold openssl", report.Holding())
	}
}
