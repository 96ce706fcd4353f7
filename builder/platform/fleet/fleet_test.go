package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/builder/platform/fleet"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

var today = time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)

// offers is what Debian's index would offer.
func offers(_ context.Context, codename, arch string) (map[string][]archive.Offer, error) {
	if codename != "trixie" || arch != "amd64" {
		return nil, errors.New("no index of " + codename + " for " + arch)
	}
	return map[string][]archive.Offer{
		"libssl3t64":   {{Version: "3.5.1-1", Security: false}, {Version: "3.5.4-1~deb13u2", Security: true}},
		"tzdata":       {{Version: "2025b-1", Security: false}},
		"libsqlite3-0": {{Version: "3.46.1-8", Security: false}},
	}, nil
}

// base is a run image with two packages of Debian.
func base(t *testing.T, release, ssl string) v1.Image {
	t.Helper()
	image, err := mutate.AppendLayers(platformtest.Run{Release: release}.Image(t),
		platformtest.Layer(t, "usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME=trixie\n"),
		platformtest.Layer(t, "./var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2025a-2\n"),
		platformtest.Layer(t, "var/lib/dpkg/status.d/libssl3t64", "Package: libssl3t64\nSource: openssl\nVersion: "+ssl+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// app is an app in Node.js with a bill of materials.
func app(t *testing.T, on v1.Image, runName, content string, components string) v1.Image {
	t.Helper()
	layer := platformtest.Layer(t, "layers/sbom/launch/strata_go/targets/sbom.cdx.json",
		`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[`+components+`]}`)
	id, err := layer.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(platformtest.App(t, on, runName, content, nil), layer)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	label := config.Config.Labels["io.buildpacks.lifecycle.metadata"]
	before, after, _ := strings.Cut(label, `"sbom":{"sha":"`)
	config.Config.Labels["io.buildpacks.lifecycle.metadata"] = before + `"sbom":{"sha":"` + id.String() + after[strings.IndexByte(after, '"'):]
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

const (
	node   = `{"name":"node","version":"20.19.0","purl":"pkg:generic/node@20.19.0"}`
	sqlite = `{"name":"libsqlite3-0","version":"3.46.1-7",` +
		`"purl":"pkg:deb/debian/libsqlite3-0@3.46.1-7?arch=amd64&distro=debian-13&upstream=sqlite3"}`
)

// fill pushes a fleet: two apps on an old run image, one on the newest, and what is no app.
func fill(t *testing.T, server *platformtest.Registry) {
	t.Helper()
	run := server.Host + "/strata/run:13"
	old, newer := base(t, "1", "3.5.4-1~deb13u1"), base(t, "2", "3.5.4-1~deb13u2")
	platformtest.Push(t, run, newer)
	platformtest.Push(t, server.Host+"/team/old:1", app(t, old, run, "old", node+","+sqlite))
	platformtest.Publish(t, server.Host+"/team/described:1", platformtest.App(t, old, run, "described", nil), platformtest.Bills(t, "1"), nil)
	platformtest.Push(t, server.Host+"/team/new:1", app(t, newer, run, "new", node))
	other, err := mutate.AppendLayers(empty.Image, platformtest.Layer(t, "app", "made by hand"))
	if err != nil {
		t.Fatal(err)
	}
	platformtest.Push(t, server.Host+"/team/other:1", other)
	platformtest.Push(t, server.Host+"/elsewhere:1", other)
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: newer})
	if err := remote.WriteIndex(platformtest.Parse(t, server.Host+"/strata/index:1"), index); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, options fleet.Options) *fleet.Report {
	t.Helper()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	options.Registry, options.Now = platformtest.Fast, today
	report, err := fleet.Read(t.Context(), h, options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestRead looks at a fleet in which one image cannot be read.
func TestRead(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/team/broken/manifests/") || r.Method != http.MethodGet {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	fill(t, server)
	platformtest.Push(t, server.Host+"/team/broken:1", platformtest.App(t, base(t, "1", "1"), server.Host+"/strata/run:13", "broken", nil))
	report := read(t, fleet.Options{Places: []string{server.Host + "/team", server.Host + "/strata"}, Offers: offers})
	kittest.Golden(t, "report.json", hidden(t, server, report))
}

// hidden returns a report as JSON without what differs each time: addresses, and digests of images, whose labels have addresses.
func hidden(t *testing.T, server *platformtest.Registry, report *fleet.Report) string {
	t.Helper()
	for i := range report.Images {
		if report.Images[i].Digest != "" {
			report.Images[i].Digest = "<digest>"
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(report); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), server.Host, "<registry>")
}

// TestHolders asks who holds a package: of a run image by its name or its source, and of an app's layer.
func TestHolders(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	fill(t, server)
	for wanted, want := range map[string]string{
		"openssl": "/strata/index:1 libssl3t64 3.5.4-1~deb13u2 , /strata/run:13 libssl3t64 3.5.4-1~deb13u2 , " +
			"/team/described:1 libssl3t64 3.5.4-1~deb13u1 3.5.4-1~deb13u2, /team/new:1 libssl3t64 3.5.4-1~deb13u2 , " +
			"/team/old:1 libssl3t64 3.5.4-1~deb13u1 3.5.4-1~deb13u2",
		"sqlite3": "/team/old:1 libsqlite3-0 3.46.1-7 3.46.1-8 Application Layer",
		"node": "/team/new:1 node 20.19.0  Application Layer, " +
			"/team/old:1 node 20.19.0  Application Layer",
		"nothing": "",
	} {
		report := read(t, fleet.Options{Places: []string{server.Host}, Package: wanted, Offers: offers})
		var got []string
		for _, h := range report.Holders {
			line := strings.TrimPrefix(h.Image, server.Host) + " " + h.Package + " " + h.Version + " " + h.Newest
			if h.What != "" {
				line += " " + h.What
			}
			if h.Layer == "" {
				t.Errorf("%s is in no layer", line)
			}
			got = append(got, line)
		}
		if line := strings.Join(got, ", "); line != want {
			t.Errorf("%s:\n got %s\nwant %s", wanted, line, want)
		}
	}
}

// TestNames has places of all kinds.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, hasCatalogue := range map[string]bool{"with a catalogue": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				if hidden := !hasCatalogue && strings.HasSuffix(r.URL.Path, "/_catalog"); hidden {
					http.NotFound(w, r)
					return true
				}
				return false
			})
			for _, image := range []string{"/team/a:1", "/team/a:2", "/teams/b:1", "/team/c/d:1"} {
				platformtest.Push(t, server.Host+image, platformtest.Random(t))
			}
			for place, want := range map[string][2]string{
				"":           {"/team/a:1 /team/a:2 /team/c/d:1 /teams/b:1", "fault"},
				"/team":      {"/team/a:1 /team/a:2 /team/c/d:1", "fault"},
				"/team/a/":   {"/team/a:1 /team/a:2", "/team/a:1 /team/a:2"},
				"/team/a:2":  {"/team/a:2", "/team/a:2"},
				"/nothing":   {"fault", "fault"},
				"/team/a:2@": {"fault", "fault"},
			} {
				expected := want[1]
				if hasCatalogue {
					expected = want[0]
				}
				list, err := fleet.Names(t.Context(), []string{server.Host + place, server.Host + place}, platformtest.Fast)
				var got []string
				for _, l := range list {
					got = append(got, strings.TrimPrefix(l.Name, server.Host))
				}
				switch text := strings.Join(got, " "); {
				case err != nil:
					platformtest.Fault(t, err)
					if expected != "fault" {
						t.Errorf("%q: %v", place, err)
					}
				case text != expected:
					t.Errorf("%q: got %s, want %s", place, text, expected)
				}
			}
		})
	}
	_, err := fleet.Names(t.Context(), []string{"team/app"}, platformtest.Fast)
	kittest.Golden(t, "no-registry.txt", platformtest.Fault(t, err))
}

// TestRepositoryDenied has a repository whose tags nobody may list: it has a row, and the others are there.
func TestRepositoryDenied(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		denied := strings.HasSuffix(r.URL.Path, "/secret/tags/list")
		if denied {
			w.WriteHeader(http.StatusForbidden)
		}
		return denied
	})
	platformtest.Push(t, server.Host+"/secret:1", platformtest.Random(t))
	platformtest.Push(t, server.Host+"/app:1", platformtest.Random(t))
	report := read(t, fleet.Options{Places: []string{server.Host}})
	if report.Totals.Images != 1 || report.Totals.Failed != 1 || !strings.Contains(report.Images[1].Err, "ask for the right") {
		t.Errorf("got %+v", report.Images)
	}
}

// TestCatalogueDenied has a registry that shows nobody its catalogue: a path is a repository, and the report says that there may be more. A
// list of names for another command has the images only.
func TestCatalogueDenied(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		denied := strings.HasSuffix(r.URL.Path, "/_catalog")
		if denied {
			w.WriteHeader(http.StatusForbidden)
		}
		return denied
	})
	platformtest.Push(t, server.Host+"/team/app:1", platformtest.Random(t))
	places := []string{server.Host + "/team/app"}
	report := read(t, fleet.Options{Places: places})
	sum, said := report.Totals, report.Images[0].Err+report.Images[1].Err
	if sum.Images != 1 || sum.Failed != 1 || !strings.Contains(said, "there may be more") {
		t.Errorf("got %+v", report.Images)
	}
	names, err := fleet.Names(t.Context(), places, platformtest.Fast)
	if err != nil || len(names) != 1 || names[0].Name != server.Host+"/team/app:1" || names[0].Err != nil {
		t.Errorf("got %+v, %v", names, err)
	}
}
