package integration

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"go.yaml.in/yaml/v3"

	"github.com/strata-buildpacks/strata/builder/platform/builderimage"
	platform "github.com/strata-buildpacks/strata/builder/platform/home"
)

// cluster is what `strata kpack` says of one C library: names of images in a registry, and the order of the builder.
type cluster struct {
	host, yaml, stack           string
	lifecycle, store, base, run string
	order                       []string
}

// newCluster pushes the suite to a registry of its own, twice: the second time changes nothing.
func newCluster(t *testing.T, stack string) cluster {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	c := cluster{host: strings.TrimPrefix(server.URL, "http://")}
	args := []string{"kpack", "--registry", c.host + "/strata", "--stack", stack, "-e", "BP_OCI_AUTHORS=the platform team"}
	if got := strata(t, append(args, "--check")...); got.status != 1 || !strings.Contains(got.stderr, "4 images are not in the registry") {
		t.Errorf("--check before anything is there: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	first := strata(t, args...)
	again := strata(t, args...)
	if first.status != 0 || again.stdout != first.stdout {
		t.Fatalf("strata kpack: status %d, and again\n%s\nbefore\n%s%s", first.status, again.stdout, first.stdout, first.stderr)
	}
	if got := strata(t, append(args, "--check")...); got.status != 0 {
		t.Errorf("--check of what is there: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	c.yaml = first.stdout
	c.read(t)
	return c
}

// read reads the resources.
func (c *cluster) read(t *testing.T) {
	t.Helper()
	type image struct{ Image string }
	for decoder := yaml.NewDecoder(strings.NewReader(c.yaml)); ; {
		var resource struct {
			Kind string
			Spec struct {
				ID         string
				Image      string
				Sources    []image
				BuildImage image `yaml:"buildImage"`
				RunImage   image `yaml:"runImage"`
				Order      []struct {
					Group []struct{ ID, Version string }
				}
			}
		}
		if err := decoder.Decode(&resource); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, c.yaml)
		}
		spec := resource.Spec
		switch resource.Kind {
		case "ClusterLifecycle":
			c.lifecycle = spec.Image
		case "ClusterStore":
			c.store = spec.Sources[0].Image
		case "ClusterStack":
			c.stack, c.base, c.run = spec.ID, spec.BuildImage.Image, spec.RunImage.Image
		case "ClusterBuilder":
			for _, member := range spec.Order[0].Group {
				if member.Version != "" {
					t.Errorf("the order pins %s to %s", member.ID, member.Version)
				}
				c.order = append(c.order, member.ID)
			}
		}
	}
}

func (c cluster) pull(t *testing.T, image string) v1.Image {
	t.Helper()
	ref, err := name.NewDigest(image)
	if err != nil {
		t.Fatal(err)
	}
	found, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// stored is a buildpack as the label of a store tells of it.
type storedBuildpack struct {
	LayerDiffID string `json:"layerDiffID"`
	Order       []struct {
		Group []struct {
			ID       string `json:"id"       toml:"id"`
			Version  string `json:"version"  toml:"version"`
			Optional bool   `json:"optional" toml:"optional"`
		} `json:"group" toml:"group"`
	} `json:"order"`
}

// builder makes a builder as kpack does (pkg/cnb/builder_builder.go of v0.17): on the build image, the last layer of the lifecycle's
// image, the layers of those buildpacks that the order names or that are members of these, and the order. That it has a run.toml, too, is
// for reading it here.
func (c cluster) builder(t *testing.T) *builderimage.Builder {
	t.Helper()
	lifecycle, err := c.pull(t, c.lifecycle).Layers()
	if err != nil {
		t.Fatal(err)
	}
	store := c.pull(t, c.store)
	var all map[string]map[string]storedBuildpack
	c.label(t, store, "io.buildpacks.buildpack.layers", &all)
	layers := []v1.Layer{lifecycle[len(lifecycle)-1]}
	order := "[[order]]\n"
	var add func(id string)
	added := map[string]bool{}
	add = func(id string) {
		if len(all[id]) != 1 {
			t.Fatalf("the store has %d versions of %s", len(all[id]), id)
		}
		for _, stored := range all[id] {
			hash, err := v1.NewHash(stored.LayerDiffID)
			if err != nil {
				t.Fatal(err)
			}
			layer, err := store.LayerByDiffID(hash)
			if err != nil {
				t.Fatal(err)
			}
			if !added[id] {
				layers = append(layers, layer)
			}
			added[id] = true
			for _, group := range stored.Order {
				for _, member := range group.Group {
					add(member.ID)
				}
			}
		}
	}
	for _, id := range c.order {
		add(id)
		for version := range all[id] {
			optional := id != "strata/languages" && id != "strata/linkage"
			order += fmt.Sprintf("[[order.group]]\nid = %q\nversion = %q\noptional = %t\n", id, version, optional)
		}
	}
	layers = append(layers, files(t, map[string]string{
		"/cnb/order.toml": order, "/cnb/stack.toml": fmt.Sprintf("[run-image]\nimage = %q\n", c.run),
		"/cnb/run.toml": fmt.Sprintf("[[images]]\nimage = %q\n", c.run),
	}))
	img, err := mutate.AppendLayers(c.pull(t, c.base), layers...)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var metadata json.RawMessage
	c.label(t, c.pull(t, c.lifecycle), "io.buildpacks.builder.metadata", &metadata)
	config.Config.Labels["io.buildpacks.builder.metadata"] = string(metadata)
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return opened(t, img)
}

// label reads a label of an image.
func (c cluster) label(t *testing.T, img v1.Image, label string, into any) {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(config.Config.Labels[label]), into); err != nil {
		t.Fatalf("label %s: %v", label, err)
	}
}

// opened unpacks a builder.
func opened(t *testing.T, img v1.Image) *builderimage.Builder {
	t.Helper()
	h, err := platform.Open(home())
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(image(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.Put(ref, img); err != nil {
		t.Fatal(err)
	}
	builder, err := builderimage.Open(t.Context(), h, ref.String())
	if err != nil {
		t.Fatal(err)
	}
	return builder
}

// files makes a layer.
func files(t *testing.T, content map[string]string) v1.Layer {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, file := range sortedKeys(content) {
		err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(len(content[file]))})
		if err == nil {
			_, err = w.Write([]byte(content[file]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// withoutHelper builds with an order that lacks the buildpack with the programs of all others: kpack makes such a builder without a word.
func (c cluster) withoutHelper(t *testing.T) {
	c.order = slices.DeleteFunc(slices.Clone(c.order), func(id string) bool { return id == "strata/launch-helper" })
	p := newPod(t, c)
	p.source(t, map[string]string{"index.html": "<p>Hello</p>\n"})
	output, err := p.try(t, "detector", "-app=/workspace", "-group=/layers/group.toml", "-plan=/layers/plan.toml")
	if err == nil || !strings.Contains(output, "needs strata/launch-helper") {
		t.Errorf("detection does not say what the order lacks: %v\n%s", err, output)
	}
}
