package build

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/builder/platform/build/internal/restore"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// target is the app's image on one run image.
type target struct {
	app, run  name.Reference
	runImage  v1.Image
	runDigest v1.Hash
}

// newTarget finds the run image of an architecture, which has to be whole.
func newTarget(s *store.Store, app name.Reference, runImage, arch string) (target, error) {
	t := target{app: app}
	var err error
	if t.runImage, err = s.Find(runImage, s.BuildStack(runImage)); err != nil {
		return t, err
	}
	if err := s.Blobs().CheckAll(t.runImage); err != nil {
		return t, s.Explain(runImage, s.BuildStack(runImage), err)
	}
	if err := checkPlatform(runImage, t.runImage, arch, s.BuildStack(runImage)); err != nil {
		return t, err
	}
	if err := store.CheckBase(runImage, t.runImage); err != nil {
		return t, err
	}
	if t.runDigest, err = t.runImage.Digest(); err != nil {
		return t, fmt.Errorf("reading %s: %w", runImage, err)
	}
	t.run, err = imagename.Parse(runImage)
	return t, err
}

// checkPlatform returns a fault if a run image is not for an architecture.
func checkPlatform(name string, image v1.Image, arch, remedy string) error {
	config, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if config.OS == "linux" && config.Architecture == arch {
		return nil
	}
	if store.Stack(name) == "" {
		remedy = fmt.Sprintf("take a run image for linux/%s, or add --platform %s/%s", arch, config.OS, config.Architecture)
	}
	return fault.Fault{
		ID: "run-image-arch", What: fmt.Sprintf("run image %s is for %s, and the app is built for linux/%s", name, config.Platform(), arch),
		Do: remedy,
	}
}

// reference returns the run image's name with its digest.
func (t target) reference() string { return t.run.Context().Name() + "@" + t.runDigest.String() }

// analyzed returns what detection has to know of the run image (platform.md, "analyzed.toml").
func (t target) analyzed() ([]byte, error) {
	config, err := t.runImage.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", t.run, err)
	}
	type distribution struct {
		Name    string `toml:"name"`
		Version string `toml:"version"`
	}
	type runTarget struct {
		ID      string        `toml:"id,omitempty"`
		OS      string        `toml:"os"`
		Arch    string        `toml:"arch"`
		Variant string        `toml:"arch-variant,omitempty"`
		Distro  *distribution `toml:"distro,omitempty"`
	}
	type runImage struct {
		Reference string    `toml:"reference"`
		Image     string    `toml:"image"`
		Target    runTarget `toml:"target"`
	}
	labels := config.Config.Labels
	on := runTarget{ID: labels["io.buildpacks.base.id"], OS: config.OS, Arch: config.Architecture, Variant: config.Variant}
	if d := (distribution{labels["io.buildpacks.base.distro.name"], labels["io.buildpacks.base.distro.version"]}); d != (distribution{}) {
		on.Distro = &d
	}
	var content bytes.Buffer
	err = toml.NewEncoder(&content).Encode(map[string]runImage{"run-image": {t.reference(), t.run.Name(), on}})
	return content.Bytes(), err
}

// analyze writes what the phases have to know of a run image.
func (b *build) analyze(runImage string) (target, error) {
	var t target
	err := b.lifecycle.timed("analyze", func() (err error) {
		if t, err = newTarget(b.store, b.image, runImage, b.arch); err != nil {
			return err
		}
		content, err := t.analyzed()
		if err != nil {
			return err
		}
		return os.WriteFile(b.lifecycle.folders.path(analyzedFile), content, 0o644)
	})
	return t, err
}

// earlier returns what the app's earlier build left.
func (b *build) earlier() (restore.Earlier, error) {
	e := restore.Earlier{Cache: cnb.Cache(filepath.Join(b.lifecycle.folders.caches, "layers"))}
	if err := os.MkdirAll(string(e.Cache), 0o755); err != nil {
		return e, fmt.Errorf("making the cache of layers: %w", err)
	}
	if b.previous == nil || b.ClearCache { // the metadata of its layers are of earlier builds, too
		return e, nil
	}
	var err error
	e.Image = b.previous
	e.Known, err = cnb.LayersOf(b.previous)
	return e, err
}
