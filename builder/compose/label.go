package compose

import (
	"encoding/json"
	"fmt"
	"maps"
)

// metadata is the label io.buildpacks.builder.metadata, field by field what
// pack v0.40 writes.
type metadata struct {
	Description string            `json:"description"`
	Buildpacks  []info            `json:"buildpacks"`
	Extensions  []info            `json:"extensions"`
	Stack       stack             `json:"stack"`
	Lifecycle   lifecycleLabel    `json:"lifecycle"`
	CreatedBy   map[string]string `json:"createdBy"`
	Images      []RunImage        `json:"images"`
}

// stack is the run image in the shape that came before a list of them. Its
// label stays empty, as pack's does when builder.toml names no stack id; the
// file /cnb/stack.toml does not.
type stack struct {
	RunImage RunImage `json:"runImage" toml:"run-image"`
}

type lifecycleLabel struct {
	Version string      `json:"version"`
	API     apiVersions `json:"api"`
	APIs    apis        `json:"apis"`
}

// provided is one buildpack in the label io.buildpacks.buildpack.layers.
type provided struct {
	API         string     `json:"api"`
	Stacks      []stackRef `json:"stacks,omitempty"`
	Targets     []Target   `json:"targets,omitempty"`
	Order       []Group    `json:"order,omitempty"`
	LayerDiffID string     `json:"layerDiffID"`
	Homepage    string     `json:"homepage,omitempty"`
	Name        string     `json:"name,omitempty"`
}

// provided describes a buildpack and its layer.
func (b buildpack) provided(content blob) provided {
	return provided{
		API: b.API, Stacks: b.Stacks, Targets: b.Targets, Order: b.Order, LayerDiffID: content.diffID.String(),
		Homepage: b.Info.Homepage, Name: b.Info.Name,
	}
}

// labels adds the builder's to those of the build image.
func (b *Builder) labels(old map[string]string, layers map[string]map[string]provided) (map[string]string, error) {
	var infos []info
	for _, bp := range b.buildpacks {
		infos = append(infos, bp.Info)
	}
	lc := b.lifecycle
	labels := maps.Clone(old)
	if labels == nil {
		labels = map[string]string{}
	}
	values := map[string]any{
		"io.buildpacks.builder.metadata": metadata{
			Description: b.Config.Description,
			Buildpacks:  infos,
			Lifecycle:   lifecycleLabel{Version: lc.Lifecycle.Version, API: lc.API, APIs: lc.APIs},
			CreatedBy:   map[string]string{"name": "Strata CLI", "version": ""},
			Images:      b.Config.Run.Images,
		},
		"io.buildpacks.buildpack.layers":           layers,
		"io.buildpacks.buildpack.order":            b.Config.Order,
		"io.buildpacks.buildpack.order-extensions": []Group(nil),
		"io.buildpacks.extension.layers":           struct{}{},
		"io.buildpacks.lifecycle.apis":             lc.APIs,
	}
	if _, ok := labels["io.buildpacks.stack.mixins"]; !ok {
		values["io.buildpacks.stack.mixins"] = []string(nil)
	}
	for name, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("internal error: writing label %s: %w", name, err)
		}
		labels[name] = string(text)
	}
	labels["io.buildpacks.lifecycle.version"] = lc.Lifecycle.Version
	return labels, nil
}
