package run

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestRunning finds what runs by the name of its image, and by number where there are several. What has ended is none, and neither is
// another process that has its number now.
func TestRunning(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	note := func(image string, p sandbox.Process) {
		dir, remove, err := h.Scratch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(remove)
		if err := h.NoteRun(dir, home.Run{Image: image, PID: p.PID, Began: p.Began}); err != nil {
			t.Fatal(err)
		}
	}
	_, remove, err := h.Scratch(t.Context()) // of a build
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	fails := func(want string, pid int) {
		t.Helper()
		_, err := Running(h, "app", pid)
		if !errors.As(err, new(fault.Fault)) || !strings.Contains(err.Error(), want) {
			t.Errorf("process %d: %v, want %s", pid, err, want)
		}
	}
	self, err := sandbox.ProcessOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	note("other", self)
	note("app", sandbox.Process{PID: self.PID, Began: self.Began + "0"})
	fails("no `strata run` of app is there; start it in another terminal, or leave --join out", 0)
	note("app:latest", self)
	if got, err := Running(h, "app", 0); got != self || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	fails("app was started 1 times, by none as process 1; name one with --join=: "+strconv.Itoa(self.PID), 1)

	cmd := exec.Command("cat") // until its standard input ends
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	second, err := sandbox.ProcessOf(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	note("app", second)
	fails("app was started 2 times; name one with --join=: ", 0)
	if got, err := Running(h, "app", second.PID); got != second || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if got, err := Running(h, "app", 0); got != self || err != nil {
		t.Errorf("when the second has ended: %v, %v", got, err)
	}
}
