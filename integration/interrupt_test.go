package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestPlatformInterrupt presses Ctrl-C in each phase that runs buildpacks. It is not parallel, so every child of this process
// afterwards is one that a command left behind.
func TestPlatformInterrupt(t *testing.T) {
	suite(t, everyUser)
	app, name := sample(t, "hello"), image(t)
	want := build(t, app, name)
	for _, phase := range []string{"detector", "builder"} {
		t.Run(phase, func(t *testing.T) {
			// A phase may end before the signal arrives. After the last phase, the build has succeeded.
			for try := 1; ; try++ {
				edit(t, app, "main.go", "package main", "package main\n// change")
				got := interrupt(t, phase, "build", app, "-t", name)
				if got.status == 0 && try < 10 {
					continue
				}
				if got.status != 130 {
					t.Errorf("status %d, want 130", got.status)
				}
				if last := lastLine(got.stderr); last != "strata: interrupted; no image was changed\n" {
					t.Errorf("its last words are %q", last)
				}
				break
			}
			if left := leftovers(t); len(left) > 0 {
				t.Errorf("it left running: %v", left)
			}
			if o := strata(t, "inspect", name); o.status != 0 {
				t.Errorf("the image of the build before is gone: %s", o.stderr)
			}
		})
	}
	restore := sample(t, "hello")
	if got := build(t, restore, name); got != want {
		t.Errorf("after the interruptions it gives %s, before %s", got, want)
	}
	if entries, err := os.ReadDir(filepath.Join(home(), "tmp")); err != nil || len(entries) > 0 {
		t.Errorf("tmp has %d entries (%v), want none", len(entries), err)
	}
}

// TestPlatformKilled kills a build that has secrets. It looks for them where the build runs, and then in what is left on the disk.
func TestPlatformKilled(t *testing.T) {
	suite(t, everyUser)
	app, binding := sample(t, "hello"), filepath.Join(t.TempDir(), "vault")
	secrets := map[string]string{"env/STRATA_TEST_TOKEN": "abc-of-a-variable", "bindings/vault/password": "abc-of-a-binding"}
	kittest.Write(t, binding, map[string]string{"type": "vault", "password": secrets["bindings/vault/password"]})
	edit(t, app, "main.go", "package main", "package main\n// change") // something to compile
	cmd := exec.CommandContext(t.Context(), "strata", "build", app, "-t", image(t), "--clear-cache", "--binding", binding,
		"--env", "STRATA_TEST_TOKEN="+secrets["env/STRATA_TEST_TOKEN"])
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for builder := 0; builder == 0; {
		select {
		case <-ended:
			t.Fatalf("the builder was never seen\n%s", &stderr)
		case <-tick.C:
			builder = child(t, cmd.Process.Pid, "/cnb/lifecycle/builder")
		}
		for file, want := range secrets {
			path := filepath.Join("/proc", strconv.Itoa(builder), "root", "platform", file)
			if got, err := os.ReadFile(path); builder != 0 && (err != nil || string(got) != want) {
				t.Errorf("the build finds %q in %s (%v), want %s", got, file, err, want)
			}
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	left := 0
	for _, folder := range []string{"tmp", "apps"} {
		err := filepath.WalkDir(filepath.Join(home(), folder), func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			left++
			content, err := os.ReadFile(path)
			for file, secret := range secrets {
				if bytes.Contains(content, []byte(secret)) {
					t.Errorf("%s has what was in %s", path, file)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if left == 0 {
		t.Error("the killed build left no file, so none was looked at")
	}
}

// traps answers each request with 404 and ends with 40 and the number of the signal that it gets.
const traps = `package main

import (
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go http.ListenAndServe(":"+os.Getenv("PORT"), http.NotFoundHandler())
	os.Stdout.WriteString("started\n")
	os.Exit(40 + int((<-signals).(syscall.Signal)))
}
`

// TestRunEndsAsTheApp sends signals to an app, and asks it for what it does not have.
func TestRunEndsAsTheApp(t *testing.T) {
	suite(t, everyUser)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // what is started ignores a hangup if the test does, below nohup
	name := image(t)
	build(t, writeApp(t, map[string]string{"go.mod": "module example.test/traps\n\ngo 1.25\n", "main.go": traps}), name)
	for _, sent := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		cmd := exec.CommandContext(t.Context(), "strata", "run", name, "--port", freePort(t))
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "started\n" {
			t.Errorf("the app says %q, %v", line, err)
		}
		if err := cmd.Process.Signal(sent); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the status is looked at next
		if got, want := cmd.ProcessState.ExitCode(), 40+int(sent); got != want {
			t.Errorf("after %s it ends with status %d, want the app's %d", sent, got, want)
		}
	}
	for status, flags := range map[int][]string{0: {"--status", "404"}, 1: nil} {
		if got := strata(t, append([]string{"run", name, "--port", freePort(t), "--ask", "/"}, flags...)...); got.status != status {
			t.Errorf("404 and the flags %v: status %d, want %d\n%s", flags, got.status, status, got.stderr)
		}
	}
	// The launcher writes its errors to stdout.
	if got := strata(t, "run", name, "--command", "absent"); got.status == 0 || !strings.Contains(got.stdout, `"absent"`) {
		t.Errorf("a program that is not there: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	if got := strata(t, "stack", "build", "static-debug"); got.status != 0 {
		t.Fatalf("making the debug twin: status %d\n%s", got.status, got.stderr)
	}
	before := strata(t, "inspect", name).stdout
	got := strata(t, "debug", name, "--", "bash", "-c", "pwd; test -w /dev/pts/ptmx && touch /tmp/x && exit 9")
	if got.status != 9 || got.stdout != "/workspace\n" {
		t.Errorf("in the debug twin: status %d, want 9\n%s%s", got.status, got.stdout, got.stderr)
	}
	if after := strata(t, "inspect", name).stdout; after != before {
		t.Errorf("strata debug has changed the image from\n%sto\n%s", before, after)
	}
}

// interrupt starts strata and waits until it runs a program of the lifecycle. Then it sends SIGINT to every process of the group,
// as a terminal does on Ctrl-C.
func interrupt(t *testing.T, program string, args ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "strata", args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the status is looked at below
		close(ended)
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent := false; ; {
		select {
		case <-ended:
			if !sent {
				t.Logf("%s was never seen", program)
			}
			return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
		case <-tick.C:
			if !sent && child(t, cmd.Process.Pid, "/cnb/lifecycle/"+program) != 0 {
				if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
				sent = true
			}
		}
	}
}

// child returns the id of a process that strata started and that runs a program in a sandbox, or 0.
func child(t *testing.T, strata int, program string) int {
	t.Helper()
	for _, p := range processes(t) {
		if p.parent == strata && strings.HasPrefix(p.command, program) {
			return p.id
		}
	}
	return 0
}

// leftovers lists the children of this process that still run.
func leftovers(t *testing.T) []process {
	t.Helper()
	var left []process
	for _, p := range processes(t) {
		if p.parent == os.Getpid() && p.state != "Z" {
			left = append(left, p)
		}
	}
	return left
}

type process struct {
	id, parent     int
	state, command string
}

// processes reads /proc. It leaves out processes that end meanwhile.
func processes(t *testing.T) []process {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var all []process
	for _, stat := range stats {
		content, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		command, err := os.ReadFile(filepath.Join(filepath.Dir(stat), "cmdline"))
		if err != nil {
			continue
		}
		p := process{command: strings.ReplaceAll(string(command), "\x00", " ")}
		// proc(5): the name in parentheses may hold anything, the rest is separated by blanks.
		before, after, _ := bytes.Cut(content, []byte(" ("))
		after = after[bytes.LastIndexByte(after, ')')+1:]
		if _, err := fmt.Sscan(string(before), &p.id); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(string(after), &p.state, &p.parent); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}
