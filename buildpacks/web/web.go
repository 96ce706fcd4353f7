// Package web is the buildpack strata/web. Its image serves a folder of files over HTTP, and holds these files and a server
// and nothing else.
package web

import (
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Names in the build plan of what is served: the files that a buildpack before this one makes, and those that the app has, which a
// buildpack before this one knows to be all.
const (
	site  = "site"
	files = "files"
)

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/web", Detect: detect, Build: build, Cross: true}
}

// settings are the variables of buildpack.toml.
type settings struct {
	Root      string `config:"BP_WEB_SERVER_ROOT"`
	PushState string `config:"BP_WEB_SERVER_ENABLE_PUSH_STATE"`
	Project   string `config:"BP_NODE_PROJECT_PATH"`

	pushed *bool // whether paths that are no files are answered with the page at /; nil: the app decides
}

// read returns the settings of a build, and a fault for those that no build can follow.
func read(w bp.Workspace) (settings, error) {
	var s settings
	if err := w.Config.Decode(&s); err != nil {
		return s, err
	}
	if s.Root != "" && !filepath.IsLocal(s.Root) {
		return s, fault.Fault{
			ID:   "web-root",
			What: "BP_WEB_SERVER_ROOT is " + s.Root + ", which is outside of the app",
			Do:   "name a folder of the app",
		}
	}
	if s.PushState == "" || s.PushState == auto {
		return s, nil
	}
	on, err := config.Bool(pushState, s.PushState)
	s.pushed = &on
	return s, err
}

// pushState is the variable that says how paths that are no files are answered. Its value auto, which a buildpack sets for an app
// with a router, is true for a site of one page.
const (
	pushState = "BP_WEB_SERVER_ENABLE_PUSH_STATE"
	auto      = "auto"
)

// built reports whether another buildpack makes the site: the one that reads package.json.
func (s settings) built(app string) bool {
	return isFile(filepath.Join(app, "package.json")) || s.Project != "" && isFile(filepath.Join(app, s.Project, "package.json"))
}

// folders are those of an app in which files for hosts are looked for.
func (s settings) folders() []string {
	if s.Project == "" || !filepath.IsLocal(s.Project) {
		return []string{"."}
	}
	return []string{s.Project, "."}
}
