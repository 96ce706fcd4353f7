package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Trees is the layout in folders node_modules: of the root and of each workspace.
type Trees struct {
	Project  project.Project
	Packages Packages
	Arch     string   // as Node.js calls it
	Runtime  string   // path of the program of Node.js or Bun in the image
	LeaveOut []string // Kinds of files of packages that are left out
	Log      *report.Log
}

// Lend copies all packages into the app. They are copied and not linked to: bundlers follow a link, and take packages that are
// elsewhere for files outside the app.
func (l Trees) Lend(ctx context.Context) error {
	install, err := l.Packages.All(ctx)
	if err != nil {
		return err
	}
	for _, folder := range l.Project.Folders() {
		from, to := filepath.Join(install, folder), filepath.Join(l.Project.Root, folder)
		err := os.RemoveAll(to)
		if _, statErr := os.Stat(from); err == nil && statErr == nil {
			err = tree.Copy(from, to)
		}
		if err != nil {
			return fmt.Errorf("giving the build scripts the packages: %w", err)
		}
	}
	return nil
}

// Keep copies files that are new or changed, and leaves whiteouts for those that are gone.
func (l Trees) Keep(ctx context.Context, changes string) error {
	install, err := l.Packages.All(ctx)
	if err != nil {
		return err
	}
	for _, folder := range l.Project.Folders() {
		if err := keepChanges(changes, install, l.Project.Root, folder); err != nil {
			return fmt.Errorf("keeping what scripts changed in the packages: %w", err)
		}
	}
	return nil
}

// Fill copies what the app needs when it runs. The layer has a folder for the root and for each workspace, even an empty one: the app
// has a link to each.
func (l Trees) Fill(ctx context.Context, layer, changes string) (*sbom.Document, error) {
	g, err := l.production(ctx)
	if err != nil {
		return nil, err
	}
	c := copier{graph: g, slim: newSlim(g, l.LeaveOut), runtime: l.Runtime}
	for _, folder := range l.Project.Folders() {
		err := os.MkdirAll(filepath.Join(layer, folder), 0o755)
		if err == nil {
			err = c.copy(layer, folder)
		}
		if err != nil {
			return nil, fmt.Errorf("making the layer of packages: %w", err)
		}
	}
	if len(c.slim.bytes) > 0 {
		l.Log.Bullet("Packages: what no program loads is left out: %s", c.slim)
	}
	if changes == "" {
		return g.bill(subject(l.Project)), nil
	}
	install, err := l.Packages.All(ctx)
	if err != nil {
		return nil, err
	}
	return g.bill(subject(l.Project)), applyChanges(layer, changes, install, g)
}

// Bill returns what Fill would.
func (l Trees) Bill(ctx context.Context) (*sbom.Document, error) {
	g, err := l.production(ctx)
	if err != nil {
		return nil, err
	}
	return g.bill(subject(l.Project)), nil
}

// production reads what the app needs of what is installed.
func (l Trees) production(ctx context.Context) (graph, error) {
	install, err := l.Packages.All(ctx)
	pruned := l.Packages.Production != nil && len(l.Project.Roots) == 0 // the package manager keeps what one package needs
	if err == nil && pruned {
		install, err = l.Packages.Production(ctx, false)
	}
	if err != nil {
		return graph{}, err
	}
	g := graph{paths: paths{root: install, app: l.Project.Root}, arch: l.Arch, everything: pruned}
	starts := []string{l.Project.From()}
	for _, root := range l.Project.Roots {
		if !slices.Contains(l.Project.Members, root) {
			if root, err = g.resolve(l.Project.From(), root); err != nil {
				return graph{}, err
			}
		}
		starts = append(starts, root)
	}
	return g, g.grow(slices.DeleteFunc(starts, func(at string) bool { return at == "" })...)
}

// Link puts links to the layer's folders of packages where Node.js looks for them.
func (l Trees) Link(_ context.Context, layer string) error {
	if err := l.Unlink(); err != nil {
		return err
	}
	for _, folder := range l.Project.Folders() {
		if err := os.Symlink(filepath.Join(layer, folder), filepath.Join(l.Project.Root, folder)); err != nil {
			return fmt.Errorf("linking the packages: %w", err)
		}
	}
	return nil
}

// Unlink removes the folders of packages.
func (l Trees) Unlink() error {
	for _, folder := range l.Project.Folders() {
		if err := os.RemoveAll(filepath.Join(l.Project.Root, folder)); err != nil {
			return fmt.Errorf("taking the packages out of the app: %w", err)
		}
	}
	return nil
}

// Program returns the file below the folder of the package, relative to the project.
func (l Trees) Program(ctx context.Context, _, name string) (found string, dev bool, err error) {
	install, err := l.Packages.All(ctx)
	if err != nil {
		return "", false, err
	}
	from, m := l.Project.From(), l.Project.Manifest
	all := map[string]string{}
	for _, some := range []map[string]string{m.Dev, m.Optional, m.Dependencies} {
		maps.Copy(all, some)
	}
	g := graph{paths: paths{root: install, app: l.Project.Root}}
	for _, dependency := range slices.Sorted(maps.Keys(all)) {
		at, err := g.resolve(from, dependency)
		if err != nil {
			return "", false, err
		}
		if at == "" {
			continue // it is optional, and not for this machine
		}
		p, err := g.read(at)
		if err != nil {
			return "", false, err
		}
		file := p.program(name)
		if file == "" {
			continue
		}
		folder, err := filepath.Rel(from, at)
		if !m.OnlyDev(dependency) || err != nil {
			return path.Join(folder, file), false, err
		}
		found, dev = path.Join(folder, file), true
	}
	return found, dev, nil
}

// Arguments returns none: node_modules is where Node.js looks.
func (l Trees) Arguments() []string { return nil }

// Own returns the folders of packages that an app has itself, relative to its root.
func Own(p project.Project) []string {
	return slices.DeleteFunc(p.Folders(), func(folder string) bool {
		_, err := os.Stat(filepath.Join(p.Root, folder))
		return errors.Is(err, fs.ErrNotExist)
	})
}

// Take copies the folders of packages that an app has itself.
func Take(p project.Project, to string) error {
	for _, folder := range Own(p) {
		if err := tree.Copy(filepath.Join(p.Root, folder), filepath.Join(to, folder)); err != nil {
			return fmt.Errorf("copying %s: %w", folder, err)
		}
	}
	return nil
}
