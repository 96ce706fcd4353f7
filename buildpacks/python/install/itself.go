package install

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

const (
	// projectLayer is the layer of an app that is a package itself. The virtual environment names its folder, and does not depend on it.
	projectLayer = "project"
	// compiledProject is as compiledDir for it.
	compiledProject = "compiled-project"
)

// projectKey is everything that the layer of the app itself depends on.
type projectKey struct {
	Packages string `json:"packages"` // digest of the key of the others
	App      string `json:"app"`      // hash of its files
}

// contributeItself makes or keeps the layer of the app itself, if it is a package.
func (i *Installer) contributeItself(ctx context.Context, packages Key) error {
	if i.wanted.Project == "" {
		return nil
	}
	files, err := tree.Hash(i.wanted.Project, func(e tree.Entry) bool { return e.Name() == ".git" || e.Name() == "__pycache__" })
	if err != nil {
		return err
	}
	name, err := digest(packages)
	if err != nil {
		return err
	}
	_, err = i.source.In.Layers.Contribute(ctx, layer.Request{
		Name: projectLayer, Flags: layer.Flags{Launch: true}, Key: projectKey{name, files}, Needs: i.wanted.Needs, Fill: i.fillItself,
	})
	return err
}

// fillItself builds the app from a copy, as builds write beside sources, and installs it.
func (i *Installer) fillItself(ctx context.Context, l *layer.Layer) error {
	uv, err := i.uv(ctx)
	if err != nil {
		return err
	}
	source, prefix := filepath.Join(i.home, projectLayer), filepath.Join(i.home, "prefix")
	if err := tree.Copy(i.wanted.Project, source); err != nil {
		return fmt.Errorf("copying the app: %w", err)
	}
	if err := uv.install(ctx, source, ".\n", []string{"--prefix", prefix, "--no-deps"}); err != nil {
		return err
	}
	site := filepath.Join(prefix, i.site())
	list, err := distributions(site)
	if err != nil {
		return err
	}
	var all []*packaged
	for _, d := range list {
		all = append(all, &packaged{distribution: d, kept: d.files})
	}
	if err := i.compile(ctx, site, projectLayer, compiledProject, all); err != nil {
		return fmt.Errorf("compiling modules: %w", err)
	}
	for _, p := range all {
		err = errors.Join(err, i.copyPackage(site, p, filepath.Join(l.Path, i.site()), false))
	}
	if err != nil {
		return err
	}
	if l.SBOM, err = i.document(site, filepath.Join(l.Path, i.site()), l.Name, all); err != nil {
		return err
	}
	return i.copyPrefix(prefix, l.Path)
}
