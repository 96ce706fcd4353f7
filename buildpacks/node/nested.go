package node

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// leaveNested removes the packages that scripts installed inside the app for a package that makes files for a browser: nothing loads
// them when the app runs. Those of any other package are left: the app may load that package.
func (b *Builder) leaveNested() error {
	p := b.plan.Project
	err := filepath.WalkDir(b.AppDir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || entry.Name() != project.ModulesDir {
			return err
		}
		folder, err := filepath.Rel(p.Root, filepath.Dir(file))
		if err != nil {
			return err
		}
		if slices.Contains(p.Folders(), filepath.ToSlash(filepath.Join(folder, project.ModulesDir))) {
			return fs.SkipDir
		}
		if m, err := p.ReadManifest(folder); err == nil && makesSite(m) {
			b.Log.Bullet("%s is left out: its package makes files for a browser", filepath.Join(folder, project.ModulesDir))
			if err := os.RemoveAll(file); err != nil {
				return err
			}
		}
		return fs.SkipDir
	})
	if err != nil {
		return fmt.Errorf("leaving out packages of a front end: %w", err)
	}
	return nil
}

// makesSite reports whether a package is made to files for a browser and has no server.
func makesSite(m project.Manifest) bool {
	runs := func(name string) bool { return m.Has(name) && !m.OnlyDev(name) }
	return framework.Made(m.Has, framework.Site) != "" && framework.Made(m.Has, framework.Server)+framework.Made(runs, framework.Library) == ""
}
