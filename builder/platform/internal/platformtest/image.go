// Package platformtest has what the tests of several rooms need: small run images and app images with the labels of the
// stacks and the lifecycle, a registry, a store, and golden files of faults.
package platformtest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/store"
)

var epoch = v1.Time{Time: time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)}

// RunName is a name for a run image.
const RunName = "strata/run-static:13"

// Run describes a run image: for linux/amd64, of the variant static, version 13, unless it says otherwise.
type Run struct {
	Variant, Version, Arch string
	Release                string // sets it apart from earlier ones
	Debug                  bool   // it has one layer more
}

// Image makes the run image.
func (r Run) Image(t *testing.T) v1.Image {
	t.Helper()
	r.Variant, r.Version, r.Arch = cmp.Or(r.Variant, "static"), cmp.Or(r.Version, "13"), cmp.Or(r.Arch, "amd64")
	names := []string{"files", "identity"}
	if r.Debug {
		names = append(names, "debug")
	}
	var adds []mutate.Addendum
	for _, layer := range names {
		adds = append(adds, addendum(t, "usr/share/"+layer, r.Release+r.Variant+r.Arch, "strata: "+r.Variant+"/"+layer))
	}
	scratch := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image := image(t, scratch, adds, func(config *v1.ConfigFile) {
		config.OS, config.Architecture, config.Created = "linux", r.Arch, epoch
		config.Config = v1.Config{User: "1002:1000", WorkingDir: "/", Env: []string{"PATH=/bin"}, Labels: map[string]string{
			"io.buildpacks.base.distro.name":    "strata-" + r.Variant,
			"io.buildpacks.base.distro.version": r.Version,
			"io.buildpacks.base.released":       r.Release,
			"io.buildpacks.rebasable":           "true",
			"io.buildpacks.stack.id":            "io.strata.stacks." + r.Variant,
		}}
	})
	return mutate.Annotations(image, map[string]string{"org.opencontainers.image.created": r.Release}).(v1.Image)
}

// App makes an app image on a run image as an export does; change edits its configuration.
func App(t *testing.T, on v1.Image, runName, content string, change func(*v1.ConfigFile)) v1.Image {
	t.Helper()
	base, err := on.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := on.Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(runName)
	if err != nil {
		t.Fatal(err)
	}
	top := base.RootFS.DiffIDs[len(base.RootFS.DiffIDs)-1]
	adds := []mutate.Addendum{
		addendum(t, "layers/strata_go/targets/app", content, "Layer: 'targets', Created by buildpack: strata/go@0.1.0"),
		addendum(t, "workspace/file", content, "Application Layer"),
	}
	return image(t, on, adds, func(config *v1.ConfigFile) {
		labels := maps.Clone(config.Config.Labels)
		labels["io.buildpacks.project.metadata"] = "{}"
		labels["io.buildpacks.lifecycle.metadata"] = fmt.Sprintf(`{"app":[{"sha":%[1]q}],"sbom":{"sha":%[1]q},`+
			`"buildpacks":[{"key":"strata/go","version":"0.1.0","layers":{"targets":{"sha":%[1]q,`+
			`"data":{"key":"\u003ca \u0026 b\u003e"},"build":false,"launch":true,"cache":false}}}],`+
			`"config":{"sha":%[1]q},"launcher":{"sha":%[1]q},`+
			`"process-types":{"sha":%[1]q},"runImage":{"topLayer":%[2]q,"reference":%[3]q,"image":%[4]q},"stack":{"runImage":{"image":%[4]q}}}`,
			config.RootFS.DiffIDs[len(config.RootFS.DiffIDs)-1], top, ref.Context().Digest(digest.String()).Name(), runName)
		config.Config.Labels = labels
		config.Config.WorkingDir, config.Config.Entrypoint = "/workspace", []string{"/cnb/process/web"}
		config.Config.Env = []string{"PATH=/cnb/process:/cnb/lifecycle:/bin", "CNB_PLATFORM_API=0.15"}
		if change != nil {
			change(config)
		}
	})
}

// Edit edits the configuration of an image; change may be nil.
func Edit(t *testing.T, of v1.Image, change func(*v1.ConfigFile)) v1.Image {
	t.Helper()
	if change == nil {
		return of
	}
	return image(t, of, nil, change)
}

// image adds layers to an image and edits its configuration.
func image(t *testing.T, on v1.Image, adds []mutate.Addendum, change func(*v1.ConfigFile)) v1.Image {
	t.Helper()
	image, err := mutate.Append(on, adds...)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	change(config)
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

// addendum is a layer with one file.
func addendum(t *testing.T, path, content, by string) mutate.Addendum {
	t.Helper()
	return mutate.Addendum{Layer: Layer(t, path, content), MediaType: types.OCILayer, History: v1.History{Created: epoch, CreatedBy: by}}
}

// Layer makes a layer with one file.
func Layer(t *testing.T, path, content string) v1.Layer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return layerOf(t, archive.Bytes())
}

// Random makes an image of two layers with random content.
func Random(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(200, 2)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// Push writes an image to a registry.
func Push(t *testing.T, ref string, image v1.Image) {
	t.Helper()
	if err := remote.Write(Parse(t, ref), image); err != nil {
		t.Fatal(err)
	}
}

// Pull reads an image from a registry.
func Pull(t *testing.T, ref string) v1.Image {
	t.Helper()
	image, err := remote.Image(Parse(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// Parse reads an image's name.
func Parse(t *testing.T, ref string) name.Reference {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// Digest returns an image's digest.
func Digest(t *testing.T, image v1.Image) v1.Hash {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// layerOf returns a layer with an archive, compressed as the platform does it.
func layerOf(t *testing.T, archive []byte) v1.Layer {
	t.Helper()
	var packed bytes.Buffer
	w := store.Gzip(&packed)
	if _, err := w.Write(archive); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		t.Fatal(err)
	}
	return layer
}
