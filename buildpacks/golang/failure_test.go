package golang

import (
	"errors"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestExplainDisk tells a full disk from a network that fails and from source that does not compile.
func TestExplainDisk(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"go: example.test/x@v1.0.0: write /cache/x: no space left on device", "/usr/bin/link: flushing $WORK/a.out: Disk quota exceeded",
	} {
		g := &compiler{buildCache: t.TempDir(), modCache: t.TempDir()}
		err := g.explain(t.Context(), &command.Error{Tail: []string{"# example.test/x", line}, Err: errors.New("exit status 1")}, nil)
		if f := (fault.Fault{}); !errors.As(err, &f) || f.ID != "disk-full" {
			t.Errorf("%s: got %v", line, err)
		}
	}
}
