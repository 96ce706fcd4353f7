package python

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/python/install"
)

// TestLock finds the uv that builds take, for each architecture.
func TestLock(t *testing.T) {
	t.Parallel()
	l, err := lock.Read(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if r, found := l.Find(install.UVID, arch, l.Default[install.UVID]); !found {
			t.Errorf("no uv is locked for %s: %+v", arch, r)
		}
	}
}
