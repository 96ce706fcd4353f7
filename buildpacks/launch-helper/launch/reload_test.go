package main_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// server says what its file holds, and then waits for a signal; it leaves a process of its own behind.
const server = `#!/bin/sh
trap 'echo "stopped by $1"; exit 7' TERM
trap 'echo reloaded' USR1
sleep 1000 &
greeting=$(cat "$2/greeting")
echo "started: $greeting"
[ "$greeting" = broken ] && exit 3
while :; do wait; done
`

// session is the program under test with an app, and what both say, line by line.
type session struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	app   string
}

func reload(t *testing.T) session {
	t.Helper()
	app := t.TempDir()
	kittest.Write(t, app, map[string]string{"server": server, "greeting": "one", "src/deep/file": "", ".git/index": "",
		"node_modules/a/index.js": ""})
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), launch, "reload", app, "--", "server", "me", app)
	cmd.Env = []string{"PATH=" + app + ":" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = write, write
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() { read.Close() })
	return session{cmd, bufio.NewScanner(read), app}
}

// says expects lines one after the other.
func (s session) says(t *testing.T, want ...string) {
	t.Helper()
	for _, line := range want {
		if !s.lines.Scan() {
			t.Fatalf("it ends, want %q", line)
		}
		if got := strings.ReplaceAll(s.lines.Text(), s.app, "<app>"); got != line {
			t.Fatalf("it says %q, want %q", got, line)
		}
	}
}

func (s session) write(t *testing.T, file, content string) {
	t.Helper()
	kittest.Write(t, s.app, map[string]string{file: content})
}

// ends expects the end with an exit code.
func (s session) ends(t *testing.T, code int) {
	t.Helper()
	for s.lines.Scan() {
		t.Errorf("it still says %q", s.lines.Text())
	}
	_ = s.cmd.Wait() // the code says the same
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("it ends with code %d, want %d", got, code)
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	s := reload(t)
	s.says(t, "started: one")
	s.write(t, "greeting", "two")
	s.says(t, "reload: <app>/greeting changed", "stopped by me", "started: two")

	// A folder that is made is watched, what editors and git write is not, and a file that is replaced counts.
	for _, file := range []string{".git/index", ".greeting.swp", "greeting~", "node_modules/a/index.js"} {
		s.write(t, file, "x")
	}
	if err := os.Mkdir(filepath.Join(s.app, "new"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.says(t, "reload: <app>/new changed", "stopped by me", "started: two")
	s.write(t, "new/file", "x")
	s.says(t, "reload: <app>/new/file changed", "stopped by me", "started: two")
	s.write(t, ".next", "three")
	if err := os.Rename(filepath.Join(s.app, ".next"), filepath.Join(s.app, "greeting")); err != nil {
		t.Fatal(err)
	}
	s.says(t, "reload: <app>/greeting changed", "stopped by me", "started: three")

	// An app that ends by itself waits for the next change, and so does one that cannot be started.
	s.write(t, "greeting", "broken")
	s.says(t, "reload: <app>/greeting changed", "stopped by me", "started: broken",
		"reload: the app ended with status 3; it starts again when a file changes")
	if err := os.Remove(filepath.Join(s.app, "server")); err != nil {
		t.Fatal(err)
	}
	s.says(t, "reload: <app>/server changed",
		"reload: server is not found in PATH; it is tried again when a file changes")
	s.write(t, "greeting", "four")
	s.says(t, "reload: <app>/greeting changed",
		"reload: server is not found in PATH; it is tried again when a file changes")
	s.write(t, "server", server)
	s.says(t, "reload: <app>/server changed", "started: four")

	// Signals are the app's.
	for _, signal := range []os.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
		if err := s.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if signal == syscall.SIGUSR1 {
			s.says(t, "reloaded")
		}
	}
	s.says(t, "stopped by me")
	s.ends(t, 7)
}

func TestReloadUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--", "/bin/true"}, {"/tmp"}, {"/tmp", "--"}} {
		got := finish(t, exec.CommandContext(t.Context(), launch, append([]string{"reload"}, args...)...))
		if want := "call it as launch"; got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%v: code %d and %q, want %q", args, got.code, got.stderr, want)
		}
	}
	got := finish(t, exec.CommandContext(t.Context(), launch, "reload", "/nowhere", "--", "/bin/true"))
	if want := "reload: lstat /nowhere: no such file or directory\n"; got.code != 1 || got.stderr != want {
		t.Errorf("code %d and %q, want %q", got.code, got.stderr, want)
	}
}
