package command_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// tool writes a shell script and returns the folder that it is in.
func tool(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	// A process that another test starts meanwhile would hold the file open for writing until it is another program.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	kittest.Write(t, dir, map[string]string{"tool": "#!/bin/sh\n" + script})
	return dir
}

func TestRun(t *testing.T) {
	t.Parallel()
	dir := tool(t, `echo "$1 $VALUE $HOME $(pwd)"; echo problem >&2`)
	var out bytes.Buffer
	c := command.Command{
		Path: "tool", Args: []string{"arg"}, Dir: dir,
		Env: []string{"VALUE=x", "PATH=" + dir + ":/usr/bin:/bin"}, Log: report.New(&out, report.Options{}),
	}
	if err := command.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if want := "      arg x  " + dir + "\n      problem\n"; out.String() != want {
		t.Errorf("log is %q, want %q", out.String(), want)
	}
	out.Reset()
	got, err := command.Output(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if want := "arg x  " + dir + "\n"; string(got) != want {
		t.Errorf("output is %q, want %q", got, want)
	}
	if want := "      problem\n"; out.String() != want {
		t.Errorf("log is %q, want %q", out.String(), want)
	}
}

// TestSkip logs what is not skipped, line by line, and keeps all for an error.
func TestSkip(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var asked []string
	dir := tool(t, "printf 'one\\n\\nwarn'; printf 'ing\\r\\ntwo'; exit 3")
	err := command.Run(t.Context(), command.Command{Path: filepath.Join(dir, "tool"), Log: report.New(&log, report.Options{}),
		Skip: func(line string) bool { asked = append(asked, line); return line == "warning" }})
	failed := new(command.Error)
	if !errors.As(err, &failed) || len(failed.Tail) != 4 {
		t.Errorf("got %v", err)
	}
	if want := []string{"one", "", "warning", "two"}; !slices.Equal(asked, want) {
		t.Errorf("it is asked of %q, want %q", asked, want)
	}
	if got := strings.Fields(log.String()); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the log has %q", got)
	}
}

// TestDebug tells of the call when debugging was asked for, without what is secret in it.
func TestDebug(t *testing.T) {
	t.Parallel()
	dir := tool(t, "echo problem >&2; exit $1")
	var out bytes.Buffer
	c := command.Command{
		Path: filepath.Join(dir, "tool"), Dir: dir, Silent: true, Log: report.New(&out, report.Options{Debug: true}),
		Args: []string{"0", "https://me:pw1@example.test/x", "--//example.test/:_authToken=pw2", "-X main.apiToken=pw3", "a:b@c"},
	}
	if err := command.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := "    debug: runs tool 0 https://***@example.test/x --//example.test/:_authToken=*** -X main.apiToken=*** a:b@c in " + dir + "\n" +
		"    debug: tool took 0.0s\n"
	if out.String() != want {
		t.Errorf("log is %q, want %q", out.String(), want)
	}
	c.Args[0] = "3"
	if err := command.Run(t.Context(), c); err == nil || strings.Contains(err.Error(), "pw") {
		t.Errorf("the error is %v", err)
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	dir := tool(t, `i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i+1)); done; exit 3`)
	err := command.Run(t.Context(), command.Command{Path: filepath.Join(dir, "tool"), Args: []string{"-x"}})
	var failed *command.Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a command.Error", err)
	}
	if len(failed.Tail) != 200 || failed.Tail[0] != "line 100" {
		t.Errorf("tail is %q, want lines 100 to 299", failed.Tail)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("got %v, want exit code 3", err)
	}
	if want := "running tool -x: exit status 3: line 299"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestRunNotFound(t *testing.T) {
	t.Parallel()
	err := command.Run(t.Context(), command.Command{Path: "sh", Env: []string{"PATH=" + t.TempDir()}})
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v, want exec.ErrNotFound: the tool is in our PATH, not in the command's", err)
	}
}

// TestRunStops holds that a canceled context stops the tool and what it started.
func TestRunStops(t *testing.T) {
	t.Parallel()
	dir := tool(t, `sleep 600 & echo $! >child; echo >ready; wait`)
	if err := syscall.Mkfifo(filepath.Join(dir, "ready"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- command.Run(ctx, command.Command{Path: filepath.Join(dir, "tool"), Dir: dir, Env: []string{"PATH=/usr/bin:/bin"}})
	}()
	pid := awaitChild(t, dir)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	// It is gone, or a zombie for want of a parent, or dying: a descriptor of it tells when it has ended.
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000); n != 1 {
		t.Errorf("the tool's child %d still runs (%v): %v", pid, err, syscall.Kill(pid, syscall.SIGKILL))
	}
}

// awaitChild waits until the tool has started its child and returns the child's process id.
func awaitChild(t *testing.T, dir string) int {
	t.Helper()
	// Reading a FIFO blocks until the tool writes to it.
	if _, err := os.ReadFile(filepath.Join(dir, "ready")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
