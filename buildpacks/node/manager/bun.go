package manager

import (
	"regexp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

var bunTool = Tool{
	ID: "bun", Name: "bun", Title: "Bun", Update: "bun install", Example: "bun@1.2.20", Program: "bin/bun", Headers: headers,
	lockfiles: []string{"bun.lock", "bun.lockb"}, open: func(a *app) (Manager, error) { return bun{a}, nil },
	packages: func(_, arch string) string { // the build for all processors, so that a build does not depend on the machine's
		return map[string]string{"x64": "@oven/bun-linux-x64-baseline", "arm64": "@oven/bun-linux-aarch64"}[arch]
	},
}

type bun struct{ *app }

func (b bun) at(string) Manager { return b }

// Args returns the arguments of a command.
func (b bun) Args(do Action) []string {
	return b.install(do, []string{"install", "--frozen-lockfile"}, []string{"install"})
}

// Env returns Bun's settings.
func (b bun) Env(cache, registry string) config.Environment {
	env := config.Environment{"BUN_INSTALL_CACHE_DIR": cache, "DO_NOT_TRACK": "1"}
	if registry != "" {
		env["BUN_CONFIG_REGISTRY"] = registry
	}
	return env
}

func (b bun) newest(l Locks) (version.Choice, error) { return newestBun(b.in, l) }

var bunPackages = packages{
	name: regexp.MustCompile(`(?m)^    "[^"]+": \["([^"]+@(?:\d|http|github:|git\+)[^"]*)"`),
	hash: regexp.MustCompile(`"sha\d+-`),
}

// Lock finds packages without a hash.
func (b bun) Lock() (Lock, error) { return b.unhashed(bunPackages) }

// newestBun returns the newest release of Bun that engines.bun allows, the workspace's before the root's.
func newestBun(p project.Project, l Locks) (version.Choice, error) {
	tool := version.Tool{
		Title: bunTool.Title, ID: bunTool.ID, Arch: GoArch(l.Arch), Lock: l.Lock,
		Default: "the newest", Like: "1.2.20, 1 or ^1.2", Read: Semantic,
	}
	return tool.Choose(version.First(
		version.Ask{Text: p.Manifest.Engines["bun"], From: "engines.bun of package.json"},
		version.Ask{Text: p.Base.Engines["bun"], From: "engines.bun of the root's package.json"},
	))
}
