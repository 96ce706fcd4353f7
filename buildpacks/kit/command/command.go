// Package command runs the tools that a buildpack calls, with an environment that is given in full.
package command

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// tailLines is how many of a tool's last lines an Error keeps. Package managers write much below what a compiler wrote.
const tailLines = 200

// grace is how long a tool may take to stop after its context ends, before it is killed.
const grace = 3 * time.Second

// Command is one call of a tool.
type Command struct {
	Path string      // absolute, or a name that is looked up in the PATH of Env
	Args []string    // without the name of the tool
	Dir  string      // working directory
	Env  []string    // the whole environment, "NAME=value"; nothing is inherited
	Log  *report.Log // where both streams go, line by line; nil for nowhere

	Grace  time.Duration // how long it may take to stop after its context ends, before it is killed; 0: three seconds
	Silent bool          // the log has a line of the call under debugging, and nothing of the streams
	// Skip is asked of each line, without its end, that is to be logged, if it is not nil: those of which it reports true are not.
	Skip func(line string) bool
}

// Error is how a tool failed. Tail holds its last lines, without those of a captured standard output.
type Error struct {
	Command string // the tool's base name and arguments
	Tail    []string
	Elapsed time.Duration
	Err     error // *exec.ExitError, context.Canceled, or why the tool could not be started
}

// Error returns one line: the command, how it ended and the last line it wrote.
func (e *Error) Error() string {
	line := fmt.Sprintf("running %s: %v", e.Command, e.Err)
	if len(e.Tail) > 0 {
		line += ": " + e.Tail[len(e.Tail)-1]
	}
	return line
}

// Unwrap returns how the tool ended.
func (e *Error) Unwrap() error { return e.Err }

// Run runs the command and streams its output to the log as it comes.
func Run(ctx context.Context, c Command) error {
	return c.run(ctx, nil)
}

// Output runs the command and returns what it wrote to standard output; standard error is streamed to the log.
func Output(ctx context.Context, c Command) ([]byte, error) {
	var out bytes.Buffer
	if err := c.run(ctx, &out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (c Command) run(ctx context.Context, stdout io.Writer) error {
	start := time.Now()
	end := &tail{}
	stderr := io.Writer(end)
	name := redact(strings.Join(append([]string{filepath.Base(c.Path)}, c.Args...), " "))
	if c.Log != nil {
		c.Log.Debug("runs %s in %s", name, cmp.Or(c.Dir, "."))
		defer func() { c.Log.Debug("%s took %s", filepath.Base(c.Path), report.Duration(time.Since(start))) }()
	}
	if c.Log != nil && !c.Silent {
		stream := c.Log.Stream()
		defer func() { _ = stream.Close() }()
		if c.Skip != nil {
			rest := &sieve{skip: c.Skip, rest: stream}
			defer func() { _ = rest.Close() }()
			stream = rest
		}
		stderr = io.MultiWriter(end, stream)
	}
	if stdout == nil {
		stdout = stderr
	}
	err := c.start(ctx, stdout, stderr)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return &Error{Command: name, Tail: end.lines(), Elapsed: time.Since(start), Err: err}
}

// secret matches what may be secret in an argument: a login in an address, and the value of what is named as a secret.
var secret = regexp.MustCompile(`(?i)(://)[^/@\s]+(@)|((?:token|secret|password|passwd|_auth)[\w-]*[= ])\S+()`)

// redact hides the secrets in a command line that a person reads.
func redact(line string) string { return secret.ReplaceAllString(line, "$1$3***$2$4") }

func (c Command) start(ctx context.Context, stdout, stderr io.Writer) error {
	path, err := lookPath(c.Path, c.Env)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Args[0] = c.Path
	cmd.Dir, cmd.Env = c.Dir, c.Env
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would inherit
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// A tool is stopped with everything that it started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = cmp.Or(c.Grace, grace)
	err = cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what ignored SIGTERM
	}
	return err
}

// lookPath finds a tool in the PATH of env, which os/exec would look up in our own.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, entry := range env {
		list, ok := strings.CutPrefix(entry, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("looking for %s in PATH: %w", name, exec.ErrNotFound)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// tailBytes bounds what tail keeps, so that a tool without line feeds does not fill the memory.
const tailBytes = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimRight(string(t.buf), "\r\n ")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-tailLines):]
}
