package layout

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// FillTraced makes the layer of the files of packages that a standalone server loads. The app is that server by now, and has them in
// its folders of packages. With again, they are laid out in another way than they were installed.
func (l Trees) FillTraced(ctx context.Context, layer string, again bool) (*sbom.Document, error) {
	for _, folder := range l.Project.Folders() { // the app has a link to each
		if err := os.MkdirAll(filepath.Join(layer, folder), 0o755); err != nil {
			return nil, fmt.Errorf("making the layer of packages: %w", err)
		}
	}
	if err := Take(l.Project, layer); err != nil {
		return nil, err
	}
	if err := LinkMembers(l.Project, layer, l.Project.Root); err != nil {
		return nil, err
	}
	install, err := l.Packages.All(ctx)
	if err != nil {
		return nil, err
	}
	g := graph{paths: paths{root: install, app: l.Project.Root, seeds: true}, arch: l.Arch, everything: true}
	if again {
		g.root, g.seeds = layer, false
	}
	if err := g.grow(l.Project.From()); err != nil {
		return nil, err
	}
	absent := func(at string) bool {
		if ours(at) {
			return false
		}
		_, err := os.Stat(filepath.Join(layer, filepath.FromSlash(at)))
		return err != nil
	}
	maps.DeleteFunc(g.packages, func(at string, _ *installed) bool { return absent(at) })
	for _, p := range g.packages {
		p.needs = slices.DeleteFunc(p.needs, absent)
	}
	return g.bill(subject(l.Project)), nil
}
