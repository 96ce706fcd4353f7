package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// begin runs the probe in a sandbox until the test ends, and returns the sandbox's first process.
func begin(t *testing.T) sandbox.Process {
	t.Helper()
	spec, _ := world(t, "fork")
	in, out := io.Pipe()
	spec.Stdout, spec.Network = out, sandbox.HostNetwork
	first := make(chan sandbox.Process, 1)
	spec.Started = func(p sandbox.Process) error { first <- p; return nil }
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- sandbox.Run(ctx, spec)
		_ = out.Close()
	}()
	t.Cleanup(func() { stop(); <-ended })
	if !bufio.NewScanner(in).Scan() {
		err := <-ended
		ended <- err
		if strings.Contains(err.Error(), "does not allow user namespaces") {
			t.Skip("user namespaces are refused here: ", err)
		}
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, in) }()
	return <-first
}

// joining is a sandbox with a root of its own that joins another one.
func joining(t *testing.T, first sandbox.Process, args ...string) (sandbox.Spec, *strings.Builder) {
	t.Helper()
	spec, _ := world(t, args...)
	output := &strings.Builder{}
	spec.Stdout, spec.Stderr, spec.Network, spec.Join = output, output, sandbox.HostNetwork, first
	return spec, output
}

// TestJoin sees the processes of another sandbox and their files, with the ids and without the capabilities that they have.
func TestJoin(t *testing.T) {
	t.Parallel()
	first := begin(t)
	spec, output := joining(t, first, "beside")
	if err := os.WriteFile(filepath.Join(spec.Root, "own"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t, spec); err != nil {
		t.Fatal(err, output)
	}
	want := []string{"ids 1001 1000", "CapEff: 0000000000000000", "CapPrm: 0000000000000000", "root dev own probe proc ro rw",
		"process /probe fork", "process /probe wait", "process /probe beside", "root of 1: dev probe proc ro rw", "hostname strata"}
	for _, line := range want {
		if !strings.Contains(output.String(), line+"\n") {
			t.Errorf("it does not see %q:\n%s", line, output)
		}
	}
}

// TestJoinEnds has a program that joined end with its own status, by a signal, and with who started it. The other sandbox goes on.
func TestJoinEnds(t *testing.T) {
	t.Parallel()
	first := begin(t)
	spec, output := joining(t, first, "exit")
	var ended *exec.ExitError
	if err := run(t, spec); !errors.As(err, &ended) || ended.ExitCode() != 7 {
		t.Errorf("it ends with %v, want status 7: %s", err, output)
	}
	spec, output = joining(t, first, "wait")
	signals := make(chan os.Signal, 1)
	spec.Signals = signals
	spec.Started = func(sandbox.Process) error { signals <- syscall.SIGKILL; return nil }
	if err := run(t, spec); !errors.As(err, &ended) {
		t.Errorf("after a signal it ends with %v: %s", err, output)
	}
	if !first.Runs() {
		t.Error("the other sandbox has ended")
	}
}

// TestJoinAnother refuses a number that is another process's now.
func TestJoinAnother(t *testing.T) {
	t.Parallel()
	self, err := sandbox.ProcessOf(os.Getpid())
	if err != nil || !self.Runs() {
		t.Fatal(self, err)
	}
	before, err := strconv.Atoi(self.Began)
	if err != nil {
		t.Fatal(err)
	}
	self.Began = strconv.Itoa(before - 1)
	spec, _ := joining(t, self)
	err = sandbox.Run(t.Context(), spec)
	var f fault.Fault
	if !errors.As(err, &f) || f.ID != "sandbox-ended" || self.Runs() {
		t.Errorf("it joins another process: %v", err)
	}
}
