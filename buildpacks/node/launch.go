package node

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// launch returns the process web, by the script start, the main file, server.js or index.js, and makes the layers that it needs when
// it starts.
func (b build) launch(ctx context.Context, made outcome, program, modules string) (bp.BuildResult, error) {
	find := func(name string) (string, bool, error) { return made.layout.Program(ctx, modules, name) }
	started, err := made.app.Resolve(made.start, find)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.variables(ctx, made.app, started); err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.debug(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	result := bp.BuildResult{Unmet: made.app.Unmet(started)}
	if started.Elsewhere {
		result.Processes = b.reloading()
		return result, nil
	}
	words := []string{program}
	if modules != "" {
		words = append(words, made.layout.Arguments()...)
	}
	list, why, err := made.app.Launch(started, words...)
	if err != nil {
		return bp.BuildResult{}, err
	}
	b.Log.Decision("Starts", strings.ReplaceAll(strings.Join(list.Args(), " "), strings.Join(words, " "), filepath.Base(program)), why)
	if note := framework.Note(made.app.Manifest.Has); note != "" {
		b.Log.Warn("%s", note)
	}
	process := bp.Process{Type: "web", Command: launchhelper.Run(b.BuildContext, list), Default: true, From: "package.json: " + why}
	if dir := filepath.Join(made.app.Dir, list[0].Dir); dir != b.AppDir {
		process.WorkingDir = dir
	}
	result.Processes = b.reloading(process)
	return result, nil
}

// variables makes the layer with the variables that are set where the app starts. Port and host hold where the platform
// says nothing.
func (b build) variables(ctx context.Context, app start.App, s start.Start) error {
	types := []string{"web"}
	if b.plan.Reload {
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
func (b build) reloading(list ...bp.Process) []bp.Process {
	if !b.plan.Reload {
		return list
	}
	return launchhelper.Reload(b.BuildContext, list, b.AppDir)
}
