package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

var yarnTool = Tool{
	ID: "yarn", Name: "yarn", Title: "Yarn", Update: "yarn install", Example: "yarn@1.22.22", Headers: headers, Mute: true,
	lockfiles: []string{yarnLockfile}, open: func(a *app) (Manager, error) { return yarn{a}, nil },
}

// yarnLockfile is the lockfile of either Yarn.
const yarnLockfile = "yarn.lock"

// yarn is Yarn 1.
type yarn struct{ *app }

func (y yarn) at(string) Manager { return y }

// Args returns the arguments of a command.
func (y yarn) Args(do Action) []string {
	return y.install(do, []string{"install", "--frozen-lockfile", "--non-interactive"}, []string{"install", "--non-interactive"})
}

// Env returns Yarn's settings.
func (y yarn) Env(cache, registry string) config.Environment {
	env := config.Environment{
		"YARN_CACHE_FOLDER": cache, "YARN_IGNORE_PATH": "1", "YARN_PRODUCTION": "false", "npm_config_production": "false",
	}
	if registry != "" {
		env["YARN_REGISTRY"] = registry
	}
	return env
}

// offlineMirror matches the line of .yarnrc that names the folder with archives of packages.
var offlineMirror = regexp.MustCompile(`(?m)^"?yarn-offline-mirror"?\s+"?([^"\n]+?)"?\s*$`)

// Offline returns the folder that .yarnrc names.
func (y yarn) Offline() (string, config.Environment, error) {
	settings, err := tree.ReadFile(filepath.Join(y.in.Root, ".yarnrc"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("reading .yarnrc: %w", err)
	}
	found := offlineMirror.FindSubmatch(settings)
	if found == nil || !filepath.IsLocal(string(found[1])) {
		return "", nil, nil
	}
	folder := filepath.Clean(string(found[1]))
	return folder, config.Environment{"YARN_YARN_OFFLINE_MIRROR": filepath.Join(y.in.Root, folder)}, nil
}

var yarnPackages = packages{
	name: regexp.MustCompile(`(?m)^"?((?:@[^/\s"]+/)?[^@\s"#]+@[^,"\n]+)"?.*:\n  version `),
	hash: regexp.MustCompile(`(?m)^(?:  integrity |  resolved "[^"]+#[0-9a-f]{40}"|\S.*@(?:file|link):)`), // those are of the app
}

// Lock finds packages without a hash.
func (y yarn) Lock() (Lock, error) { return y.unhashed(yarnPackages) }
