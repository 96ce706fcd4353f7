package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// pod is what the containers of kpack's build pod share: volumes, and a registry.
type pod struct {
	builder *builderimage.Builder
	dir     string // of the volumes, on the host
	host    string // of the registry
	stack   string
}

// runTag is how kpack names a run image: it moves the tag with every newer one, and adds the digest.
const runTag = "builder:clusterbuilder-test-run-image"

// TestKpack builds a site with the phases and arguments of kpack's pod, which speaks Platform API 0.9, in volumes with setgid.
// Then the run image's tag moves on.
func TestKpack(t *testing.T) {
	suite(t, everyUser)
	t.Parallel()
	c := newCluster(t, "static")
	t.Run("without the launch helper", c.withoutHelper)
	p := newPod(t, c)
	first := c.pull(t, c.run)
	p.push(t, runTag, first)
	p.source(t, map[string]string{"index.html": "<p>Hello</p>\n", "css/a.css": "p {}\n"})
	log := p.build(t, first)
	if want := "static on amd64 (stack io.strata.stacks.static)"; !strings.Contains(strings.ReplaceAll(log, "arm64", "amd64"), want) {
		t.Errorf("the log has no %q:\n%s", want, log)
	}

	app := p.pull(t, "app")
	config, err := app.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Config.Labels["org.opencontainers.image.authors"]; got != "the platform team" {
		t.Errorf("the cluster's default gives the authors %q", got)
	}
	layers, err := app.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range (built{image: app, config: config, layers: layers}).entries(t, func(string) bool { return false }) {
		ours := strings.HasPrefix(e.header.Name, "/layers/strata_") || strings.HasPrefix(e.header.Name, "/workspace/")
		if mode := e.header.FileInfo().Mode(); ours && mode&(os.ModeSetgid|os.ModeSetuid|os.ModeSticky) != 0 {
			t.Errorf("%s has mode %s", e.header.Name, mode)
		}
	}

	layer, err := random.Layer(100, types.OCILayer)
	if err != nil {
		t.Fatal(err)
	}
	newer, err := mutate.AppendLayers(first, layer)
	if err != nil {
		t.Fatal(err)
	}
	p.push(t, runTag, newer)
	digest, err := newer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	p.inspect(t)
	got := strata(t, "rebase", p.host+"/app")
	for _, want := range []string{runTag + "@" + digest.Hex[:12], "was built by kpack"} {
		if got.status != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("strata rebase: status %d, want %q in\n%s%s", got.status, want, got.stdout, got.stderr)
		}
	}
	if again := strata(t, "rebase", p.host+"/app"); !strings.Contains(again.stdout, "up to date") {
		t.Errorf("a second rebase: status %d\n%s%s", again.status, again.stdout, again.stderr)
	}
}

// newPod makes the volumes of a pod that builds with a cluster's builder.
func newPod(t *testing.T, c cluster) pod {
	t.Helper()
	p := pod{dir: t.TempDir(), stack: c.stack, host: c.host, builder: c.builder(t)}
	for volume, mode := range map[string]os.FileMode{"layers": 0o777, "workspace": 0o777, "platform": 0o755, "home": 0o755, "tmp": 0o755} {
		dir := filepath.Join(p.dir, volume)
		if err := sandbox.Own(dir); err != nil {
			t.Fatal(err)
		}
		if mode == 0o777 {
			mode |= os.ModeSetgid // as fsGroup sets it on an emptyDir
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// inspect looks at the app in the registry: Platform API 0.9 writes no history and attaches nothing.
func (p pod) inspect(t *testing.T) {
	t.Helper()
	got := strata(t, "inspect", p.host+"/app", "--against", p.host+"/"+runTag, "--sbom", filepath.Join(p.dir, "bills"))
	for _, want := range []string{"Layer: 'server', Created by buildpack: strata/web@", "Application Layer", p.host + "/app@sha256:"} {
		if got.status != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("strata inspect: status %d, want %q in\n%s%s", got.status, want, got.stdout, got.stderr)
		}
	}
	app, run := p.pull(t, "app"), p.pull(t, runTag)
	var pulled int64
	there := sizes(t, run)
	for layer, size := range sizes(t, app) {
		if _, found := there[layer]; !found {
			pulled += size
		}
	}
	if want := fmt.Sprintf("  %d\n\n", pulled); !strings.Contains(got.stdout, want) {
		t.Errorf("somebody with the run image pulls %d bytes:\n%s", pulled, got.stdout)
	}
	bill, err := os.ReadFile(filepath.Join(p.dir, "bills", "app.sbom.cdx.json"))
	if err != nil || !bytes.Contains(bill, []byte("pkg:golang/github.com/strata-buildpacks/strata")) {
		t.Errorf("the bill of materials lacks the server (%v):\n%.2000s", err, bill)
	}
	if got := strata(t, "inspect", p.host+"/none"); got.status != 1 || !strings.Contains(got.stderr, "neither the store nor the registry") {
		t.Errorf("a name that nobody has: status %d\n%s", got.status, got.stderr)
	}
}

// source writes the app's files, which belong to the build's user.
func (p pod) source(t *testing.T, files map[string]string) {
	t.Helper()
	uid, gid := sandbox.HostIDs()
	for name, content := range files {
		file := filepath.Join(p.dir, "workspace", name)
		err := errors.Join(sandbox.Own(filepath.Dir(file)), os.WriteFile(file, []byte(content), 0o644), os.Lchown(file, uid, gid))
		if err != nil {
			t.Fatal(err)
		}
	}
}

// build runs the phases and returns what the buildpacks print.
func (p pod) build(t *testing.T, run v1.Image) string {
	t.Helper()
	digest, err := run.Digest()
	if err != nil {
		t.Fatal(err)
	}
	image := p.host + "/" + runTag + "@" + digest.String()
	stack := filepath.Join(p.dir, "stack.toml")
	if err := os.WriteFile(stack, fmt.Appendf(nil, "[run-image]\nimage = %q\n", image), 0o644); err != nil {
		t.Fatal(err)
	}
	app, cache := p.host+"/app", "-cache-image="+p.host+"/cache"
	p.phase(t, "analyzer", "-layers=/layers", "-analyzed=/layers/analyzed.toml", "-run-image="+image, cache, app)
	p.phase(t, "detector", "-app=/workspace", "-group=/layers/group.toml", "-plan=/layers/plan.toml")
	p.phase(t, "restorer", "-group=/layers/group.toml", "-layers=/layers", cache, "-analyzed=/layers/analyzed.toml")
	log := p.phase(t, "builder", "-layers=/layers", "-app=/workspace", "-group=/layers/group.toml", "-plan=/layers/plan.toml")
	p.phase(t, "exporter", "-layers=/layers", "-app=/workspace", "-group=/layers/group.toml", "-analyzed=/layers/analyzed.toml",
		"-project-metadata=/layers/project-metadata.toml", cache, "-report=/tmp/report.toml", app)
	return log
}

// phase runs one container of the pod, which has to end well.
func (p pod) phase(t *testing.T, program string, args ...string) string {
	t.Helper()
	output, err := p.try(t, program, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, output)
	}
	return output
}

// try runs one container of the pod.
func (p pod) try(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	var output bytes.Buffer
	spec := sandbox.Spec{
		Root: p.builder.Root, UID: p.builder.UID, GID: p.builder.GID, Dir: "/", Network: sandbox.HostNetwork,
		Env:    slices.Concat(p.builder.Env, []string{"CNB_PLATFORM_API=0.9", "CNB_STACK_ID=" + p.stack, "HOME=/home/cnb"}),
		Args:   append([]string{"/cnb/lifecycle/" + program}, args...),
		Stdout: &output, Stderr: &output,
		Binds: []sandbox.Bind{{Source: filepath.Join(p.dir, "platform"), Target: "/platform"}},
	}
	for volume, target := range map[string]string{"layers": "/layers", "workspace": "/workspace", "home": "/home/cnb", "tmp": "/tmp"} {
		spec.Binds = append(spec.Binds, sandbox.Bind{Source: filepath.Join(p.dir, volume), Target: target, Writable: true})
	}
	if stack := filepath.Join(p.dir, "stack.toml"); program == "exporter" {
		spec.Binds = append(spec.Binds, sandbox.Bind{Source: stack, Target: "/cnb/stack.toml"})
	}
	err := sandbox.Run(t.Context(), spec)
	return output.String(), err
}

// push gives an image a name in the pod's registry, and pull reads one.
func (p pod) push(t *testing.T, image string, content v1.Image) {
	t.Helper()
	if err := remote.Write(p.ref(t, image), content); err != nil {
		t.Fatal(err)
	}
}

func (p pod) pull(t *testing.T, image string) v1.Image {
	t.Helper()
	found, err := remote.Image(p.ref(t, image))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (p pod) ref(t *testing.T, image string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(p.host + "/" + image)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// sizes are the layers of an image with their compressed bytes.
func sizes(t *testing.T, image v1.Image) map[v1.Hash]int64 {
	t.Helper()
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	all := map[v1.Hash]int64{}
	for _, layer := range manifest.Layers {
		all[layer.Digest] = layer.Size
	}
	return all
}
