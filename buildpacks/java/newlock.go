package java

import (
	"context"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/java/artifact"
	"github.com/strata-buildpacks/strata/buildpacks/java/jdk"
	"github.com/strata-buildpacks/strata/buildpacks/java/tools"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// NewLock is a lock.Source: what the lock of before has, with the newest releases of each tool and of Tomcat. Archives of Java stay as they
// are: no registry has them. Their hashes are those that Temurin publishes, as its own images have them.
func NewLock(ctx context.Context, client *fetch.Client, env config.Environment) (lock.Lock, error) {
	before, err := lock.Read(lockFile)
	if err != nil {
		return lock.Lock{}, err
	}
	l, err := tools.Releases(ctx, client, env, before)
	if err != nil {
		return lock.Lock{}, err
	}
	tomcat, names, err := artifact.Releases(ctx, client, strings.TrimRight(env[tools.MirrorVariable], "/"))
	l.Releases, l.Names = append(l.Releases, tomcat...), names
	for _, r := range before.Releases {
		if r.ID == jdk.ID {
			l.Releases = append(l.Releases, r)
		}
	}
	return l, err
}
