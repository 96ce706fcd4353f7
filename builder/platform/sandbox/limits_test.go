package sandbox_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestForks has a command start processes until it may not.
func TestForks(t *testing.T) {
	spec, output := world(t, "forks")
	spec.Limits.PIDs = 64
	err := run(t, spec)
	if output.String() != "stopped true\n" {
		t.Errorf("the command says %q", output)
	}
	if f := (fault.Fault{}); errors.As(err, &f) {
		if f.ID != "limit-pids" || !strings.Contains(f.What, "--pids gives it, 64") {
			t.Errorf("got %v, want a fault that names the limit", err)
		}
	} else if !errors.As(err, new(*exec.ExitError)) { // without a cgroup, nothing counts who was refused
		t.Errorf("got %v", err)
	}
	leavesNoCgroup(t, os.Getpid())
}

// TestMemory has a command take memory until it may not.
func TestMemory(t *testing.T) {
	spec, output := world(t, "memory")
	spec.Limits.Memory, spec.Limits.Asked = 64<<20, true
	err := run(t, spec)
	f := fault.Fault{}
	if !errors.As(err, &f) || f.ID != "limit-memory" {
		t.Fatalf("got %v, want a fault; the command says %q", err, output)
	}
	if strings.Contains(f.What, "lets nobody hold") {
		t.Skip(err)
	}
	if !strings.Contains(f.What, "--memory gives it, 64 MiB") || output.Len() > 0 {
		t.Errorf("got %v, want a fault that names the limit; the command says %q", err, output)
	}
	leavesNoCgroup(t, os.Getpid())
}

// TestWithinLimits has a command that takes less, and leaves no image of its memory.
func TestWithinLimits(t *testing.T) {
	spec, output := world(t, "core")
	spec.Limits = sandbox.DefaultLimits()
	if err := run(t, spec); err != nil || output.String() != "core allowed 0 0\n" {
		t.Errorf("got %v, %q", err, output)
	}
	if spec.Limits.Memory < 64<<20 || spec.Limits.PIDs < 1000 {
		t.Errorf("the limits of every build are %+v", spec.Limits)
	}
	leavesNoCgroup(t, os.Getpid())
}

// leavesNoCgroup looks for cgroups that a process made.
func leavesNoCgroup(t *testing.T, pid int) {
	t.Helper()
	if left := emptyCgroups(pid); len(left) > 0 {
		t.Errorf("%v stay", left)
	}
}

// emptyCgroups returns the cgroups without processes that a process made.
func emptyCgroups(pid int) (left []string) {
	ours := fmt.Sprintf("strata-%d-", pid)
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), ours) {
			if procs, err := os.ReadFile(filepath.Join(path, "cgroup.procs")); err == nil && len(procs) == 0 {
				left = append(left, path)
			}
		}
		return nil // what is gone or closed holds nothing
	})
	return left
}
