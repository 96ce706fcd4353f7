package assemble

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/stacks/internal/layer"
)

const (
	maintainer = "Strata"
	homepage   = "https://github.com/strata-buildpacks/strata"
)

// image puts the layers together. The history has one entry per layer and no other, on which a rebase relies.
func (a *assembled) image() (Image, error) {
	out := Image{Name: a.stack.Name, Ref: a.stack.Image}
	if len(a.layers) == 0 {
		return out, errors.New("internal error: a stack without layers")
	}
	var parts []mutate.Addendum
	for _, l := range a.layers {
		by := "strata: " + l.stack + "/" + l.name
		parts = append(parts, mutate.Addendum{
			Layer: l.Layer, MediaType: types.OCILayer,
			History: v1.History{Created: v1.Time{Time: layer.Epoch}, CreatedBy: by, Comment: l.comment},
		})
		digest, err := l.Digest()
		if err != nil {
			return out, err
		}
		size, err := l.Size()
		if err != nil {
			return out, err
		}
		out.Layers = append(out.Layers, LayerInfo{
			Name: l.stack + "/" + l.name, Comment: l.comment, Digest: digest, Size: size, UncompressedSize: l.UncompressedSize(), Drift: l.drift,
		})
		out.Drift = append(out.Drift, l.drift...)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.Append(img, parts...)
	if err != nil {
		return out, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return out, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", a.arch, v1.Time{Time: layer.Epoch}
	config.Config = v1.Config{User: a.stack.User, WorkingDir: a.stack.WorkDir, Env: a.env(), Labels: a.labels()}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return out, err
	}
	annotations := a.annotations()
	if len(out.Drift) > 0 {
		annotations["io.strata.drift"] = drifted(out.Drift)
	}
	out.Image = mutate.Annotations(img, annotations).(v1.Image)
	out.SBOM, err = a.sbom(out.Image)
	return out, err
}

// drifted lists packages as "name locked -> used, …".
func drifted(drift []Drift) string {
	var parts []string
	for _, d := range drift {
		parts = append(parts, d.Package+" "+d.Locked+" -> "+d.Used)
	}
	return strings.Join(parts, ", ")
}

// env returns the environment, sorted by name.
func (a *assembled) env() []string {
	vars := map[string]string{}
	maps.Copy(vars, a.stack.Env)
	if a.stack.Distro == "" && a.stack.ID != "" {
		vars["CNB_STACK_ID"] = a.stack.ID
	}
	var env []string
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		env = append(env, k+"="+vars[k])
	}
	return env
}

// released returns the date of the packages, not of the build: the same packages give the same image.
func (a *assembled) released() string { return a.lock.Date.UTC().Format(time.RFC3339) }

// labels returns the labels of the platform specification, sections "Run Image", "Build Image" and "Target Data".
func (a *assembled) labels() map[string]string {
	s := a.stack
	labels := map[string]string{
		"io.buildpacks.base.maintainer":  maintainer,
		"io.buildpacks.base.homepage":    homepage,
		"io.buildpacks.base.description": s.Description,
		"io.buildpacks.base.released":    a.released(),
		"io.buildpacks.base.id":          "io.strata.base." + s.Name,
	}
	if s.Distro != "" {
		labels["io.buildpacks.base.distro.name"] = s.Distro
		labels["io.buildpacks.base.distro.version"] = s.Version
		labels["io.buildpacks.rebasable"] = "true"
	}
	if s.ID != "" {
		labels["io.buildpacks.stack.id"] = s.ID
	}
	return labels
}

func (a *assembled) annotations() map[string]string {
	title, version, _ := strings.Cut(a.stack.Image, ":")
	return map[string]string{
		"org.opencontainers.image.title":       title,
		"org.opencontainers.image.version":     version,
		"org.opencontainers.image.description": a.stack.Description,
		"org.opencontainers.image.source":      homepage,
		"org.opencontainers.image.created":     a.released(),
	}
}
