package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

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

// setting matches a line of .yarnrc, or of .npmrc, that is no comment: a name, which may be an option of a command, and a value, each in
// quotes or not.
var setting = regexp.MustCompile(`^\s*"?(?:--(?:[\w*]+\.)?)?([^\s=:;#"]+)"?(?:\s*=\s*|:?\s+)(?:"([^"]*)"|'([^']*)'|([^"'].*?))\s*$`)

// Setting returns the value of a setting of Yarn 1 in a file, and whether the file has it. The last one counts.
func Setting(data []byte, name string) (value string, found bool) {
	for line := range strings.Lines(string(data)) {
		if parts := setting.FindStringSubmatch(line); parts != nil && parts[1] == name {
			value, found = parts[2]+parts[3]+parts[4], true
		}
	}
	return value, found
}

// Offline returns the folder that .yarnrc names.
func (y yarn) Offline() (string, config.Environment, error) {
	settings, err := tree.ReadFile(filepath.Join(y.in.Root, ".yarnrc"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("reading .yarnrc: %w", err)
	}
	folder, found := Setting(settings, "yarn-offline-mirror")
	if !found || !filepath.IsLocal(folder) {
		return "", nil, nil
	}
	folder = filepath.Clean(folder)
	return folder, config.Environment{"YARN_YARN_OFFLINE_MIRROR": filepath.Join(y.in.Root, folder)}, nil
}

var yarnPackages = packages{
	name: regexp.MustCompile(`(?m)^"?((?:@[^/\s"]+/)?[^@\s"#]+@[^,"\n]+)"?.*:\n  version `),
	hash: regexp.MustCompile(`(?m)^(?:  integrity |  resolved "[^"]+#[0-9a-f]{40}"|\S.*@(?:file|link):)`), // those are of the app
}

// Lock finds packages without a hash.
func (y yarn) Lock() (Lock, error) { return y.unhashed(yarnPackages) }
