package node

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// launch returns the process web, by the script start, the main file, server.js or index.js, and those of the Procfile that are started
// here. It makes the layers that they need when they start.
func (b build) launch(ctx context.Context, made outcome, program, modules string) (bp.BuildResult, error) {
	find := func(name string) (string, bool, error) { return made.layout.Program(ctx, modules, name) }
	started, err := made.app.Resolve(made.start, find)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.variables(ctx, made, started, modules); err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.debug(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	result := bp.BuildResult{Unmet: made.app.Unmet(started)}
	words := []string{program}
	if modules != "" {
		words = append(words, made.layout.Arguments()...)
	}
	if !started.Elsewhere {
		web, err := b.process(ctx, made, started, "web", words)
		if err != nil {
			return bp.BuildResult{}, err
		}
		web.Default = true
		if note := framework.Note(made.app.Manifest.Has); note != "" {
			b.Log.Warn("%s", note)
		}
		result.Processes = append(result.Processes, web)
	}
	result.Processes = b.reloading(result.Processes...)
	for _, other := range b.plan.others {
		resolved, err := made.app.ResolveOther(other, find)
		if err != nil {
			return bp.BuildResult{}, err
		}
		process, err := b.process(ctx, made, resolved, other.Type, words)
		if err != nil {
			return bp.BuildResult{}, err
		}
		result.Processes = append(result.Processes, process)
	}
	return result, nil
}

// process returns a process of a start. Words are Node.js or Bun with its arguments.
func (b build) process(ctx context.Context, made outcome, s start.Start, kind string, words []string) (bp.Process, error) {
	list, why, err := made.app.Launch(s, words...)
	if err == nil {
		err = b.checkTypes(ctx, made.app, s)
	}
	if err != nil {
		return bp.Process{}, err
	}
	key := "Starts"
	if kind != "web" {
		key = "Starts " + kind
	}
	b.Log.Decision(key, strings.ReplaceAll(strings.Join(list.Args(), " "), strings.Join(words, " "), filepath.Base(words[0])), why)
	from := cmp.Or(s.From.File, project.ManifestFile) + ": " + why
	process := bp.Process{Type: kind, Command: launchhelper.Run(b.BuildContext, list), From: from}
	if dir := shell.Within(made.app.Dir, list[0].Dir); dir != b.AppDir {
		process.WorkingDir = dir
	}
	return process, nil
}

// checkTypes has Node.js look at the files in TypeScript that it is to run as they are.
func (b build) checkTypes(ctx context.Context, app start.App, s start.Start) error {
	args := app.Types(s)
	if args == nil {
		return nil
	}
	dir, err := b.node(ctx)
	if err != nil {
		return err
	}
	node := filepath.Join(dir, "bin", "node")
	said, err := command.Output(ctx, command.Command{Path: node, Args: args, Dir: app.Dir, Log: b.Log, Silent: true})
	if err != nil {
		return fmt.Errorf("looking for what Node.js cannot run: %w", err)
	}
	return app.Unrunnable(said)
}

// startKey is everything that the layer of the variables depends on.
type startKey struct {
	Variables map[string]string
	Programs  string // folders of packages' programs, as in PATH
}

// variables makes the layer with the variables that are set where the app starts: those of the script, and those that npm gives to
// it. Port and host hold where the platform says nothing.
func (b build) variables(ctx context.Context, made outcome, s start.Start, modules string) error {
	types := []string{"web"}
	if b.plan.Reload {
		types = append(types, "no-reload")
	}
	variables, err := made.app.Env(s, types...)
	if err != nil {
		return err
	}
	for _, other := range b.plan.others {
		for name, value := range other.Start.Variables() {
			variables[other.Type+"/"+name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		process, variable := path.Split(name)
		b.Log.Decision("Sets", variable+"="+variables[name], strings.TrimSuffix(process, "/"))
	}
	key := startKey{Variables: variables}
	if !s.Elsewhere {
		for name, value := range b.plan.Project.Manifest.Variables("start") {
			if _, own := variables[name]; !own {
				variables[name] = value
			}
		}
	}
	if modules != "" && b.plan.source.Manager.PnP() == "" {
		key.Programs = install.ProgramFolders(made.app.Root, made.app.From())
	}
	if len(variables) == 0 && key.Programs == "" {
		return nil
	}
	_, err = b.Layers.Contribute(ctx, layer.Request{
		Name: "start", Flags: layer.Flags{Launch: true}, Key: key,
		Fill: func(_ context.Context, l *layer.Layer) error {
			for name, value := range variables {
				if variable := path.Base(name); variable == "PORT" || variable == "HOST" {
					l.LaunchEnv.Default(name, value)
				} else {
					l.LaunchEnv.Override(name, value)
				}
			}
			if key.Programs != "" {
				l.LaunchEnv.Prepend("PATH", ":", key.Programs)
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
