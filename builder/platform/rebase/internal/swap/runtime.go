package swap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
)

// Wanted is a layer of an app for which a newer one is wanted.
type Wanted struct {
	Buildpack string // its id
	Layer     string // its name
	Runtime   runtimes.Runtime
	Run       name.Reference // the run image on which the layer is to stand
	RunImage  v1.Image
}

// Made is a layer that may take the place of another one.
type Made struct {
	Wanted  Wanted
	Runtime runtimes.Runtime
	Layer   v1.Layer
	Data    json.RawMessage   // its metadata
	Bills   map[string][]byte // its bills of materials, by the names of their files
}

// buildpack is what the label says of a buildpack's layers. Its keys are in the lifecycle's order.
type buildpack struct {
	ID      string                    `json:"key"`
	Version string                    `json:"version"`
	Layers  map[string]buildpackLayer `json:"layers"`
	Store   json.RawMessage           `json:"store,omitempty"`
}

type buildpackLayer struct {
	SHA    string          `json:"sha"`
	Data   json.RawMessage `json:"data"`
	Build  bool            `json:"build"`
	Launch bool            `json:"launch"`
	Cache  bool            `json:"cache"`
}

// said is what a layer's metadata says of runtimes.
type said struct {
	Runtime *runtimes.Runtime `json:"runtime"`
	Needs   []runtimes.Need   `json:"needs"`
}

func (l buildpackLayer) said() said {
	var s said
	if json.Unmarshal(l.Data, &s) != nil {
		return said{} // metadata of another form says nothing of them
	}
	return s
}

// silent are the layers of runtimes of buildpacks whose earlier versions did not say what may take their place.
var silent = map[string]string{"strata/node": "node", "strata/python": "cpython"}

// Runtimes returns the layers of runtimes that newer ones may take the place of, in the order of the label.
func (a *App) Runtimes() ([]Wanted, error) {
	all, err := a.buildpacks()
	if err != nil {
		return nil, err
	}
	var found []Wanted
	for _, b := range all {
		for _, layer := range slices.Sorted(maps.Keys(b.Layers)) {
			runtime := b.Layers[layer].said().Runtime
			if runtime == nil && silent[b.ID] == layer {
				return nil, fault.Fault{
					ID: "rebase-runtime-silent", Do: "rebuild it with `strata build`, once",
					What: fmt.Sprintf("%s was built by a version of %s that does not say what may take the place of %s", a.name, b.ID, layer),
				}
			}
			if runtime != nil && runtime.Fits() {
				found = append(found, Wanted{Buildpack: b.ID, Layer: layer, Runtime: *runtime})
			}
		}
	}
	return found, nil
}

func (a *App) buildpacks() ([]buildpack, error) {
	var all []buildpack
	if err := json.Unmarshal(a.metadata.Buildpacks, &all); err != nil {
		return nil, a.unreadable(err)
	}
	ids := map[string]bool{}
	for _, b := range all {
		if ids[b.ID] {
			return nil, a.unreadable(fmt.Errorf("it has the buildpack %q twice", b.ID))
		}
		ids[b.ID] = true
	}
	return all, nil
}

// unreadable is the fault of an app whose label is not one that a lifecycle wrote.
func (a *App) unreadable(cause error) error {
	return fault.Fault{
		ID: "rebase-no-metadata", What: a.name + " has a label " + metadataLabel + " that cannot be read", Err: cause,
		Do: "rebuild it with `strata build`",
	}
}

// own returns the digests of the app's layers above its run image. Those of runtimes that newer ones may take the place of, and that of
// bills of materials, are empty.
func (a *App) own() ([]v1.Hash, error) {
	cut, err := a.cut()
	if err != nil {
		return nil, err
	}
	all, err := a.buildpacks()
	if err != nil {
		return nil, err
	}
	layers := slices.Clone(a.config.RootFS.DiffIDs[cut:])
	leave := func(diffID string) {
		if at := slices.IndexFunc(layers, func(have v1.Hash) bool { return have.String() == diffID }); at >= 0 {
			layers[at] = v1.Hash{}
		}
	}
	swappable := false
	for _, b := range all {
		for _, layer := range b.Layers {
			if layer.said().Runtime != nil {
				leave(layer.SHA)
				swappable = true
			}
		}
	}
	var bills struct{ SHA string }
	if swappable && json.Unmarshal(a.metadata.SBOM, &bills) == nil {
		leave(bills.SHA)
	}
	return layers, nil
}

// Exchanged is an app with other layers of runtimes.
type Exchanged struct {
	Image  v1.Image
	Layers []v1.Layer // those that are new
	New    []bool     // which of the runtimes are
}

// With returns the app with other layers of runtimes, or the app's own image if it has these already. Layers that need a runtime get
// their metadata changed; one that the new runtime is not for is a fault, and so is a runtime that would go back.
func (a *App) With(made []Made) (Exchanged, error) {
	all, err := a.buildpacks()
	if err != nil {
		return Exchanged{}, err
	}
	changed := exchange{app: a, buildpacks: all, layers: map[string]v1.Layer{}, bills: map[string][]byte{}}
	result := Exchanged{Image: a.image, New: make([]bool, len(made))}
	for i, one := range made {
		before := len(changed.taken)
		if err := changed.add(one); err != nil {
			return Exchanged{}, err
		}
		result.New[i] = len(changed.taken) > before
	}
	if len(changed.layers) == 0 {
		return result, nil
	}
	if err := changed.describe(); err != nil {
		return Exchanged{}, err
	}
	if result.Image, err = changed.image(); err != nil {
		return Exchanged{}, err
	}
	result.Layers = slices.Collect(maps.Values(changed.layers))
	return result, changed.forward(result.Image)
}

// exchange is an app whose layers are exchanged.
type exchange struct {
	app        *App
	buildpacks []buildpack
	taken      []taken
	layers     map[string]v1.Layer // new ones, by the digests of those whose places they take
	bills      map[string][]byte   // new ones, by their paths in the image
	sbom       json.RawMessage
}

// add notes a layer, unless the app has it. An app for which there is none of the same line and ABI keeps its own.
func (e *exchange) add(made Made) error {
	if was, is := made.Wanted.Runtime, made.Runtime; was.ID != is.ID || was.Line != is.Line || was.ABI != is.ABI {
		return nil
	}
	at := slices.IndexFunc(e.buildpacks, func(b buildpack) bool { return b.ID == made.Wanted.Buildpack })
	old := e.buildpacks[at].Layers[made.Wanted.Layer]
	diffID, err := made.Layer.DiffID()
	if err != nil {
		return fmt.Errorf("reading layer %s: %w", made.Wanted.Layer, err)
	}
	var data bytes.Buffer
	if err := json.Compact(&data, made.Data); err != nil {
		return fmt.Errorf("reading the metadata of layer %s: %w", made.Wanted.Layer, err)
	}
	if diffID.String() == old.SHA && bytes.Equal(old.Data, data.Bytes()) {
		return nil
	}
	if err := e.check(made); err != nil {
		return err
	}
	e.taken = append(e.taken, taken{made, old.Data, diffID.String() == old.SHA})
	e.layers[old.SHA] = made.Layer
	folder := "/layers/sbom/launch/" + strings.ReplaceAll(made.Wanted.Buildpack, "/", "_") + "/" + made.Wanted.Layer + "/"
	for file, content := range made.Bills {
		e.bills[folder+file] = content
	}
	old.SHA, old.Data = diffID.String(), made.Data
	e.buildpacks[at].Layers[made.Wanted.Layer] = old
	return e.move(made.Runtime)
}

// check refuses a runtime that other layers are not made for.
func (e *exchange) check(made Made) error {
	was := made.Wanted.Runtime
	for _, b := range e.buildpacks {
		for _, layer := range slices.Sorted(maps.Keys(b.Layers)) {
			for _, need := range b.Layers[layer].said().Needs {
				if need.ID == was.ID && (need.Exact || need.Version != was.Version) {
					return fault.Fault{
						ID: "rebase-runtime-refused", Do: "rebuild it with `strata build`",
						What: fmt.Sprintf("%s stays with %s %s, and does not get %s: layer %s of %s was made for %s", e.app.name,
							was.ID, was.Version, made.Runtime.Version, layer, b.ID, need.Version),
					}
				}
			}
		}
	}
	return nil
}

// move writes the new version into the needs of layers, as a build would.
func (e *exchange) move(to runtimes.Runtime) error {
	for _, b := range e.buildpacks {
		for layer, about := range b.Layers {
			said := about.said().Needs
			ofIt := func(n runtimes.Need) bool { return n.ID == to.ID }
			if !slices.ContainsFunc(said, ofIt) {
				continue
			}
			fields := json.NewDecoder(bytes.NewReader(about.Data))
			fields.UseNumber()
			var data map[string]any
			if err := fields.Decode(&data); err != nil {
				return fmt.Errorf("reading the metadata of layer %s: %w", layer, err)
			}
			needs, _ := data["needs"].([]any)
			for i, need := range said {
				var written map[string]any
				if i < len(needs) {
					written, _ = needs[i].(map[string]any)
				}
				switch {
				case !ofIt(need):
				case written["id"] == to.ID:
					written["version"] = to.Version
				default:
					return e.app.unreadable(fmt.Errorf("what layer %q needs is not in the form that a buildpack of this suite writes", layer))
				}
			}
			var err error
			if about.Data, err = json.Marshal(data); err != nil {
				return fmt.Errorf("writing the metadata of layer %s: %w", layer, err)
			}
			b.Layers[layer] = about
		}
	}
	return nil
}

// describe puts the bills of materials into the layer that has them all.
func (e *exchange) describe() error {
	e.sbom = e.app.metadata.SBOM
	var at struct{ SHA string }
	if len(e.sbom) > 0 {
		if err := json.Unmarshal(e.sbom, &at); err != nil {
			return fmt.Errorf("reading the label of %s: %w", e.app.name, err)
		}
	}
	if at.SHA == "" && len(e.bills) == 0 {
		return nil
	}
	old, err := e.app.layer(at.SHA)
	if err != nil {
		return err
	}
	layer, err := withBills(old, e.bills)
	if err != nil {
		return fault.Fault{
			ID: "rebase-runtime-bills", Do: "rebuild it with `strata build`", Err: err,
			What: e.app.name + " has bills of materials in which those of its runtime cannot be exchanged",
		}
	}
	diffID, err := layer.DiffID()
	if err != nil {
		return fmt.Errorf("writing bills of materials: %w", err)
	}
	e.layers[at.SHA] = layer
	e.sbom, err = json.Marshal(map[string]string{"sha": diffID.String()})
	return err
}

// layer returns a layer of the app by the digest of its content.
func (a *App) layer(diffID string) (v1.Layer, error) {
	layers, err := a.image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", a.name, err)
	}
	for i, have := range a.config.RootFS.DiffIDs {
		if i < len(layers) && have.String() == diffID {
			return layers[i], nil
		}
	}
	return nil, a.without(diffID)
}

// without is the fault of an app whose label names a layer that it does not have.
func (a *App) without(diffID string) error {
	return fault.Fault{
		ID: "rebase-runtime-layer", Do: "rebuild it with `strata build`",
		What: fmt.Sprintf("%s has no layer %q, which its label %s names", a.name, diffID, metadataLabel),
	}
}

// image puts the new layers in the places of the old ones. Nothing else changes but the label.
func (e *exchange) image() (v1.Image, error) {
	a := e.app
	cut, err := a.cut()
	if err != nil {
		return nil, err
	}
	manifest, err := a.image.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", a.name, err)
	}
	adds, err := addenda(a.image, a.config, 0)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", a.name, err)
	}
	config := a.config.DeepCopy()
	if len(adds) != len(config.RootFS.DiffIDs) {
		return nil, a.unreadable(fmt.Errorf("the image has %d layers, and its configuration %d", len(adds), len(config.RootFS.DiffIDs)))
	}
	left := maps.Clone(e.layers)
	for i := cut; i < len(adds); i++ {
		was := config.RootFS.DiffIDs[i].String()
		layer, found := left[was]
		if !found {
			continue
		}
		delete(left, was)
		adds[i].Layer, adds[i].MediaType = layer, types.DockerLayer
		if manifest.MediaType == types.OCIManifestSchema1 {
			adds[i].MediaType = types.OCILayer
		}
		if config.RootFS.DiffIDs[i], err = layer.DiffID(); err != nil {
			return nil, fmt.Errorf("reading a new layer of %s: %w", a.name, err)
		}
	}
	for _, missing := range slices.Sorted(maps.Keys(left)) {
		return nil, a.without(missing)
	}
	changed := a.metadata
	changed.SBOM = e.sbom
	if changed.Buildpacks, err = json.Marshal(e.buildpacks); err != nil {
		return nil, fmt.Errorf("writing the metadata of %s: %w", a.name, err)
	}
	label, err := json.Marshal(changed)
	if err != nil {
		return nil, fmt.Errorf("writing the metadata of %s: %w", a.name, err)
	}
	config.Config.Labels[metadataLabel] = string(label)
	return assemble(a.name, manifest, adds, config)
}
