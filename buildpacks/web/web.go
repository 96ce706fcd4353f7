// Package web is the buildpack strata/web. Its image serves a folder of files over HTTP, and holds these files and a server
// and nothing else.
package web

import (
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// site is the name in the build plan of the files that a buildpack before this one makes.
const site = "site"

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/web", Detect: detect, Build: build}
}

// settings are the variables of buildpack.toml.
type settings struct {
	Root       string `config:"BP_WEB_SERVER_ROOT"`
	SinglePage bool   `config:"BP_WEB_SERVER_ENABLE_PUSH_STATE"`
	Project    string `config:"BP_NODE_PROJECT_PATH"`
}

// built reports whether another buildpack makes the site: the one that reads package.json.
func (s settings) built(app string) bool {
	return isFile(filepath.Join(app, "package.json")) || s.Project != "" && isFile(filepath.Join(app, s.Project, "package.json"))
}

// check refuses a root outside of the app.
func (s settings) check() error {
	if s.Root != "" && !filepath.IsLocal(s.Root) {
		return fault.Fault{
			ID:   "web-root",
			What: "BP_WEB_SERVER_ROOT is " + s.Root + ", which is outside of the app",
			Do:   "name a folder of the app",
		}
	}
	return nil
}
