// Package python is the buildpack strata/python: it puts Python, an app's packages and the app itself into layers of their own, and
// starts the app with neither an installer nor a shell.
package python

import (
	"context"
	"path/filepath"
	"runtime"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
	"github.com/strata-buildpacks/strata/buildpacks/python/interpreter"
)

// Buildpack is the entry of the suite's table.
func Buildpack() bp.Buildpack {
	return bp.Buildpack{ID: "strata/python", Detect: Detect, Build: Build, Install: Install, Runtime: Runtime, Cross: true}
}

// settings are the variables of buildpack.toml that are about Python and packages as they are in the image. Package project reads those
// about what is installed.
type settings struct {
	Version       string   `config:"BP_CPYTHON_VERSION"`
	LeaveOut      []string `config:"BP_PYTHON_LEAVE_OUT,list"`
	CollectStatic string   `config:"BP_DJANGO_COLLECTSTATIC"`
	Reload        bool     `config:"BP_LIVE_RELOAD_ENABLED"`
	Debug         bool     `config:"BP_DEBUG_ENABLED"`
}

// Install installs Python or uv for all apps. Both run here, whatever an app is built for.
func Install(ctx context.Context, in bp.InstallContext) error {
	uv, err := lockedUV()
	if err != nil {
		return err
	}
	indexes, err := install.ReadIndexes(in.Workspace)
	if err != nil {
		return err
	}
	t := install.UV(uv, indexes)
	if t.Folder != in.Tool {
		mirrors, err := tool.Debian(in.Workspace)
		if err != nil {
			return err
		}
		k, err := known(runtime.GOARCH)
		if err != nil {
			return err
		}
		p, err := k.first(in.Tool)
		if err != nil {
			return err
		}
		t = p.Tool(sourceOf(in.Workspace, mirrors, in.Dir))
	}
	_, err = tool.Install(ctx, in.Workspace, in.Dir, t)
	return err
}

// sourceOf returns where interpreters come from. The cache is for uv, which may be asked for them.
func sourceOf(in bp.Workspace, mirrors deb.Mirrors, cache string) interpreter.Source {
	return interpreter.Source{
		Mirrors: mirrors, Mirror: in.Env[interpreter.MirrorVariable], Log: in.Log,
		UV: func(ctx context.Context) (string, error) {
			uv, err := lockedUV()
			if err != nil {
				return "", err
			}
			indexes, err := install.ReadIndexes(in)
			if err != nil {
				return "", err
			}
			dir, err := tool.Install(ctx, in, cache, install.UV(uv, indexes))
			return filepath.Join(dir, install.UVID), err
		},
	}
}

// lockedUV returns the release of uv for this machine.
func lockedUV() (lock.Release, error) {
	l, err := lock.Read(lockFile)
	if err != nil {
		return lock.Release{}, err
	}
	r, _ := l.Find(install.UVID, runtime.GOARCH, l.Default[install.UVID]) // an architecture without it has no interpreter either
	return r, nil
}
