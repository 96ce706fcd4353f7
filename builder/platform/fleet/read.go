package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/once"
	"github.com/strata-buildpacks/strata/builder/platform/rebase"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// reader is one run of Read.
type reader struct {
	Options
	client *registry.Client
	dues   rebase.Dues
	layers layerTable

	scanned  once.Map[v1.Hash, *contents]
	stands   once.Map[string, *stand]
	indexes  once.Map[string, map[string][]archive.Offer]
	packages atomic.Int64  // of all layers that were scanned
	bills    chan struct{} // has an element for each bill of materials that is being read

	mu      sync.Mutex
	holders []Holder
}

// layerTable has each layer of the fleet once.
type layerTable struct {
	mu    sync.Mutex
	list  []Layer
	index map[v1.Hash]int
}

// place returns the place of a layer in the list.
func (t *layerTable) place(digest v1.Hash, bytes int64, what string, base bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, found := t.index[digest]
	if !found {
		if t.index == nil {
			t.index = map[v1.Hash]int{}
		}
		at = len(t.list)
		t.index[digest] = at
		t.list = append(t.list, Layer{Digest: digest.String(), Bytes: max(bytes, 0), What: short(what, maxText)})
	}
	t.list[at].Base = t.list[at].Base || base
	return at
}

// note says how many packages of layers are behind.
func (t *layerTable) note(behind, security map[int]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for layer, count := range behind {
		t.list[layer].Behind = max(t.list[layer].Behind, count)
		t.list[layer].Security = max(t.list[layer].Security, security[layer])
	}
}

// label is what a report needs of the label io.buildpacks.lifecycle.metadata.
type label struct {
	Buildpacks []struct {
		ID      string `json:"key"`
		Version string `json:"version"`
		Layers  map[string]struct {
			SHA string `json:"sha"`
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
	images, err := r.client.All(ctx, ref)
	if err != nil {
		return failed(text, err)
	}
	var rows []Image
	for _, image := range images {
		row, err := r.image(ctx, text, ref, image)
		switch {
		case err != nil:
			rows = append(rows, failed(text, err)...)
		case row != nil:
			rows = append(rows, *row)
		}
	}
	return rows
}

// maxLayers is how many layers an image may have; engines take 127.
const maxLayers = 1000

// image returns the row of one image, nil for what is none.
func (r *reader) image(ctx context.Context, text string, ref name.Reference, image v1.Image) (*Image, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if !manifest.Config.MediaType.IsConfig() {
		return nil, nil
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) || len(manifest.Layers) > maxLayers {
		return nil, fmt.Errorf("it has %d layers, and its configuration %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	row := &Image{Name: text, Digest: digest.String(), Kind: kind(config),
		Platform: short((v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}).String(), maxText)}
	var said label
	if row.Kind == App {
		if err := json.Unmarshal([]byte(config.Config.Labels["io.buildpacks.lifecycle.metadata"]), &said); err != nil {
			return nil, fmt.Errorf("its label io.buildpacks.lifecycle.metadata cannot be read: %w", err)
		}
	}
	below := belowApp(row.Kind, said, config)
	for i, what := range store.Origins(config) {
		d := manifest.Layers[i]
		row.Layers = append(row.Layers, r.layers.place(d.Digest, d.Size, what, i < below))
	}
	if below > 0 {
		layers, err := image.Layers()
		if err != nil {
			return nil, fmt.Errorf("reading the layers: %w", err)
		}
		on := r.stand(ctx, layers[:below], row.Layers[:below], config.Architecture)
		row.Packages = on.summary
		r.hold(row, on)
		if row.Kind == App {
			if err := r.app(ctx, row, ref, image, said, on, config); err != nil {
				return nil, err
			}
		}
	}
	return row, r.vouched(ctx, row, ref.Context().Digest(digest.String()))
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
	case labels["io.buildpacks.base.distro.name"] != "", labels["io.buildpacks.stack.id"] != "":
		return RunImage
	}
	return Other
}

// app adds what only apps have.
func (r *reader) app(
	ctx context.Context, row *Image, ref name.Reference, image v1.Image, said label, on *stand, config *v1.ConfigFile,
) error {
	const maxBuildpacks = 50
	for _, b := range said.Buildpacks[:min(len(said.Buildpacks), maxBuildpacks)] {
		row.BuiltBy = append(row.BuiltBy, short(b.ID+"@"+b.Version, maxText))
	}
	due := r.dues.Of(ctx, ref, image)
	row.ByKpack = due.ByKpack
	row.Base = &Base{Name: due.Old, Newest: due.New, Due: due.Err == nil && !due.Current}
	if due.Err != nil {
		row.Base.Reason = short(due.Err.Error(), maxReason)
	}
	layers := said.layersOf(config, row.Layers)
	row.Own = &Packages{}
	r.bills <- struct{}{}
	defer func() { <-r.bills }()
	err := attest.Components(image, func(c attest.Component) {
		row.Described = true
		if c.Buildpack != "buildpacksio/lifecycle" {
			row.speaks(c.Component)
		}
		at, known := layers[[2]string{c.Buildpack, c.Layer}]
		r.component(ctx, row, on, c.Component, config.Architecture, at, known)
	})
	if err != nil {
		return fmt.Errorf("reading its bills of materials: %w", err)
	}
	return nil
}

// layersOf returns the places of buildpacks' layers, by the buildpack's id and the layer's name.
func (l label) layersOf(config *v1.ConfigFile, places []int) map[[2]string]int {
	byDiffID := map[string]int{}
	for i, d := range config.RootFS.DiffIDs {
		byDiffID[d.String()] = places[i]
	}
	layers := map[[2]string]int{}
	for _, b := range l.Buildpacks {
		for layer, is := range b.Layers {
			if place, found := byDiffID[is.SHA]; found {
				layers[[2]string{strings.ReplaceAll(b.ID, "_", "/"), layer}] = place
			}
		}
	}
	return layers
}

var (
	pythonOfDebian = regexp.MustCompile(`^libpython3\.\d+-minimal$`)
	upstream       = regexp.MustCompile(`^[0-9.]+`)
	runtimes       = map[string]string{"node": "Node.js", "bun": "Bun", "python": "Python", "rust": "Rust"}
)

// maxLanguages is how many languages of an image are named.
const maxLanguages = 8

// speaks adds the language that a component is the runtime of, if it is one.
func (i *Image) speaks(c sbom.Component) {
	purl, err := packageurl.FromString(c.PURL)
	if err != nil {
		return
	}
	found, version := "", short(purl.Version, 40)
	switch {
	case purl.Type == packageurl.TypeGeneric:
		found = runtimes[purl.Name]
	case purl.Type == packageurl.TypeGolang && purl.Name == "stdlib":
		found, version = "Go", strings.TrimPrefix(strings.TrimPrefix(version, "v"), "go")
	case purl.Type == packageurl.TypeDebian && pythonOfDebian.MatchString(purl.Name):
		found, version = "Python", upstream.FindString(version)
	}
	l := language(found, version)
	if found != "" && len(i.Languages) < maxLanguages && !slices.Contains(i.Languages, l) {
		i.Languages = append(i.Languages, l)
	}
}

// component counts a package of an app's own layer, and notes it if it is the one that was asked for.
func (r *reader) component(ctx context.Context, row *Image, on *stand, c sbom.Component, arch string, layer int, known bool) {
	purl, err := packageurl.FromString(c.PURL)
	newest := ""
	if err == nil && purl.Type == packageurl.TypeDebian {
		newest = r.ownPackage(ctx, row.Own, on, purl, arch)
	}
	source, _, _ := strings.Cut(purl.Qualifiers.Map()["upstream"], "@")
	if r.Package == "" || c.Name != r.Package && purl.Name != r.Package && source != r.Package {
		return
	}
	r.found(row, Holder{Package: c.Name, Version: c.Version, Newest: newest}, layer, known)
}

// ownPackage counts a package of Debian that an app brings along, and returns its newest version if it is behind.
func (r *reader) ownPackage(ctx context.Context, own *Packages, on *stand, purl packageurl.PackageURL, arch string) string {
	own.Count++
	if distro := purl.Qualifiers.Map()["distro"]; on.release == "" || distro != "debian-"+on.release {
		own.Reason = "the run image is of another release than " + short(cmp.Or(distro, purl.Name), maxText)
		return ""
	}
	offers, err := r.offers(ctx, on, arch)
	if err != nil {
		own.Reason = short(err.Error(), maxReason)
		return ""
	}
	newest, security := archive.Newer(offers[purl.Name], purl.Version)
	if newest != "" {
		own.add(Update{short(purl.Name, maxText), short(purl.Version, maxText), newest, security})
	}
	return newest
}

// hold notes the packages of a run image that were asked for.
func (r *reader) hold(row *Image, on *stand) {
	for _, p := range on.packages {
		if r.Package != "" && (p.Name == r.Package || p.Source == r.Package) {
			r.found(row, Holder{Package: p.Name, Version: p.Version, Newest: p.newest}, p.layer, true)
		}
	}
}

// maxHolders is how many holders of a package are listed.
const maxHolders = 200_000

func (r *reader) found(row *Image, h Holder, layer int, known bool) {
	h.Image, h.Package, h.Version = row.Name, short(h.Package, maxText), short(h.Version, maxText)
	if known {
		r.layers.mu.Lock()
		h.Layer, h.What = r.layers.list[layer].Digest, r.layers.list[layer].What
		r.layers.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.holders) < maxHolders {
		r.holders = append(r.holders, h)
	}
}

// signatures are the types of artifacts that are signatures of an image: those of cosign, Sigstore and Notation.
var signatures = []string{
	"application/vnd.dev.cosign.artifact.sig.v1+json", "application/vnd.dev.sigstore.bundle.v0.3+json",
	"application/vnd.cncf.notary.signature",
}

// vouched looks for signatures and provenance.
func (r *reader) vouched(ctx context.Context, row *Image, image name.Digest) error {
	if row.Kind != App && row.Kind != RunImage {
		return nil
	}
	types, err := r.client.AttachedTypes(ctx, image)
	if err != nil {
		return err
	}
	for _, is := range types {
		row.Signed = row.Signed || slices.Contains(signatures, is)
		row.Attested = row.Attested || is == attest.StatementType
		row.Described = row.Described || is == sbom.TypeCycloneDX || is == sbom.TypeSPDX
	}
	digest, err := v1.NewHash(image.DigestStr())
	if err == nil && !row.Signed {
		row.Signed, err = r.client.HasName(ctx, attest.SignatureTag(image.Context(), digest))
	}
	if err == nil && !row.Attested {
		row.Attested, err = r.client.HasName(ctx, attest.AttestationTag(image.Context(), digest))
	}
	return err
}
