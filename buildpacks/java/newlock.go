// Package java is the buildpack strata/java.
package java

import (
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/java/tools"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// NewLock is a lock.Source: what the lock of before has, with the newest releases of each tool.
func NewLock(ctx context.Context, client *fetch.Client, env config.Environment) (lock.Lock, error) {
	before, err := lock.Read(lockFile)
	if err != nil {
		return lock.Lock{}, err
	}
	return tools.Releases(ctx, client, env, before)
}
