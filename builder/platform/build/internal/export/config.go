package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
)

// execEnv is the environment for which images are built (platform.md, CNB_EXEC_ENV): the only one that there is.
const execEnv = "production"

// configuration returns the configuration of the run image with what makes it the app's.
func (e *exporter) configuration() (*v1.ConfigFile, error) {
	base, err := e.Run.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the run image: %w", err)
	}
	config := base.DeepCopy()
	below := len(config.RootFS.DiffIDs)
	if below == 0 {
		return nil, errors.New("the run image has no layers")
	}
	e.label.RunImage.TopLayer = config.RootFS.DiffIDs[below-1].String()
	e.label.RunImage.Reference, e.label.RunImage.RunImage = e.RunReference, e.RunNames
	e.label.Stack = &cnb.Stack{RunImage: e.RunNames}

	history := history(config.History, below)
	for _, one := range e.layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, one.diffID)
		history = append(history, v1.History{CreatedBy: one.createdBy})
	}
	for i := range history {
		history[i].Created = v1.Time{Time: clock}
	}
	config.History, config.Created, config.Container = history, v1.Time{Time: clock}, ""
	if err := e.setLabels(&config.Config); err != nil {
		return nil, err
	}
	e.setEnv(&config.Config)
	config.Config.WorkingDir, config.Config.Cmd = appName, nil
	config.Config.Entrypoint = []string{launcherName}
	if e.said.Default != "" {
		config.Config.Entrypoint = []string{path.Join(processName, e.said.Default)}
	}
	return config, nil
}

// history returns the history of a run image, one entry for each layer: empty ones if it does not fit.
func history(all []v1.History, layers int) []v1.History {
	var of []v1.History
	for _, one := range all {
		if !one.EmptyLayer {
			of = append(of, one)
		}
	}
	if len(of) != layers {
		return make([]v1.History, layers)
	}
	return of
}

func (e *exporter) setLabels(config *v1.Config) error {
	if config.Labels == nil {
		config.Labels = map[string]string{}
	}
	label, err := json.Marshal(e.label)
	if err != nil {
		return fmt.Errorf("writing the label %s: %w", cnb.LifecycleLabel, err)
	}
	config.Labels[cnb.LifecycleLabel] = string(label)
	e.said.Launcher.Version = e.Version
	e.said.Launcher.Source.Git.Repository = lifecycleRepository
	if config.Labels[cnb.BuildLabel], err = e.said.Label(); err != nil {
		return fmt.Errorf("writing the label %s: %w", cnb.BuildLabel, err)
	}
	config.Labels[cnb.ProjectLabel] = "{}"
	for _, one := range e.said.Labels {
		config.Labels[one.Key] = one.Value
	}
	config.Labels[cnb.ExecEnvLabel] = execEnv
	return nil
}

// lifecycleRepository is where the lifecycle says that it comes from.
const lifecycleRepository = "github.com/buildpacks/lifecycle"

// setEnv sets the variables by which the launcher finds what it starts (platform.md, "Launch").
func (e *exporter) setEnv(config *v1.Config) {
	programs := ""
	for _, pair := range config.Env {
		if name, value, _ := strings.Cut(pair, "="); name == "PATH" && !strings.Contains(value, "=") {
			programs = value
		}
	}
	for _, pair := range [][2]string{
		{"CNB_LAYERS_DIR", layersName}, {"CNB_APP_DIR", appName}, {"CNB_PLATFORM_API", e.API}, {"CNB_DEPRECATION_MODE", "quiet"},
		{"PATH", strings.Join([]string{processName, path.Dir(launcherName), programs}, ":")},
	} {
		set(config, pair[0], pair[1])
	}
}

func set(config *v1.Config, name, value string) {
	for i, pair := range config.Env {
		if has, _, _ := strings.Cut(pair, "="); has == name {
			config.Env[i] = name + "=" + value
			return
		}
	}
	config.Env = append(config.Env, name+"="+value)
}

// describe returns the manifest of the image with a configuration: that of the run image with the layers of the app.
func (e *exporter) describe(config v1.Hash, size int64) ([]byte, error) {
	base, err := e.Run.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the run image: %w", err)
	}
	manifest := base.DeepCopy()
	manifest.MediaType = types.OCIManifestSchema1
	manifest.Config.MediaType, manifest.Config.Digest, manifest.Config.Size = types.OCIConfigJSON, config, size
	for _, one := range e.layers {
		manifest.Layers = append(manifest.Layers, v1.Descriptor{MediaType: types.OCILayer, Digest: one.blob.Digest, Size: one.blob.Size})
	}
	for i := range manifest.Layers {
		if manifest.Layers[i].MediaType == types.DockerLayer {
			manifest.Layers[i].MediaType = types.OCILayer
		}
	}
	content, err := json.Marshal(manifest)
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return content, nil
}
