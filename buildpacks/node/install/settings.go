package install

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
)

// settingFiles are files with settings of package managers, which may hold credentials. Nothing reads them when the app runs.
var settingFiles = []string{".npmrc", ".yarnrc", ".yarnrc.yml"}

// bunSettings is a file with settings that Bun reads when it runs an app, too.
const bunSettings = "bunfig.toml"

// settingVariables are how the variables begin that package managers read.
var settingVariables = []string{"NPM_", "npm_config_", "pnpm_config_", "YARN_", "BUN_"}

func isSetting(variable string) bool {
	return slices.ContainsFunc(settingVariables, func(start string) bool { return strings.HasPrefix(variable, start) })
}

// Settings are the absolute paths of files with settings that bindings hold, by the names that they have in HOME.
type Settings map[string]string

// bindings are their types and the keys that hold the settings of a user.
var bindings = map[string][]string{"npmrc": {".npmrc"}, "yarnrc": {".yarnrc", ".yarnrc.yml"}}

// ReadBindings returns the settings of the bindings. A binding without any is a fault.
func ReadBindings(in bp.Workspace) (Settings, error) {
	bound := Settings{}
	for _, kind := range slices.Sorted(maps.Keys(bindings)) {
		binding, found, err := in.Binding(kind)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		before := len(bound)
		for _, name := range bindings[kind] {
			file := filepath.Join(binding.Path, name)
			if _, err := os.Stat(file); err == nil {
				bound[name] = file
			}
		}
		if len(bound) == before {
			names := strings.Join(bindings[kind], " and no ")
			return nil, fault.Fault{
				ID: "node-binding", What: fmt.Sprintf("binding %s of type %s has no file %s", binding.Name, kind, names),
				Do: "put the settings into a file of that name",
			}
		}
	}
	return bound, nil
}

// bunSecret matches a secret in bunfig.toml that is not the name of a variable.
var bunSecret = regexp.MustCompile(`(?:token|password)\s*=\s*["'][^"'$]`)

// RemoveSettings removes from the app what is for package managers alone, wherever it is. It reports whether a secret stays: Bun
// reads bunfig.toml when the app runs.
func RemoveSettings(m manager.Chosen) (secret bool, err error) {
	root := m.Project.Root
	var leaves []string
	for _, name := range m.Tool().Leaves {
		leaves = append(leaves, filepath.Join(root, name))
	}
	err = filepath.WalkDir(m.Project.App, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !slices.Contains(settingFiles, entry.Name()) && !slices.Contains(leaves, file) {
			return err
		}
		if err := os.RemoveAll(file); err != nil || !entry.IsDir() {
			return err
		}
		return fs.SkipDir
	})
	if err != nil {
		return false, fmt.Errorf("leaving out settings of package managers: %w", err)
	}
	data, err := tree.ReadFile(filepath.Join(root, bunSettings))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("reading %s: %w", bunSettings, err)
	}
	return bunSecret.Match(data), nil
}
