package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/once"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
)

// reader is one run of Read.
type reader struct {
	Options
	client *registry.Client
	dues   rebase.Dues
	layers layerTable

	looked   once.Map[name.Digest, *looked]
	scanned  once.Map[v1.Hash, *contents]
	stands   once.Map[string, *stand]
	indexes  once.Map[string, map[string][]archive.Offer]
	packages atomic.Int64  // of all layers that were scanned
	bills    chan struct{} // has an element for each bill of materials that is being read

	mu      sync.Mutex
	holders []Holder
	left    int // holders that are not listed
}

// looked is what there is to say of an image, whatever its name is.
type looked struct {
	row     Image
	holders []Holder
	left    int // holders that there is no room for
}

// layerTable has each layer of the fleet once.
type layerTable struct {
	mu    sync.Mutex
	list  []Layer
	index map[v1.Hash]int
}

// place returns the place of a layer in the list.
func (t *layerTable) place(digest v1.Hash) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, found := t.index[digest]
	if !found {
		if t.index == nil {
			t.index = map[v1.Hash]int{}
		}
		at = len(t.list)
		t.index[digest] = at
		t.list = append(t.list, Layer{Digest: digest.String()})
	}
	return at
}

// tally counts packages of a layer.
type tally struct{ behind, security, notCompared int }

// note says how many packages of layers are behind.
func (t *layerTable) note(tallies map[int]tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for at, count := range tallies {
		layer := &t.list[at]
		layer.Behind, layer.Security = max(layer.Behind, count.behind), max(layer.Security, count.security)
		layer.Compared = layer.Compared || count.notCompared == 0
	}
}

// label is what a report needs of the label io.buildpacks.lifecycle.metadata.
type label struct {
	Buildpacks []struct {
		ID      string `json:"key"`
		Version string `json:"version"`
		Layers  map[string]struct {
			SHA  string          `json:"sha"`
			Data json.RawMessage `json:"data"`
		} `json:"layers"`
	} `json:"buildpacks"`
	RunImage struct {
		TopLayer string `json:"topLayer"`
	} `json:"runImage"`
}

// read returns the rows of one name: one for each platform. What is no image, such as a chart, has none.
func (r *reader) read(ctx context.Context, text string) []Image {
	ref, err := imagename.Parse(text)
	if err != nil {
		return failed(text, err)
	}
	children, isIndex, err := r.client.All(ctx, ref)
	if err != nil {
		return failed(text, err)
	}
	var rows []Image
	for _, child := range children {
		found, err := r.child(ctx, ref, child)
		switch {
		case err != nil:
			row := failed(text, err)[0]
			row.Digest, row.OfIndex = child.Digest.String(), isIndex
			if isIndex {
				row.Platform = short(child.Platform.String(), maxText)
			}
			rows = append(rows, row)
		case found != nil:
			rows = append(rows, r.named(text, ref, isIndex, found))
		}
	}
	return rows
}

// child looks at an image once for all its names.
func (r *reader) child(ctx context.Context, ref name.Reference, child registry.Child) (*looked, error) {
	if child.Err != nil {
		return nil, child.Err
	}
	digest := ref.Context().Digest(child.Digest.String())
	return r.looked.Get(digest, func() (*looked, error) { return r.image(ctx, digest, child.Image) })
}

// maxHolders is how many holders of a package are listed.
const maxHolders = 200_000

// named returns the row of an image under one of its names, and notes what it holds.
func (r *reader) named(text string, ref name.Reference, isIndex bool, of *looked) Image {
	row := of.row
	row.Name, row.OfIndex, row.Layers = text, isIndex, slices.Clone(of.row.Layers)
	_, isTag := ref.(name.Tag)
	if row.Base != nil && (isIndex || !isTag) && row.Base.Reason == "" {
		base := *row.Base
		base.Due, base.Reason = false, "a rebase moves no image of an index: give the image of this platform a tag of its own"
		if !isIndex {
			base.Reason = "a rebase moves no image without a tag: name it by its tag"
		}
		row.Base = &base
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += of.left
	for _, h := range of.holders {
		if len(r.holders) == maxHolders {
			r.left++
			continue
		}
		h.Image, h.Digest, h.Platform = row.Name, row.Digest, row.Platform
		r.holders = append(r.holders, h)
	}
	return row
}

// How much an image may be: engines take 127 layers.
const (
	maxLayers = 1000
	maxBytes  = 1 << 40
)

// image looks at one image. It returns nil for what is none.
func (r *reader) image(ctx context.Context, digest name.Digest, image v1.Image) (*looked, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if !manifest.Config.MediaType.IsConfig() {
		return nil, nil
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) || len(manifest.Layers) > maxLayers {
		return nil, fmt.Errorf("it has %d layers, and its configuration %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	var bytes int64
	for _, d := range manifest.Layers {
		if bytes += max(d.Size, 0); d.Size < 0 || d.Size > maxBytes || bytes > maxBytes {
			return nil, fmt.Errorf("its manifest says that a layer has %d bytes; an image may have %d", d.Size, int64(maxBytes))
		}
	}
	out := &looked{row: Image{Digest: digest.DigestStr(), Kind: kind(config),
		Platform: short((v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}).String(), maxText)}}
	var said label
	if out.row.Kind == App {
		if err := json.Unmarshal([]byte(config.Config.Labels["io.buildpacks.lifecycle.metadata"]), &said); err != nil {
			return nil, fmt.Errorf("its label io.buildpacks.lifecycle.metadata cannot be read: %w", err)
		}
	}
	below := belowApp(out.row.Kind, said, config)
	for i, what := range store.Origins(config) {
		out.row.Layers = append(out.row.Layers, r.layers.place(manifest.Layers[i].Digest))
		out.row.claims = append(out.row.claims, claim{manifest.Layers[i].Size, short(what, maxText), i < below})
	}
	r.packagesOf(ctx, out, subject{digest, image, config, said, below})
	r.vouched(ctx, &out.row, digest)
	return out, nil
}

// subject is an image that is looked at.
type subject struct {
	ref    name.Digest
	image  v1.Image
	config *v1.ConfigFile
	said   label
	below  int // how many of the layers are a run image
}

// packagesOf adds what the run image and the app's own layers have.
func (r *reader) packagesOf(ctx context.Context, out *looked, s subject) {
	row := &out.row
	if row.Kind != App && row.Kind != RunImage {
		row.Blind = []string{"it is no app and no run image: its kind is " + row.Kind}
		return
	}
	on := &stand{summary: &Packages{Reason: fmt.Sprintf("its label calls %q the run image's top layer, and it has no such layer",
		short(s.said.RunImage.TopLayer, maxText))}}
	if s.below > 0 {
		layers, err := s.image.Layers()
		if err != nil {
			on.summary.Reason = short("reading the layers: "+err.Error(), maxReason)
		} else {
			on = r.stand(ctx, layers[:s.below], row.Layers[:s.below], debianArch(s.config))
		}
	}
	row.Packages = on.summary
	if on.summary.Count == 0 {
		row.Blind = append(row.Blind, "its run image: "+on.summary.Reason)
	}
	out.left = on.left
	for _, p := range on.held {
		out.holders = append(out.holders, Holder{Package: p.Name, Version: p.Version, Newest: p.newest, place: p.layer})
	}
	if row.Kind == App {
		r.app(ctx, out, s, on)
	}
}

// belowApp returns how many of an image's layers are a run image.
func belowApp(kind string, said label, config *v1.ConfigFile) int {
	switch kind {
	case RunImage:
		return len(config.RootFS.DiffIDs)
	case App:
		return 1 + slices.IndexFunc(config.RootFS.DiffIDs, func(d v1.Hash) bool { return d.String() == said.RunImage.TopLayer })
	}
	return 0
}

func kind(config *v1.ConfigFile) string {
	labels := config.Config.Labels
	switch {
	case store.IsApp(config):
		return App
	case labels["io.buildpacks.builder.metadata"] != "":
		return Builder
	case isBuildImage(config.Config.Env):
		return BuildImage
	case labels["io.buildpacks.base.distro.name"] != "", labels["io.buildpacks.stack.id"] != "":
		return RunImage
	}
	return Other
}

// isBuildImage reports whether the environment of an image says which user builds (platform specification, "Build Image").
func isBuildImage(env []string) bool {
	has := func(variable string) bool {
		return slices.ContainsFunc(env, func(one string) bool { return strings.HasPrefix(one, variable+"=") })
	}
	return has("CNB_USER_ID") && has("CNB_GROUP_ID")
}
