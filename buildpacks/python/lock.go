package python

import (
	"context"
	_ "embed"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
	"github.com/strata-buildpacks/strata/buildpacks/python/interpreter"
)

// lockFile has the release of uv and the standalone builds of Python that are known with their hashes.
//
//go:embed lock.toml
var lockFile string

// NewLock is a lock.Source: the newest release of uv that the index of PIP_INDEX_URL has, and the builds of Python that it knows.
func NewLock(ctx context.Context, client *fetch.Client, env config.Environment) (lock.Lock, error) {
	releases, err := install.Releases(ctx, client, env)
	if err != nil {
		return lock.Lock{}, err
	}
	dir, remove, err := command.Home()
	if err != nil {
		return lock.Lock{}, err
	}
	defer remove()
	at := slices.IndexFunc(releases, func(r lock.Release) bool { return r.Arch == runtime.GOARCH })
	if at < 0 {
		return lock.Lock{}, fault.Internal("uv is not locked for %s", runtime.GOARCH)
	}
	if err := install.UV(releases[at], install.IndexesOf(env)).Fill(ctx, client, dir); err != nil {
		return lock.Lock{}, err
	}
	builds, err := interpreter.Releases(ctx, filepath.Join(dir, install.UVID))
	if err != nil {
		return lock.Lock{}, err
	}
	return lock.Lock{Default: map[string]string{install.UVID: releases[0].Version}, Releases: append(releases, builds...)}, nil
}
