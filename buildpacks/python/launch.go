package python

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/python/compile"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
	"github.com/strata-buildpacks/strata/buildpacks/python/start"
)

// startKey is everything that the layer of the variables depends on.
type startKey struct {
	Variables map[string]string `json:"variables"`
	Modules   string            `json:"modules"`
}

// debugKey is everything that the layer of the debugger depends on.
type debugKey struct {
	Program string `json:"program"`
}

// launch collects static files, and returns the processes of the app that no Procfile has.
func (b build) launch(ctx context.Context, installer *install.Installer) (bp.BuildResult, error) {
	chosen, err := b.choose(ctx, installer)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if chosen.Static != nil {
		if err := checkCollect(b.Target, chosen.Static.From); err != nil {
			return bp.BuildResult{}, err
		}
		if err := b.collect(ctx, installer, *chosen.Static); err != nil {
			return bp.BuildResult{}, err
		}
	}
	_, err = b.Layers.Contribute(ctx, layer.Request{
		Name: "start", Flags: layer.Flags{Launch: true}, Key: startKey{chosen.Variables, chosen.Modules},
		Fill: func(_ context.Context, l *layer.Layer) error {
			for name, value := range chosen.Variables {
				l.LaunchEnv.Default(name, value)
			}
			if chosen.Modules != "" {
				l.LaunchEnv.Prepend("PYTHONPATH", ":", chosen.Modules)
			}
			return nil
		},
	})
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.debug(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	var result bp.BuildResult
	for _, p := range chosen.Processes {
		b.Log.Decision("Starts "+p.Type, strings.Join(p.Command.Args(), " "), p.From)
		process := bp.Process{Type: p.Type, Command: launchhelper.Run(b.BuildContext, p.Command), From: p.From, Default: p.Default}
		if p.Dir != b.AppDir {
			process.WorkingDir = p.Dir
		}
		result.Processes = append(result.Processes, process)
	}
	if b.plan.Reload {
		result.Processes = launchhelper.Reload(b.BuildContext, result.Processes, b.AppDir)
	}
	return result, nil
}

// choose decides on how the app is started.
func (b build) choose(ctx context.Context, installer *install.Installer) (start.Start, error) {
	var names []string
	if b.plan.project.File != "" {
		var err error
		if names, err = installer.Names(ctx); err != nil {
			return start.Start{}, err
		}
	}
	asked, err := procfile.Read(b.AppDir)
	if err != nil {
		return start.Start{}, err
	}
	python, err := b.folder(ctx)
	if err != nil {
		return start.Start{}, err
	}
	app := start.App{
		Project: b.plan.project, Installed: func(name string) bool { return slices.Contains(names, name) }, Procfile: asked,
		Python: start.Interpreter{
			Program: filepath.Join(python, "bin", "python"+b.plan.python.Minor()), Env: compile.Environment(python).List(),
		},
	}
	if b.plan.Debug {
		if err := app.CheckDebugger(); err != nil {
			return start.Start{}, err
		}
	}
	return app.Choose(ctx, b.plan.CollectStatic)
}

// debug makes the layer by which Python lets a debugger attach.
func (b build) debug(ctx context.Context) error {
	if !b.plan.Debug {
		return nil
	}
	b.Log.Decision("Debugger", "with BPL_DEBUG_ENABLED=true at launch", "BP_DEBUG_ENABLED")
	_, err := b.Layers.Contribute(ctx, layer.Request{
		Name: "debug", Flags: layer.Flags{Launch: true}, Key: debugKey{string(start.Debugger)},
		Fill: func(_ context.Context, l *layer.Layer) error {
			l.LaunchEnv.Prepend("PYTHONPATH", ":", l.Path)
			return os.WriteFile(filepath.Join(l.Path, "sitecustomize.py"), start.Debugger, 0o644)
		},
	})
	return err
}

// checkCollect refuses to collect static files for another architecture, since that runs the app with its packages.
func checkCollect(target bp.Target, from string) error {
	if !target.Foreign() {
		return nil
	}
	return fault.Fault{
		ID:   "python-collect-arch",
		What: fmt.Sprintf("%s says to collect static files, and packages for linux/%s do not run here", from, target.Arch),
		Do:   "set BP_DJANGO_COLLECTSTATIC=false, or build on a machine with linux/" + target.Arch,
	}
}

// collect runs the command that collects static files. It sees what the build does, except what is the platform's.
func (b build) collect(ctx context.Context, installer *install.Installer, s start.Static) error {
	program, env, err := installer.Program(ctx)
	if err != nil {
		return err
	}
	home, remove, err := command.Home()
	if err != nil {
		return err
	}
	defer remove()
	seen := config.Environment{}
	for name, value := range b.Env {
		if !strings.HasPrefix(name, "CNB_") && !strings.HasPrefix(name, "BP_") {
			seen[name] = value
		}
	}
	done := b.Log.Phase("Running python %s (%s)", strings.Join(s.Args, " "), s.From)
	err = command.Run(ctx, command.Command{
		Path: program, Args: s.Args, Dir: s.Dir, Log: b.Log,
		Env: config.Environment(s.Env).With(seen).With(env).With(config.Environment{"HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}).List(),
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return s.Fault(err)
	}
	done()
	return nil
}
