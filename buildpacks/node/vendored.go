package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// npmCache is the folder of an app that brings npm's cache along, as Paketo's buildpack has it.
const npmCache = "npm-cache"

// offlineMirror matches the line of .yarnrc that names the folder with archives of packages.
var offlineMirror = regexp.MustCompile(`(?m)^"?yarn-offline-mirror"?\s+"?([^"\n]+?)"?\s*$`)

// findVendored looks for what the app brings along of its packages: npm's cache or Yarn 1's archives, and where it is told to take
// it, node_modules. (Yarn from 2 on has its archives in .yarn/cache, which it reads itself.)
func (d *decision) findVendored() error {
	switch d.manager {
	case npm:
		if _, err := os.Stat(filepath.Join(d.Root, npmCache, "_cacache")); err == nil {
			d.offline = npmCache
		}
	case yarn:
		settings, err := os.ReadFile(filepath.Join(d.Root, ".yarnrc"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading .yarnrc: %w", err)
		}
		if found := offlineMirror.FindSubmatch(settings); found != nil && filepath.IsLocal(string(found[1])) {
			d.offline = filepath.Clean(string(found[1]))
		}
	}
	if !d.Vendored {
		return nil
	}
	if d.manager != npm {
		return fault.Fault{ID: "node-vendored", What: "BP_NODE_VENDORED_ENABLED is on, and the app's package manager is " + d.manager.title, Do: "leave it off: it is for apps of npm"}
	}
	if info, err := os.Stat(filepath.Join(d.Root, project.ModulesDir)); err != nil || !info.IsDir() {
		return fault.Fault{ID: "node-vendored", What: "BP_NODE_VENDORED_ENABLED is on, and the app has no folder " + project.ModulesDir, Do: "check that nothing excludes the folder from the app, or leave the variable off"}
	}
	return nil
}

// installVendored installs from what the app brings along and takes that away: the app itself does not need it.
func (b *builder) installVendored(ctx context.Context) error {
	if b.offline == "" && !b.Vendored {
		return nil
	}
	if b.offline != "" { // Yarn wants it to be there
		if err := os.MkdirAll(filepath.Join(b.Root, b.offline), 0o755); err != nil {
			return fmt.Errorf("making %s: %w", b.offline, err)
		}
	}
	if b.HasPackages() {
		if _, err := b.installed(ctx); err != nil {
			return err
		}
	}
	folders := b.Folders()
	if b.offline != "" {
		folders = append(folders, b.offline)
	}
	for _, folder := range folders {
		if err := os.RemoveAll(filepath.Join(b.Root, folder)); err != nil {
			return fmt.Errorf("leaving out %s: %w", folder, err)
		}
	}
	b.offline = ""
	return nil
}

// offlineEnvironment has the package manager take what it can from the app.
func (b *builder) offlineEnvironment() config.Environment {
	dir := filepath.Join(b.Root, b.offline)
	switch {
	case b.offline == "":
		return nil
	case b.manager == npm:
		return config.Environment{"npm_config_cache": dir, "npm_config_prefer_offline": "true"}
	}
	return config.Environment{"YARN_YARN_OFFLINE_MIRROR": dir}
}
