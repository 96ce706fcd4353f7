package python

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
	"github.com/strata-buildpacks/strata/buildpacks/python/interpreter"
)

// pythonKey is everything that the layer of Python depends on.
type pythonKey struct {
	Recipe int    `json:"recipe"`
	Folder string `json:"folder"`
}

// recipe changes when the same interpreter gives another layer.
const recipe = 4

// toolsCache is the cache of interpreters and uv, where they are not for all apps.
const toolsCache = "python-tools"

// build is a build of an app.
type build struct {
	bp.BuildContext
	plan  plan
	tools string // cache of those that are not for all apps
}

// Build makes the layers of Python and of the app's packages, and decides how the app is started.
func Build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	p, err := decide(in.Workspace)
	if err != nil {
		return bp.BuildResult{}, err
	}
	p.describe(in)
	b := build{BuildContext: in, plan: p}
	if b.tools, err = in.Cache(ctx, toolsCache); err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.leaveOut(); err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.interpreter(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	installer, err := b.installer(ctx)
	if err != nil {
		return bp.BuildResult{}, err
	}
	defer installer.Close()
	if p.project.File != "" {
		if err := b.packages(ctx, installer); err != nil {
			return bp.BuildResult{}, err
		}
	}
	if err := b.compileApp(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	return b.launch(ctx, installer)
}

// leaveOut removes from the app what is not its source.
func (b build) leaveOut() error {
	for _, name := range []string{".git", ".venv", "venv"} {
		at := filepath.Join(b.AppDir, name)
		if _, err := os.Lstat(at); err != nil {
			continue
		}
		if name != ".git" {
			if _, err := os.Lstat(filepath.Join(at, "pyvenv.cfg")); err != nil {
				continue // a folder of the app that is only called so
			}
		}
		b.Log.Bullet("%s of the app: left out", name)
		if err := tree.Remove(at); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// source returns where interpreters come from.
func (b build) source() interpreter.Source { return sourceOf(b.Workspace, b.plan.mirrors, b.tools) }

// folder returns the folder of the interpreter at build time.
func (b build) folder(ctx context.Context) (string, error) {
	return tool.Install(ctx, b.Workspace, b.tools, b.plan.here.Tool(b.source()))
}

// image returns the folder of the interpreter of the image. One for another architecture is compiled by the one of the build.
func (b build) image(ctx context.Context) (string, error) {
	source := b.source()
	if b.Target.Foreign() {
		source.Compiler = b.folder
	}
	return tool.Install(ctx, b.Workspace, b.tools, b.plan.python.Tool(source))
}

// headers returns the folders with the interpreter's headers.
func (b build) headers(ctx context.Context) ([]string, error) {
	dir, err := tool.Install(ctx, b.Workspace, b.tools, b.plan.here.Headers(b.source()))
	return b.plan.here.Includes(dir), err
}

// interpreter makes the layer of Python, the same for every app.
func (b build) interpreter(ctx context.Context) error {
	python := b.plan.python
	made, err := b.Layers.Contribute(ctx, layer.Request{
		Name: filepath.Base(interpreter.Home), Flags: layer.Flags{Launch: true}, Key: pythonKey{recipe, python.Folder()},
		Fill: func(ctx context.Context, l *layer.Layer) error {
			l.Runtime = &runtimes.Runtime{ID: pythonID, Version: python.Release(), Line: python.Minor()}
			dir, err := b.image(ctx)
			if err != nil {
				return err
			}
			if err := tree.Copy(dir, l.Path); err != nil {
				return fmt.Errorf("making the layer of Python: %w", err)
			}
			l.LaunchEnv.Default("PYTHONUNBUFFERED", "1")        // what an app prints is seen at once
			l.LaunchEnv.Default("PYTHONDONTWRITEBYTECODE", "1") // no user may write where modules are
			l.LaunchEnv.Default("PYTHONFAULTHANDLER", "1")      // a crash of a library is seen in the log
			if l.Runtime.ABI, err = python.ABI(dir); err != nil {
				return err
			}
			l.SBOM, err = python.Document(dir)
			return err
		},
	})
	if err == nil {
		made.Allow(b.plan.asked)
	}
	return err
}

// Runtime makes the layer of the newest Python that may take the place of one that an app has.
func Runtime(ctx context.Context, in bp.BuildContext, was runtimes.Runtime) error {
	k, err := known(in.Target.Arch)
	if err != nil {
		return err
	}
	version := was
	version.Version, _, _ = strings.Cut(was.Version, "-")
	newest, err := k.tool(in.Target.Arch).Replace(version, interpreter.Minor)
	if err != nil {
		return err
	}
	b := build{BuildContext: in, plan: plan{asked: was.Asked}}
	if b.plan.python, err = k.of(newest); err != nil {
		return err
	}
	if b.plan.here, err = counterpart(b.plan.python, in.Target.Arch); err != nil {
		return err
	}
	in.Log.Decision("Python", b.plan.python.Release(), "newest of "+was.Line+" that may take the place of "+was.Version)
	if b.plan.mirrors, err = tool.Debian(in.Workspace); err != nil {
		return err
	}
	if b.tools, err = in.Cache(ctx, toolsCache); err != nil {
		return err
	}
	return b.interpreter(ctx)
}

// installer returns what installs the app's packages.
func (b build) installer(ctx context.Context) (*install.Installer, error) {
	uv, err := lockedUV()
	if err != nil {
		return nil, err
	}
	return install.New(ctx, install.Source{
		In: b.BuildContext, UV: uv,
		Python: install.Python{
			Version: b.plan.python.Version, Source: b.plan.python.Folder(), Home: filepath.Join(b.Layers.Path(), filepath.Base(interpreter.Home)),
			Folder: b.folder, Headers: b.headers,
		},
	})
}

// packages makes the layers of the app's packages.
func (b build) packages(ctx context.Context, installer *install.Installer) error {
	if args := b.plan.needs.Export; args != nil {
		exported, err := installer.Export(ctx, b.plan.project.Root, args, b.plan.within(b.plan.needs.Files))
		if err != nil {
			return err
		}
		if b.plan.needs, err = b.plan.project.With(b.plan.needs, exported); err != nil {
			return err
		}
	}
	_, err := installer.Contribute(ctx, b.plan.requirements())
	return err
}
