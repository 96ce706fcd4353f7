package python

import (
	"context"
	_ "embed"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
)

// lockFile has the releases of uv that are known with their hashes.
//
//go:embed lock.toml
var lockFile string

// NewLock is a lock.Source: the newest release of uv that the index of PIP_INDEX_URL has.
func NewLock(ctx context.Context, client *fetch.Client, env config.Environment) (lock.Lock, error) {
	releases, err := install.Releases(ctx, client, env)
	if err != nil {
		return lock.Lock{}, err
	}
	return lock.Lock{Default: map[string]string{install.UVID: releases[0].Version}, Releases: releases}, nil
}
