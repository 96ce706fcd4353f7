package sandbox_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
)

// TestMachine looks at what container engines show of a machine, and at what they hide. What this machine lacks is hidden anyway.
func TestMachine(t *testing.T) {
	t.Parallel()
	shown := map[string]string{
		"/sys/class/net": "/sys/class/net folder true write refused", "/dev/pts": "/dev/pts folder true write refused",
		"/proc/sys": "/proc/sys folder true write refused", "/proc/meminfo": "/proc/meminfo file true allowed write refused",
	}
	hidden := []string{"/proc/keys", "/proc/kcore", "/proc/timer_list", "/proc/interrupts", "/sys/firmware", "/sys/dev/block"}
	args := []string{"machine"}
	for path := range shown {
		args = append(args, path)
	}
	spec, output := world(t, append(args, hidden...)...)
	spec.Network, spec.Sysfs = sandbox.HostNetwork, true
	if err := os.Mkdir(filepath.Join(spec.Root, "sys"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := run(t, spec); err != nil {
		t.Fatal(err, output)
	}
	for line := range strings.Lines(output.String()) {
		path, _, _ := strings.Cut(line, " ")
		if want, found := shown[path]; found {
			if got := strings.TrimSpace(line); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			delete(shown, path)
		} else if strings.Contains(line, " true") {
			t.Errorf("it sees %s", line)
		}
	}
	if len(shown) > 0 {
		t.Errorf("it was not asked for %v", shown)
	}
}

// TestOutputIsOpenedAgain has a command that opens what it writes to by its name, as programs do that log to a file.
func TestOutputIsOpenedAgain(t *testing.T) {
	t.Parallel()
	spec, output := world(t, "reopen", "/dev/stdout", "/dev/stderr")
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	if got, want := output.String(), "/dev/stdout\n/dev/stderr\n"; got != want {
		t.Errorf("it writes %q, want %q", got, want)
	}
}

// TestTerminal has a command talk to a terminal of its own.
func TestTerminal(t *testing.T) {
	t.Parallel()
	spec, _ := world(t, "terminal")
	said := make(chan string, 1)
	spec.Terminal, spec.Attach = true, func(terminal *os.File) {
		if _, err := io.WriteString(terminal, "hello\n"); err != nil {
			t.Error(err)
		}
		all, _ := io.ReadAll(terminal) // it ends with EIO: pty(7)
		said <- strings.ReplaceAll(string(all), "\r\n", "\n")
	}
	if err := run(t, spec); err != nil {
		t.Fatal(err)
	}
	got := <-said
	got = strings.Replace(got, "hello\n", "", 1) // the echo, which comes at any time before the answer
	want := "stdin /dev/pts/0 allowed\ncontrolling terminal allowed\nsize true allowed\nread \"hello\\n\" allowed\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the terminal shows (-want +got):\n%s", diff)
	}
}

// TestSignalsArePassedOn has a command that ends with the number of the signal that it gets, and one that ignores it.
func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	for _, sent := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1} {
		if status := signalled(t, sent, "trap", time.Minute); !status.Exited() || status.ExitStatus() != int(sent) {
			t.Errorf("the command ends with %v after %s", status, sent)
		}
	}
	if status := signalled(t, syscall.SIGTERM, "ignore", time.Nanosecond); status.Signal() != syscall.SIGKILL {
		t.Errorf("after its grace the command ends with %v", status)
	}
}

// signalled starts the probe, sends it a signal and returns how it ended.
func signalled(t *testing.T, sent os.Signal, what string, grace time.Duration) syscall.WaitStatus {
	t.Helper()
	spec, _ := world(t, what)
	started, signals := &notifier{make(chan struct{})}, make(chan os.Signal, 1)
	spec.Stdout, spec.Signals, spec.Grace = started, signals, grace
	go func() {
		<-started.started
		signals <- sent
	}()
	var ended *exec.ExitError
	if err := run(t, spec); !errors.As(err, &ended) {
		t.Fatalf("got %v, want a status", err)
	}
	return ended.Sys().(syscall.WaitStatus)
}
