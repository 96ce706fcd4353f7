package rebase_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// maker makes a layer of Node.js, and counts how often.
type maker struct {
	makes   platformtest.Runtime
	change  func(*rebase.Made)
	counted atomic.Int64
}

func (m *maker) runtimes(t *testing.T) *rebase.Runtimes {
	t.Helper()
	return &rebase.Runtimes{
		Builder: attest.Image{Ref: platformtest.Parse(t, "strata/builder"), Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("b", 64)}},
		Make: func(_ context.Context, wanted rebase.Wanted) (rebase.Made, error) {
			m.counted.Add(1)
			if wanted.Buildpack != "strata/node" || wanted.Layer != "node" || wanted.RunImage == nil {
				t.Errorf("the layer %s of %s is wanted on %v", wanted.Layer, wanted.Buildpack, wanted.Run)
			}
			made := rebase.Made{
				Wanted: wanted, Runtime: wanted.Runtime, Layer: m.makes.Layer(t), Data: m.makes.Data(),
				Bills: map[string][]byte{platformtest.BillName: m.makes.Bill()},
			}
			made.Runtime.Version = m.makes.Version
			if m.change != nil {
				m.change(&made)
			}
			return made, nil
		},
	}
}

// TestRuntimesMany puts a newer runtime under apps of a registry, with a newer run image and without: they are what a build with both
// gives. One is taken back.
func TestRuntimesMany(t *testing.T) {
	t.Parallel()
	h, server := open(t), platformtest.Serve(t, nil)
	run := server.Host + "/strata/run-static:13"
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Publish(t, run, newer, platformtest.Bills(t, "2"), nil)
	was, is := platformtest.Runtime{Version: "24.20.0"}, platformtest.Runtime{Version: "24.21.0"}
	var images []string
	for i, on := range []v1.Image{old, newer, newer} {
		images = append(images, fmt.Sprintf("%s/app%d", server.Host, i))
		platformtest.Publish(t, images[i], was.App(t, on, run), built(t), nil)
	}
	plain := server.Host + "/plain"
	platformtest.Push(t, plain, platformtest.App(t, newer, run, "plain", nil))
	m := &maker{makes: is}
	options := rebase.Options{Images: append(images, plain), Runtimes: m.runtimes(t), Registry: platformtest.Fast}
	dry := options
	dry.DryRun = true
	planned := rebased(t, h, dry)
	done := rebased(t, h, options)
	if m.counted.Load() != 2 {
		t.Errorf("the layer was made %d times, want once for each run", m.counted.Load())
	}
	want := platformtest.Digest(t, is.App(t, newer, run))
	for i, image := range images {
		got := platformtest.Pull(t, image)
		if err := validate.Image(got); err != nil {
			t.Error(err)
		}
		if platformtest.Digest(t, got) != want || !done[i].Moves() {
			t.Errorf("%s is %s, built again it is %s; %+v", image, platformtest.Digest(t, got), want, done[i])
		}
		if diff := cmp.Diff([]attest.Runtime{{ID: "node", From: "24.20.0", To: "24.21.0"}}, done[i].Runtimes); diff != "" {
			t.Errorf("runtimes of %s (-want +got):\n%s", image, diff)
		}
		if planned[i].Moved == 0 {
			t.Errorf("nothing would be moved: %+v", planned[i])
		}
		statement := platformtest.Referrers(t, image)[attest.StatementType]
		for _, part := range []string{`"runtimes":[{"id":"node","from":"24.20.0","to":"24.21.0"}]`, `"builder of runtimes"`} {
			if !strings.Contains(statement, part) {
				t.Errorf("the provenance lacks %s: %s", part, statement)
			}
		}
	}
	if !done[3].Current || done[3].Runtimes != nil {
		t.Errorf("an app without a runtime: %+v", done[3])
	}
	m.counted.Store(0)
	for _, again := range rebased(t, h, options) {
		if !again.Current || again.Moved != 0 {
			t.Errorf("a second time: %+v", again)
		}
	}
	rebased(t, h, rebase.Options{Images: images[1:2], Undo: true, Registry: platformtest.Fast})
	if got := platformtest.Digest(t, platformtest.Pull(t, images[1])); got != platformtest.Digest(t, was.App(t, newer, run)) {
		t.Errorf("taken back, it is %s", got)
	}
}

// TestRuntimesInTheStore counts the bytes of the new layers before and after, and keeps the provenance of the runtime in a later rebase.
func TestRuntimesInTheStore(t *testing.T) {
	t.Parallel()
	h := open(t)
	on := platformtest.Run{Release: "1"}.Image(t)
	platformtest.Described(t, h.Store, runName, on, "1")
	app := platformtest.Runtime{Version: "24.20.0"}.App(t, on, runName)
	if _, err := h.Store.Put(platformtest.Parse(t, "app"), app, built(t)...); err != nil {
		t.Fatal(err)
	}
	is := platformtest.Runtime{Version: "24.21.0"}
	options := rebase.Options{Images: []string{"app"}, Runtimes: (&maker{makes: is}).runtimes(t), DryRun: true}
	planned := rebased(t, h, options)[0].Moved
	options.DryRun = false
	layer, err := is.Layer(t).Size()
	if err != nil {
		t.Fatal(err)
	}
	if moved := rebased(t, h, options)[0].Moved; moved != planned || moved <= layer {
		t.Errorf("planned to write %d bytes, wrote %d; the layer alone has %d", planned, moved, layer)
	}
	if got, want := platformtest.DigestIn(t, h.Store, "app"), platformtest.Digest(t, is.App(t, on, runName)); got != want {
		t.Errorf("it is %s, built again it is %s", got, want)
	}
	platformtest.Described(t, h.Store, runName, platformtest.Run{Release: "2"}.Image(t), "2")
	rebased(t, h, rebase.Options{Images: []string{"app"}})
	for title, content := range platformtest.Attached(t, h.Store, "app") {
		if strings.HasSuffix(title, "provenance.json") && !strings.Contains(content, `"builder of runtimes"`) {
			t.Errorf("a rebase forgets who made the runtime: %s", content)
		}
	}
}

// TestRuntimesSameBytes has a newer runtime whose layer has the same content: what is said of it changes. One of the needs is empty.
func TestRuntimesSameBytes(t *testing.T) {
	t.Parallel()
	h := open(t)
	on, was := platformtest.Run{Release: "1"}.Image(t), platformtest.Runtime{Version: "24.20.0"}
	platformtest.Put(t, h.Store, runName, on)
	app := platformtest.Edit(t, was.App(t, on, runName), func(c *v1.ConfigFile) {
		const name = "io.buildpacks.lifecycle.metadata"
		c.Config.Labels[name] = strings.ReplaceAll(c.Config.Labels[name], `"needs":[`, `"needs":[null,`)
	})
	platformtest.Put(t, h.Store, "app", app)
	m := &maker{makes: platformtest.Runtime{Version: "24.21.0"}}
	m.change = func(made *rebase.Made) { made.Layer = was.Layer(t) }
	if got := rebased(t, h, rebase.Options{Images: []string{"app"}, Runtimes: m.runtimes(t)})[0]; !got.Moves() {
		t.Errorf("it is current: %+v", got)
	}
	is, err := h.Store.Image(platformtest.Parse(t, "app"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := is.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if label := config.Config.Labels["io.buildpacks.lifecycle.metadata"]; strings.Contains(label, "24.20.0") {
		t.Errorf("the label has the runtime before: %s", label)
	}
}

// TestRuntimesNewer has runtimes of the same release that are newer by a package of Debian or by the recipe of the buildpack.
func TestRuntimesNewer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ was, is platformtest.Runtime }{
		{platformtest.Runtime{Version: "24.20.0-b", Package: "1.9-1"}, platformtest.Runtime{Version: "24.20.0-a", Package: "1.10-1"}},
		{platformtest.Runtime{Version: "24.20.0", Recipe: 2}, platformtest.Runtime{Version: "24.20.0", Recipe: 3}},
	} {
		h := open(t)
		on := platformtest.Run{Release: "1"}.Image(t)
		platformtest.Put(t, h.Store, runName, on)
		platformtest.Put(t, h.Store, "app", test.was.App(t, on, runName))
		rebased(t, h, rebase.Options{Images: []string{"app"}, Runtimes: (&maker{makes: test.is}).runtimes(t)})
		if got, want := platformtest.DigestIn(t, h.Store, "app"), platformtest.Digest(t, test.is.App(t, on, runName)); got != want {
			t.Errorf("%+v: it is %s, built again it is %s", test, got, want)
		}
	}
}

// TestRuntimesKept has a builder without a runtime of the app's ABI: the app keeps its own, and gets the newest run image.
func TestRuntimesKept(t *testing.T) {
	t.Parallel()
	h, newer := open(t), platformtest.Run{Release: "2"}.Image(t)
	platformtest.Put(t, h.Store, runName, newer)
	was := platformtest.Runtime{Version: "24.20.0"}
	app := was.App(t, platformtest.Run{Release: "1"}.Image(t), runName)
	if _, err := h.Store.Put(platformtest.Parse(t, "app"), app, built(t)...); err != nil {
		t.Fatal(err)
	}
	m := &maker{makes: platformtest.Runtime{Version: "24.21.0"}, change: func(m *rebase.Made) { m.Runtime.ABI = "node-138" }}
	got := rebased(t, h, rebase.Options{Images: []string{"app"}, Runtimes: m.runtimes(t)})[0]
	if diff := cmp.Diff([]attest.Runtime{{ID: "node", From: "24.20.0", To: "24.20.0"}}, got.Runtimes); diff != "" {
		t.Errorf("runtimes (-want +got):\n%s", diff)
	}
	if got, want := platformtest.DigestIn(t, h.Store, "app"), platformtest.Digest(t, was.App(t, newer, runName)); got != want {
		t.Errorf("it is %s, built on the newest run image it is %s", got, want)
	}
	for title, content := range platformtest.Attached(t, h.Store, "app") {
		if strings.HasSuffix(title, "provenance.json") && strings.Contains(content, `"runtimes"`) {
			t.Errorf("the provenance has a runtime that was not exchanged: %s", content)
		}
	}
}

// TestRuntimesPanic has a panic in the rebase of one of two images. The other one is rebased.
func TestRuntimesPanic(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 1} {
		h := open(t)
		platformtest.Put(t, h.Store, runName, platformtest.Run{Release: "2"}.Image(t))
		older := platformtest.Run{Release: "1"}.Image(t)
		platformtest.Put(t, h.Store, "app", platformtest.Runtime{Version: "24.20.0"}.App(t, older, runName))
		platformtest.Put(t, h.Store, "plain", platformtest.App(t, older, runName, "plain", nil))
		m := &maker{makes: platformtest.Runtime{Version: "24.21.0"}, change: func(*rebase.Made) { panic("boom") }}
		results, err := rebase.Images(t.Context(), h, rebase.Options{
			Images: []string{"app", "plain"}, Runtimes: m.runtimes(t), Limit: limit,
		})
		if err != nil || !results[1].Moves() {
			t.Fatalf("limit %d: %+v, %v", limit, results, err)
		}
		if got := results[0].Err; got == nil || got.Error() != "internal error: rebasing app: boom" {
			t.Errorf("limit %d: %v", limit, got)
		}
	}
}

// TestRuntimesRefused has apps that keep the runtime that they have.
func TestRuntimesRefused(t *testing.T) {
	t.Parallel()
	const name = "io.buildpacks.lifecycle.metadata"
	label := func(from, to string) func(*v1.ConfigFile) {
		return func(c *v1.ConfigFile) { c.Config.Labels[name] = strings.ReplaceAll(c.Config.Labels[name], from, to) }
	}
	onRun := func(c *v1.ConfigFile) { // the layer of the runtime is one of the run image
		sha := regexp.MustCompile(`"node":\{"sha":"(sha256:[0-9a-f]+)"`).FindStringSubmatch(c.Config.Labels[name])[1]
		label(sha, c.RootFS.DiffIDs[0].String())(c)
	}
	for _, test := range []struct {
		name   string
		app    platformtest.Runtime
		is     platformtest.Runtime // what the builder makes; another release if it is empty
		edit   func(*v1.ConfigFile)
		change func(*rebase.Made)
	}{
		{name: "exact", app: platformtest.Runtime{Version: "24.20.0", Exact: true}},
		{name: "silent", edit: label(`"runtime"`, `"other"`)},
		{name: "bills-more", change: func(m *rebase.Made) { m.Bills["sbom.spdx.json"] = []byte("{}") }},
		{name: "bills-fewer", change: func(m *rebase.Made) { m.Bills = map[string][]byte{"sbom.spdx.json": nil} }},
		{name: "older-release", app: platformtest.Runtime{Version: "24.22.0"}},
		{name: "older-package", app: platformtest.Runtime{Version: "24.20.0-a", Package: "1.10-2"},
			is: platformtest.Runtime{Version: "24.20.0-b", Package: "1.9-1"}},
		{name: "older-recipe", app: platformtest.Runtime{Version: "24.21.0", Recipe: 3}, is: platformtest.Runtime{Version: "24.21.0", Recipe: 2}},
		{name: "no-order", app: platformtest.Runtime{Version: "24.20.0-a", Package: "1.9-1"},
			is: platformtest.Runtime{Version: "24.20.0-b", Package: "1.9-1"}},
		{name: "needs-name", edit: label(`"needs"`, `"Needs"`)},
		{name: "need-name", edit: label(`"exact":false,"id"`, `"exact":false,"ID"`)},
		{name: "twice", edit: label(`"buildpacks":[`, `"buildpacks":[{"key":"strata/node","version":"0.1.0","layers":null},`)},
		{name: "of-run", edit: onRun},
		{name: "layers", change: func(m *rebase.Made) { m.Bills = nil }, edit: func(c *v1.ConfigFile) {
			c.Config.Labels[name] = regexp.MustCompile(`"sbom":\{.*?\},`).ReplaceAllString(c.Config.Labels[name], "")
			at := len(c.RootFS.DiffIDs) - 1
			c.RootFS.DiffIDs = c.RootFS.DiffIDs[:at]
		}},
		{name: "no-bills", edit: label(`"sbom":{"sha":"sha256:`, `"sbom":{"sha":"sha512:`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			on := platformtest.Run{Release: "1"}.Image(t)
			platformtest.Put(t, h.Store, runName, on)
			if test.app.Version == "" {
				test.app.Version = "24.20.0"
			}
			app := platformtest.Edit(t, test.app.App(t, on, runName), test.edit)
			platformtest.Put(t, h.Store, "app", app)
			if test.is.Version == "" {
				test.is.Version = "24.21.0"
			}
			m := &maker{makes: test.is, change: test.change}
			results, err := rebase.Images(t.Context(), h, rebase.Options{Images: []string{"app"}, Runtimes: m.runtimes(t)})
			if err != nil || results[0].Err == nil {
				t.Fatalf("it is not refused: %+v, %v", results, err)
			}
			text := regexp.MustCompile(`sha[0-9]+:[0-9a-f]{64}`).ReplaceAllString(platformtest.Fault(t, results[0].Err), "<digest>")
			kittest.Golden(t, "runtime-"+test.name+".txt", text)
			if platformtest.DigestIn(t, h.Store, "app") != platformtest.Digest(t, app) || results[0].Runtimes != nil {
				t.Errorf("it is another image now: %+v", results[0])
			}
		})
	}
}
