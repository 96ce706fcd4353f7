package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/fleet"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
)

// TestNotCompared has packages that nobody compared: they are never up to date.
func TestNotCompared(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	run := server.Host + "/strata/run:13"
	newest := base(t, "2", "3.5.4-1~deb13u2")
	platformtest.Push(t, run, newest)
	platformtest.Push(t, server.Host+"/app:1", app(t, newest, run, "app", node))
	down := func(context.Context, string, string) (map[string][]archive.Offer, error) {
		return nil, errors.New("the mirror is down")
	}
	lacks := func(context.Context, string, string) (map[string][]archive.Offer, error) {
		return map[string][]archive.Offer{"tzdata": {{Version: "2025a-2"}}}, nil
	}
	for name, test := range map[string]struct {
		offers fleet.Offers
		missed int // packages
		reason string
	}{
		"no mirror": {down, 2, "the mirror is down"}, "not in an index": {lacks, 1, "libssl3t64 is in no index"},
		"no indexes": {nil, 2, "not read"},
	} {
		report := read(t, fleet.Options{Places: []string{run, server.Host + "/app:1"}, Offers: test.offers})
		if sum := report.Totals; sum.NotCompared != 2 || sum.Security != 0 || sum.Images != 2 {
			t.Errorf("%s: got %+v", name, sum)
		}
		for _, row := range report.Images {
			if p := row.Packages; p.NotCompared != test.missed || p.Count != 2 || !strings.Contains(p.Reason, test.reason) {
				t.Errorf("%s: got %+v", name, p)
			}
		}
		page := write(t, report)
		if !strings.Contains(page, `<rect class="f-unknown"`) || strings.Contains(page, "all newest") {
			t.Errorf("%s: the page does not say it", name)
		}
	}
}

// change gives an image another configuration.
func change(t *testing.T, image v1.Image, how func(*v1.ConfigFile)) v1.Image {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	how(config)
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

// TestBlind asks for a package where nobody can see it: each image that may hold it says why.
func TestBlind(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	run := server.Host + "/strata/run:13"
	alpine, err := mutate.AppendLayers(platformtest.Run{Release: "1"}.Image(t), platformtest.Layer(t, "etc/os-release", "ID=alpine\n"))
	if err != nil {
		t.Fatal(err)
	}
	database := platformtest.Layer(t, "var/lib/dpkg/status", strings.Repeat("x", 2<<20))
	broken, err := mutate.AppendLayers(platformtest.Run{Release: "1"}.Image(t), database)
	if err != nil {
		t.Fatal(err)
	}
	lost := change(t, app(t, base(t, "1", "1"), run, "lost", node), func(c *v1.ConfigFile) {
		label := c.Config.Labels["io.buildpacks.lifecycle.metadata"]
		before, after, _ := strings.Cut(label, `"topLayer":"`)
		c.Config.Labels["io.buildpacks.lifecycle.metadata"] = before + `"topLayer":"sha256:gone` + after[strings.IndexByte(after, '"'):]
	})
	build := change(t, base(t, "1", "1"), func(c *v1.ConfigFile) {
		c.Config.Env = []string{"CNB_USER_ID=1000", "CNB_GROUP_ID=1000"}
	})
	for name, test := range map[string]struct {
		image v1.Image
		kind  string
		blind string // the reasons, or nothing
	}{
		"whole":   {app(t, base(t, "1", "1"), run, "app", node), fleet.App, ""},
		"run":     {base(t, "1", "1"), fleet.RunImage, ""},
		"no-bill": {platformtest.App(t, base(t, "1", "1"), run, "app", nil), fleet.App, "no bill of materials"},
		"alpine":  {app(t, alpine, run, "app", node), fleet.App, "no packages of Debian"},
		"broken":  {app(t, broken, run, "app", node), fleet.App, "cannot be read"},
		"lost":    {lost, fleet.App, "no such layer"},
		"build":   {build, fleet.BuildImage, "its kind is build image"},
		"by-hand": {platformtest.Random(t), fleet.Other, "its kind is image"},
	} {
		platformtest.Push(t, server.Host+"/"+name+":1", test.image)
		report := read(t, fleet.Options{Places: []string{server.Host + "/" + name + ":1"}, Offers: offers, Package: "openssl"})
		row := report.Images[0]
		all := strings.Join(row.Blind, "\n")
		if row.Kind != test.kind || (all == "") != (test.blind == "") || !strings.Contains(all, test.blind) {
			t.Errorf("%s: got %s %q", name, row.Kind, row.Blind)
		}
		if holds := report.Holding() == 1; holds != (test.blind == "" || name == "no-bill") {
			t.Errorf("%s: got %+v", name, report.Holders)
		}
		if page := write(t, report); strings.Contains(page, `id="blind"`) != (test.blind != "") {
			t.Errorf("%s: the page does not say it", name)
		}
		if name == "lost" && (len(row.BuiltBy) == 0 || len(row.Languages) != 1 || row.Own == nil || row.Base.Reason == "" || row.Base.Due) {
			t.Errorf("an app without its top layer: %+v", row)
		}
	}
}

// TestPlatforms has an app for two platforms, one of which is gone, under one name, and names it by its digest: a rebase refuses both.
func TestPlatforms(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	run := server.Host + "/strata/run:13"
	platformtest.Push(t, run, base(t, "2", "3.5.4-1~deb13u2"))
	old := app(t, base(t, "1", "3.5.4-1~deb13u1"), run, "old", node)
	other := app(t, base(t, "1", "3.5.4-1~deb13u1"), run, "other", node)
	gone := platformtest.Random(t)
	add := func(image v1.Image, arch string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}}
	}
	index := mutate.AppendManifests(empty.Index, add(old, "amd64"), add(other, "arm64"), add(gone, "riscv64"))
	if err := remote.WriteIndex(platformtest.Parse(t, server.Host+"/app:1"), index); err != nil {
		t.Fatal(err)
	}
	if err := remote.Delete(platformtest.Parse(t, server.Host+"/app@"+platformtest.Digest(t, gone).String())); err != nil {
		t.Fatal(err)
	}
	byDigest := server.Host + "/app@" + platformtest.Digest(t, old).String()
	report := read(t, fleet.Options{Places: []string{server.Host + "/app:1", byDigest}, Offers: offers, Package: "openssl"})
	if sum := report.Totals; sum.Images != 3 || sum.Failed != 1 || sum.Due != 0 || sum.Refused != 3 {
		t.Errorf("got %+v", sum)
	}
	for _, row := range report.Images {
		if row.Err != "" {
			if row.Platform != "linux/riscv64" || row.Digest != platformtest.Digest(t, gone).String() {
				t.Errorf("got %+v", row)
			}
			continue
		}
		if want := map[bool]string{true: "of an index", false: "without a tag"}[row.OfIndex]; !strings.Contains(row.Base.Reason, want) {
			t.Errorf("%s: got %+v", row.Name, row.Base)
		}
		if row.Base.Newest == row.Base.Name || row.Platform != "linux/amd64" {
			t.Errorf("%s: got %+v", row.Name, row.Base)
		}
	}
	if report.Holding() != 3 {
		t.Errorf("%d images hold openssl: %+v", report.Holding(), report.Holders)
	}
}

// TestTags has one image under three tags: its bytes count once, and it is read once.
func TestTags(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	image := app(t, base(t, "1", "1"), server.Host+"/strata/run:13", "app", node)
	requests := map[int]int{}
	for _, tags := range []int{1, 3} {
		for i := range tags {
			platformtest.Push(t, fmt.Sprintf("%s/app:%d", server.Host, i), image)
		}
		before := server.Count("GET") + server.Count("HEAD")
		report := read(t, fleet.Options{Places: []string{server.Host + "/app"}, Offers: offers, Package: "openssl"})
		requests[tags] = server.Count("GET") + server.Count("HEAD") - before
		if sum := report.Totals; sum.Images != tags || sum.Bytes != sum.Pulled || sum.Shared != 0 {
			t.Errorf("%d tags: got %+v", tags, sum)
		}
		if report.Holding() != tags {
			t.Errorf("%d tags: got %+v", tags, report.Holders)
		}
		if page := write(t, report); !strings.Contains(page, "0&nbsp;% less") {
			t.Errorf("%d tags: the page says that something is shared", tags)
		}
	}
	if more := requests[3] - requests[1]; more > 2*2 {
		t.Errorf("two more tags take %d requests", more)
	}
}

// raw is a manifest as it is.
type raw struct {
	content []byte
	is      types.MediaType
}

func (r raw) RawManifest() ([]byte, error)        { return r.content, nil }
func (r raw) MediaType() (types.MediaType, error) { return r.is, nil }

// TestSizes has manifests whose sizes would overflow the sums, and one that says another size of a layer than others do.
func TestSizes(t *testing.T) {
	t.Parallel()
	image := platformtest.Random(t)
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	is := manifest.Layers[0].Size
	for size, want := range map[int64]string{9e18: "may have", -1: "may have", is + 1: ""} {
		server := platformtest.Serve(t, nil)
		platformtest.Push(t, server.Host+"/b:1", image)
		platformtest.Push(t, server.Host+"/a:1", image)
		manifest := manifest.DeepCopy()
		manifest.Layers[0].Size = size
		content, err := json.Marshal(manifest)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Put(platformtest.Parse(t, server.Host+"/a:1"), raw{content, types.DockerManifestSchema2}); err != nil {
			t.Fatal(err)
		}
		platformtest.Push(t, server.Host+"/c:1", mutate.Annotations(image, map[string]string{"a": "b"}).(v1.Image))
		report := read(t, fleet.Options{Places: []string{server.Host}})
		hostile := report.Images[0]
		if !strings.Contains(hostile.Err, want) || (hostile.Err == "") != (want == "") || (len(hostile.Notes) == 1) != (want == "") {
			t.Errorf("%d bytes: got %+v", size, hostile)
		}
		for _, row := range report.Images[1:] {
			if row.Bytes != is+manifest.Layers[1].Size || len(row.Notes) > 0 {
				t.Errorf("%d bytes: got %+v", size, row)
			}
		}
	}
}
