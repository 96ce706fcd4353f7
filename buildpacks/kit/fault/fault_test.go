package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	f := fault.Fault{ID: "x", What: "go.mod does not parse", Do: "repair it", Err: fmt.Errorf("line 1\n\n  %w", errors.New("line 2"))}
	tests := []struct {
		name string
		err  error
		line string
		code int
	}{
		{"fault", f, "go.mod does not parse: line 1: line 2; repair it", fault.CodeFault},
		{"wrapped", fmt.Errorf("reading it: %w", f), "reading it: go.mod does not parse: line 1: line 2; repair it", fault.CodeFault},
		{"what alone", fault.Fault{What: "no"}, "no", fault.CodeFault},
		{"internal", fault.Internal("state %d", 3), "internal error: state 3", fault.CodeInternal},
		{"other", fmt.Errorf("reading x: %w", fs.ErrNotExist), "internal error: reading x: file does not exist", fault.CodeInternal},
		{
			"disk full", fmt.Errorf("writing x: %w", syscall.ENOSPC),
			"a disk is full: writing x: no space left on device; free some space, for example with strata prune, and try again", fault.CodeFault,
		},
		{"interrupted", fault.Fault{What: "compiling", Err: context.Canceled}, "interrupted", fault.CodeInterrupted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := fault.Explain(test.err); got != test.line {
				t.Errorf("got %q, want %q", got, test.line)
			}
			if got := fault.Code(test.err); got != test.code {
				t.Errorf("got code %d, want %d", got, test.code)
			}
		})
	}
	if got := fault.Code(nil); got != 0 {
		t.Errorf("code of no error is %d", got)
	}
	if !errors.Is(fault.Fault{Err: fs.ErrNotExist}, fs.ErrNotExist) {
		t.Error("the cause is not unwrapped")
	}
}

// TestDiskFull names the folder that was written to, with what its disk has.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	line := fault.Explain(fmt.Errorf("unpacking: %w", &fs.PathError{Op: "write", Path: dir + "/x", Err: syscall.ENOSPC}))
	want := regexp.MustCompile(`^the disk of ` + dir + ` is full: \d+ of \d+ MB are free: unpacking: write \S+: ` +
		`no space left on device; free some space`)
	if !want.MatchString(line) {
		t.Errorf("got %s", line)
	}
	if got := fault.DiskFull(nil, dir+"/absent").What; got != "a disk is full" {
		t.Errorf("got %s of a folder that is not there", got)
	}
}

func TestWithoutPath(t *testing.T) {
	t.Parallel()
	_, err := os.Stat(filepath.Join(t.TempDir(), "absent"))
	if got := fault.WithoutPath(fmt.Errorf("reading: %w", err)); got.Error() != "no such file or directory" {
		t.Errorf("got %v, want the cause alone", got)
	}
	if other := errors.New("other"); !errors.Is(fault.WithoutPath(other), other) {
		t.Error("it changes other errors")
	}
}
