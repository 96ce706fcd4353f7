package golang

import (
	"errors"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestExplainEmbed has a pattern that begins as the module's path does.
func TestExplainEmbed(t *testing.T) {
	t.Parallel()
	g := &compiler{finder: finder{members: []member{{Dir: ".", Path: "web"}}}}
	line := "main.go:5:12: pattern web/dist: no matching files found"
	err := g.explain(t.Context(), &command.Error{Tail: []string{line}, Err: errors.New("exit status 1")})
	if f := (fault.Fault{}); !errors.As(err, &f) || f.What != "main.go:5 embeds web/dist, and there is no such file" {
		t.Errorf("got %v", err)
	}
}

// TestExplainDisk tells a full disk from a network that fails and from source that does not compile.
func TestExplainDisk(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"go: example.test/x@v1.0.0: write /cache/x: no space left on device", "/usr/bin/link: flushing $WORK/a.out: Disk quota exceeded",
	} {
		g := &compiler{buildCache: t.TempDir(), modCache: t.TempDir()}
		err := g.explain(t.Context(), &command.Error{Tail: []string{"# example.test/x", line}, Err: errors.New("exit status 1")})
		if f := (fault.Fault{}); !errors.As(err, &f) || f.ID != "disk-full" {
			t.Errorf("%s: got %v", line, err)
		}
	}
}
