package web

import (
	"context"
	"path"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
)

// made are the folders that tools for front ends write to by default. * stands for the project's name.
var made = []string{
	"dist", "dist/browser", "dist/*/browser", "dist/*", "build", "build/client", "out", "_site", ".vitepress/dist", "docs/.vitepress/dist",
	".output/public", "storybook-static", "public", "www",
}

// program is the name of the server, in the image and in the builder, where it stands beside the suite.
const program = "serve"

// build removes everything from the app except the folder that is served, and adds the server.
func build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	s, err := read(in.Workspace)
	if err != nil {
		return bp.BuildResult{}, err
	}
	told, err := hear(in.AppDir, s.folders()...)
	if err != nil {
		return bp.BuildResult{}, err
	}
	root, why, err := s.find(in.AppDir, told, s.candidates(in.AppDir))
	if err != nil {
		return bp.BuildResult{}, err
	}
	if root == "" {
		return bp.BuildResult{}, fault.Fault{ID: "web-root", What: why, Do: "set BP_WEB_SERVER_ROOT to the folder that has it after the build"}
	}
	in.Log.Decision("Serves", root, why)
	for _, one := range told {
		if len(one.Unread) > 0 {
			in.Log.Warn("%s: %s of com.heroku.static-web-server means nothing to the server of this image", one.File,
				strings.Join(one.Unread, ", "))
		}
	}
	others, err := s.others(in.AppDir, root, told)
	if err != nil {
		return bp.BuildResult{}, err
	}
	others.describe(in.Log)
	if root, err = keepOnly(in.AppDir, root); err != nil {
		return bp.BuildResult{}, err
	}
	saved, err := compress(filepath.Join(in.AppDir, root))
	if err != nil {
		return bp.BuildResult{}, err
	}
	if saved.files > 0 {
		in.Log.Bullet("%d files compressed: %.2f MB instead of %.2f MB over the wire",
			saved.files, float64(saved.after)/1e6, float64(saved.before)/1e6)
	}
	server, err := launchhelper.Contribute(ctx, in, "server", program)
	if err != nil {
		return bp.BuildResult{}, err
	}
	command := []string{server}
	if others.Page != "" {
		command = append(command, "-fallback", others.Page)
	}
	command = append(command, filepath.Join(in.AppDir, root))
	return bp.BuildResult{Processes: []bp.Process{{Type: "web", Command: command, Default: true}}}, nil
}

// candidates are the folders of an app that may be served, patterns as those of path.Match.
func (s settings) candidates(app string) []string {
	if !s.built(app) {
		return plain
	}
	var folders []string
	for _, folder := range made {
		folders = append(folders, path.Join(s.Project, folder))
	}
	if s.Project != "" {
		folders = append(folders, path.Join("dist", s.Project)) // where Nx gathers what it makes
	}
	return folders
}
