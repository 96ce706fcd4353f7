package node

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// made is what the image has of the app when its build scripts have run.
type made struct {
	app    start.App
	start  start.Start
	layout layout.Layout
	server *start.Server // that took the place of the app; nil for none
}

// standalone returns the standalone server that build scripts may make instead of the app, nil if none can take its place.
func (b *builder) standalone() *framework.Standalone {
	if b.pnp || b.Root != b.AppDir || !b.HasPackages() {
		return nil
	}
	return b.app().Standalone(b.start)
}

// made makes the app the standalone server that the build scripts made, if they did.
func (b *builder) made() (made, error) {
	m := made{app: b.app(), start: b.start, layout: b.layout}
	if b.standalone() == nil {
		return m, nil
	}
	server, err := m.app.Replace(b.start)
	if err != nil || server == nil {
		return m, err
	}
	b.Log.Bullet("%s: the app is that and nothing else", server.Made.Title)
	m.app.Project, m.start, m.layout, m.server = server.Project, server.Start, b.layoutOf(server.Project), server
	return m, nil
}

// launch returns the process web, by the script start, the main file, server.js or index.js, and makes the layers that it needs when
// it starts.
func (b *builder) launch(ctx context.Context, m made, program, modules string) (bp.BuildResult, error) {
	started, err := m.app.Resolve(m.start, func(name string) (string, bool, error) { return m.layout.Program(ctx, modules, name) })
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.variables(ctx, m.app, started); err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.debug(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	result := bp.BuildResult{Unmet: m.app.Unmet(started)}
	if started.Elsewhere {
		result.Processes = b.reloading()
		return result, nil
	}
	arguments, why, err := m.app.Launch(started)
	if err != nil {
		return bp.BuildResult{}, err
	}
	b.Log.Decision("Starts", strings.Join(append([]string{filepath.Base(program)}, arguments...), " "), why)
	if b.HasPackages() {
		arguments = append(m.layout.Arguments(), arguments...)
	}
	process := bp.Process{Type: "web", Command: append([]string{program}, arguments...), Default: true}
	if m.app.Dir != b.AppDir {
		process.WorkingDir = m.app.Dir
	}
	result.Processes = b.reloading(process)
	return result, nil
}

// variables makes the layer with the variables that are set where the app starts. Port and host hold where the platform
// says nothing.
func (b *builder) variables(ctx context.Context, app start.App, s start.Start) error {
	types := []string{"web"}
	if b.Reload {
		types = append(types, "no-reload")
	}
	variables, err := app.Env(s, types...)
	if err != nil || len(variables) == 0 {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		process, variable := path.Split(name)
		b.Log.Decision("Sets", variable+"="+variables[name], strings.TrimSuffix(process, "/"))
	}
	_, err = b.Layers.Contribute(ctx, layer.Request{
		Name: "start", Flags: layer.Flags{Launch: true}, Key: variables,
		Fill: func(_ context.Context, l *layer.Layer) error {
			for name, value := range variables {
				if variable := path.Base(name); variable == "PORT" || variable == "HOST" {
					l.LaunchEnv.Default(name, value)
				} else {
					l.LaunchEnv.Override(name, value)
				}
			}
			return nil
		},
	})
	return err
}

// reloading adds to the processes what BP_LIVE_RELOAD_ENABLED asks for.
func (b *builder) reloading(list ...bp.Process) []bp.Process {
	if !b.Reload {
		return list
	}
	return launchhelper.Reload(b.BuildContext, list, b.AppDir)
}

// appFolders returns where the app may have packages, relative to the app's folder.
func (b *builder) appFolders() []string {
	var folders []string
	for _, folder := range b.Folders() {
		folders = append(folders, strings.TrimPrefix(filepath.Join(b.Root, folder), b.AppDir+"/"))
	}
	return folders
}

// checkLeaveOut refuses kinds of files that do not exist.
func checkLeaveOut(named []string) error {
	for _, kind := range named {
		if !slices.Contains(layout.Kinds(), kind) && kind != "none" {
			return fault.Fault{
				ID: "node-leave-out", What: fmt.Sprintf("BP_NODE_LEAVE_OUT names %q", kind),
				Do: "name some of " + strings.Join(layout.Kinds(), ", ") + ", or none",
			}
		}
	}
	return nil
}
