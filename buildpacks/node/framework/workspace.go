package framework

import (
	"os"
	"path/filepath"
	"regexp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Find returns the project in a folder of an app, as project.Find does. Where neither a folder is named nor the root starts anything, that
// is the only workspace that is an app.
func Find(app, folder string) (project.Project, error) {
	p, err := project.Find(app, folder)
	if err != nil || p.Chosen != "" || folder != "" || !idle(p) {
		return p, err
	}
	if apps := Apps(p); len(apps) == 1 {
		return project.FindIn(app, apps[0], "the only app of the workspaces")
	}
	return p, nil
}

// Apps returns the folders of the workspaces that are apps: those with a script start, those that a framework makes a server or a site
// of, and the projects of Nx without a package.json.
func Apps(p project.Project) []string {
	var dirs []string
	for _, dir := range p.Members {
		if m, err := p.ReadManifest(dir); err == nil && isApp(m) { // project.Find has read it
			dirs = append(dirs, dir)
		}
	}
	return append(dirs, p.Applications()...)
}

// isApp reports whether a package of a workspace is an app. A library names the file by which others load it.
func isApp(m project.Manifest) bool {
	built := m.Scripts["build"] != ""
	return m.Scripts["start"] != "" || built && (Made(m.Has, Server) != "" || Made(m.Has, Site) != "" && !m.Library())
}

// delegates matches the build script of a root that has tools build the workspaces.
var delegates = regexp.MustCompile(`(^|[ /])(turbo|nx|lerna|moon|rush|wireit|ultra|preconstruct)( |$)|` +
	` (-r|--recursive|-ws|--workspaces?|-w|--filter|-F|workspaces?)( |=|$)`)

// idle reports whether the root of workspaces starts nothing and is no site: it has neither a file to start nor a page, and no build script
// that makes something of its own packages.
func idle(p project.Project) bool {
	m := p.Manifest
	if m.Scripts["start"] != "" || len(p.Members)+len(p.Applications()) == 0 {
		return false
	}
	processes, err := procfile.Read(p.App)
	if err != nil || len(processes) > 0 {
		return false
	}
	for _, name := range append(m.Starts(project.Extensions), m.Main, "index.html", "public/index.html", "src/index.html") {
		if info, err := os.Stat(filepath.Join(p.Dir, name)); name != "" && err == nil && info.Mode().IsRegular() {
			return false
		}
	}
	build := m.Scripts["build"]
	return build == "" || delegates.MatchString(build) || Made(m.Has, Site)+Made(m.Has, Server)+Made(m.Has, Library) == ""
}
