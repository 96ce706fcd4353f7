// Package node is the buildpack strata/node: it puts Node.js, an app's npm packages and the app itself into layers of
// their own, and starts the app with neither a package manager nor a shell. What it needs to make an app of any kind, a
// front end too, is exported: a plan, and a builder that does what the plan says.
package node

import "github.com/strata-buildpacks/strata/buildpacks/kit/bp"

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/node", Detect: Detect, Build: Build, Install: Install, Runtime: Runtime, Cross: true}
}

// launchSettings are the variables of buildpack.toml that are about the app as it runs.
type launchSettings struct {
	LeaveOut []string `config:"BP_NODE_LEAVE_OUT,list"`
	Reload   bool     `config:"BP_LIVE_RELOAD_ENABLED"`
	Debug    bool     `config:"BP_DEBUG_ENABLED"`
}

// settings are the variables of buildpack.toml that are about the build.
type settings struct {
	Version     string   `config:"BP_NODE_VERSION"`
	ProjectPath string   `config:"BP_NODE_PROJECT_PATH"`
	RunScripts  []string `config:"BP_NODE_RUN_SCRIPTS,names"`
	Hooks       bool     `config:"BP_NODE_INSTALL_SCRIPTS_ENABLED"`
	Unverified  bool     `config:"BP_NODE_UNVERIFIED_ENABLED"`
	Vendored    bool     `config:"BP_NODE_VENDORED_ENABLED"`
	Registry    string   `config:"NPM_CONFIG_REGISTRY"`
}
