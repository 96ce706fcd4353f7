package web

import (
	"context"
	"fmt"
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
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return bp.BuildResult{}, err
	}
	if err := s.check(); err != nil {
		return bp.BuildResult{}, err
	}
	root, why, err := s.find(in.AppDir)
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Decision("Serves", root, why)
	if s.SinglePage {
		in.Log.Decision("Other paths", "the page at /", "BP_WEB_SERVER_ENABLE_PUSH_STATE")
	}
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
	if s.SinglePage {
		command = append(command, "-single-page")
	}
	command = append(command, filepath.Join(in.AppDir, root))
	return bp.BuildResult{Processes: []bp.Process{{Type: "web", Command: command, Default: true}}}, nil
}

// find returns the folder to serve and why it is that one.
func (s settings) find(app string) (root, why string, err error) {
	if s.Root != "" {
		if !isFile(filepath.Join(app, s.Root, index)) {
			return "", "", fault.Fault{
				ID:   "web-root",
				What: fmt.Sprintf("BP_WEB_SERVER_ROOT is %s, and there is no %s in it", s.Root, index),
				Do:   "name the folder that the build writes to",
			}
		}
		return filepath.Clean(s.Root), "BP_WEB_SERVER_ROOT", nil
	}
	candidates := plain
	if s.built(app) {
		candidates = nil
		for _, folder := range made {
			candidates = append(candidates, filepath.Join(s.Project, folder))
		}
		if s.Project != "" {
			candidates = append(candidates, filepath.Join("dist", s.Project)) // where Nx gathers what it makes
		}
	}
	for _, pattern := range candidates {
		found, err := filepath.Glob(filepath.Join(app, pattern, index))
		if err != nil {
			return "", "", err
		}
		for _, file := range found {
			if isFile(file) {
				root, err := filepath.Rel(app, filepath.Dir(file))
				return root, "has an " + index, err
			}
		}
	}
	return "", "", fault.Fault{
		ID:   "web-root",
		What: "the build made no " + index + " in " + strings.Join(candidates, ", "),
		Do:   "set BP_WEB_SERVER_ROOT to the folder that it writes to",
	}
}
