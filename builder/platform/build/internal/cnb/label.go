// Package cnb has the files and labels in which a platform and the lifecycle keep what they know of a build (buildpacks/spec,
// platform.md, "Data Format"; buildpack.md, "Data Format").
package cnb

import (
	"encoding/json"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The labels of an app image (platform.md, "Labels").
const (
	LifecycleLabel = "io.buildpacks.lifecycle.metadata"
	BuildLabel     = "io.buildpacks.build.metadata"
	ProjectLabel   = "io.buildpacks.project.metadata"
	ExecEnvLabel   = "io.buildpacks.exec-env"
	labelPrefix    = "io.buildpacks."
)

// Reserved reports whether a label belongs to the platform. No buildpack may set it.
func Reserved(label string) bool { return strings.HasPrefix(label, labelPrefix) }

// Member is a buildpack of the group that builds an app (platform.md, "group.toml").
type Member struct {
	ID       string `toml:"id" json:"id"`
	Version  string `toml:"version" json:"version"`
	API      string `toml:"api" json:"-"`
	Homepage string `toml:"homepage" json:"homepage,omitempty"`
}

// Folder returns the name of the buildpack's folder in the folder of layers.
func (m Member) Folder() string { return strings.ReplaceAll(m.ID, "/", "_") }

// Layers is the content of LifecycleLabel: the digests of an image's layers, uncompressed, and what the buildpacks say of
// them. The next build of the app reuses layers by it, and a rebase finds the run image.
type Layers struct {
	App          []SHA       `json:"app"`
	SBOM         *SHA        `json:"sbom,omitempty"`
	Buildpacks   []Buildpack `json:"buildpacks"`
	Config       SHA         `json:"config"`
	Launcher     SHA         `json:"launcher"`
	ProcessTypes SHA         `json:"process-types"`
	RunImage     struct {
		TopLayer  string `json:"topLayer"`
		Reference string `json:"reference"`
		RunImage
	} `json:"runImage"`
	Stack *Stack `json:"stack,omitempty"`
}

// SHA is the digest of a layer, uncompressed, as ALGORITHM:HEX.
type SHA struct {
	SHA string `json:"sha"`
}

// RunImage is an image by the names under which a rebase looks for newer ones.
type RunImage struct {
	Image   string   `json:"image,omitempty" toml:"image"`
	Mirrors []string `json:"mirrors,omitempty" toml:"mirrors"`
}

// Stack says again what the run image is, for platforms before Platform API 0.12.
type Stack struct {
	RunImage RunImage `json:"runImage"`
}

// Buildpack is what a buildpack has made.
type Buildpack struct {
	ID      string           `json:"key"`
	Version string           `json:"version"`
	Layers  map[string]Layer `json:"layers"`
	Store   *Store           `json:"store,omitempty"`
}

// Store is what a buildpack keeps from one build of an app to the next (buildpack.md, "store.toml").
type Store struct {
	Data map[string]any `json:"metadata" toml:"metadata"`
}

// Layer is one layer of a buildpack.
type Layer struct {
	SHA string `json:"sha"` // of its content, uncompressed
	Types
}

// Of returns what a buildpack of an id has made: nothing, if it took no part.
func (l Layers) Of(id string) Buildpack { return of(l.Buildpacks, id) }

func of(buildpacks []Buildpack, id string) Buildpack {
	for _, one := range buildpacks {
		if one.ID == id {
			return one
		}
	}
	return Buildpack{}
}

// Cached says which layers the cache of an app has.
type Cached struct {
	SBOM       SHA         `json:"sbom"`
	Buildpacks []Buildpack `json:"buildpacks"`
}

// Of returns the layers of a buildpack that are in the cache.
func (c Cached) Of(id string) Buildpack { return of(c.Buildpacks, id) }

// LayersOf reads LifecycleLabel of an image. It is empty without the label, and if the label says nothing that can be read:
// the lifecycle, too, takes such an image for one without layers to reuse.
func LayersOf(image v1.Image) (Layers, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return Layers{}, fmt.Errorf("reading an image's labels: %w", err)
	}
	var layers Layers
	if json.Unmarshal([]byte(config.Config.Labels[LifecycleLabel]), &layers) != nil {
		return Layers{}, nil
	}
	return layers, nil
}
