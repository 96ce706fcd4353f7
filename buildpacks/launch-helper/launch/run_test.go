package main_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// list returns the command that runs a line without a shell, as a build tells it.
func list(t *testing.T, text string) *exec.Cmd {
	t.Helper()
	line, err := shell.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	commands, err := line.List()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(launch, append([]string{"run"}, commands.Args()...)...)
	cmd.Dir = t.TempDir()
	return cmd
}

// TestRun compares what lists print, and how they end, with what a shell makes of them.
func TestRun(t *testing.T) {
	t.Parallel()
	env := []string{"PATH=" + os.Getenv("PATH"), "WORDS=a  b c", "EMPTY=", "ONE=1", "PATTERN=* ?", "SPACES=  x  "}
	for _, text := range []string{
		`printf '[%s]' a "b c" 'd $ONE' e\ f "" ''`,
		`printf '[%s]' $WORDS "$WORDS" x${WORDS}y "x${WORDS}y" $EMPTY "$EMPTY" $UNSET "$UNSET" x$UNSET`,
		`printf '[%s]' $SPACES x$SPACES'y' "$SPACES" $SPACES$SPACES`,
		`printf '[%s]' ${UNSET:-1} ${UNSET-1} ${EMPTY:-1} ${EMPTY-1} ${ONE:-2} ${ONE-2} "${UNSET:-a  b}" ${UNSET:-a  b} ${UNSET:-'a  b'}`,
		`printf '[%s]' ${UNSET:-${ONE:-2}} ${UNSET:-${EMPTY:-x "$WORDS" \} }} "${UNSET:-"a  b"}" ${UNSET:-} "${UNSET:-}" ${UNSET:-""}`,
		`printf '[%s]' '&&' \; '$ONE' "\$ONE" "\"" \\ '\' '}' "{" --a="$ONE" --b=$ONE`,
		`printf '[%s]' "${UNSET:-\}}" ${UNSET:-\}\"} ${UNSET:-a\ b}`,
		`A=$WORDS B="$ONE$ONE" C='x  y' sh -c 'printf "[%s]" "$A" "$B" "$C"'`,
		`A=1 B=${ONE:-2}$A sh -c 'echo "$A $B"' && echo "$A"`,
		`ONE=7 EMPTY=x WORDS= sh -c 'echo "$ONE$EMPTY$WORDS"' && ONE=8 sh -c 'echo "$ONE"'`,
		`export A=$ONE B='x  y' && printf '[%s]' "$A" $B && sh -c 'echo "$A$B"'`,
		`echo a 'b  c' && false && echo d; echo e`,
		`false; echo $ONE`,
		`false && echo x`,
		`true && exit-is-absent; echo e`,
		`mkdir -p x/y && cd x && mkdir z && cd ../x/y && mkdir w; cd ..; sh -c 'find . | sort'`,
		`sh -c 'exit 3' && echo x`,
		`sh -c 'exit 3'; sh -c 'exit 4'`,
		`sh -c 'kill -TERM $$' && echo x`,
		`echo a; sh -c 'exit 5'`,
		`env ONE=7 sh -c 'echo $ONE' && exec sh -c 'echo "$0 $1"' "$ONE" '$ONE'`,
	} {
		without := list(t, text)
		with := exec.Command("sh", "-c", text)
		without.Env, with.Env, with.Dir = env, env, t.TempDir()
		got, want := finish(t, without), finish(t, with)
		if got.stdout != want.stdout || got.code != want.code {
			t.Errorf("%s\ngot  %q, status %d %s\nwant %q, status %d %s", text, got.stdout, got.code, got.stderr, want.stdout, want.code, want.stderr)
		}
	}
}

// TestRunFails has what cannot be started.
func TestRunFails(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		code   int
		stderr string
	}{
		"absent-program a":         {127, "launch: absent-program is not found in PATH\n"},
		"absent-program && echo x": {127, "launch: absent-program is not found in PATH\n"},
		"./absent && echo x":       {127, "launch: fork/exec ./absent: no such file or directory\n"},
		"./absent; ./absent": {127, "launch: fork/exec ./absent: no such file or directory\n" +
			"launch: ./absent: no such file or directory\n"},
		"/dev/null; /dev/null": {126, "launch: fork/exec /dev/null: permission denied\n" +
			"launch: /dev/null: permission denied\n"},
		"echo a && $UNSET $UNSET":   {1, "launch: ${UNSET} ${UNSET} names no program\n"},
		"true && cd absent && true": {1, "launch: cd absent: no such file or directory\n"},
	} {
		if got := finish(t, list(t, text)); got.code != want.code || got.stderr != want.stderr {
			t.Errorf("%s: status %d and %q, want %d and %q", text, got.code, got.stderr, want.code, want.stderr)
		}
	}
}

// TestRunBecomes has the process of the list become its last program.
func TestRunBecomes(t *testing.T) {
	t.Parallel()
	cmd := list(t, "true && sh -c 'echo $$'")
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil || strings.TrimSpace(out.String()) != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("it is process %q, %v, want %d", out.String(), err, cmd.Process.Pid)
	}
}

// TestRunSignals passes a signal on to the program that runs. No other program runs after one that is to end the list.
func TestRunSignals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`sh -c 'trap "exit 3" TERM; echo; while :; do sleep 0.05; done'; echo x`:           3,
		`sh -c 'echo; exec sleep 60' && echo x`:                                            128 + int(syscall.SIGTERM),
		`true && sh -c 'trap "echo got; exit 4" TERM; echo; while :; do sleep 0.05; done'`: 4,
	} {
		cmd := list(t, text)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		rest := ""
		for lines.Scan() {
			rest += lines.Text()
		}
		_ = cmd.Wait() // the code says the same
		if got := cmd.ProcessState.ExitCode(); got != want || strings.Contains(rest, "x") {
			t.Errorf("%s: status %d after %q, want %d", text, got, rest, want)
		}
	}
}

// TestRunSignalsBetween sends a signal between two commands, while the list waits for somebody to read what echo prints. One that
// does not end the list changes nothing.
func TestRunSignalsBetween(t *testing.T) {
	t.Parallel()
	for s, want := range map[syscall.Signal]int{syscall.SIGWINCH: 7, syscall.SIGCONT: 7, syscall.SIGTERM: 128 + int(syscall.SIGTERM)} {
		cmd := list(t, "echo"+strings.Repeat(" "+strings.Repeat("x", 100_000), 5)+" && sh -c 'exit 7'")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil { // so the list has begun
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, out); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the code says the same
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%v: status %d, want %d", s, got, want)
		}
	}
}

// together returns the command that runs lists at the same time.
func together(t *testing.T, lines ...string) *exec.Cmd {
	t.Helper()
	var all shell.List
	for i, text := range lines {
		line, err := shell.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		commands, err := line.List()
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			commands[0].After = shell.With
		}
		all = append(all, commands...)
	}
	cmd := exec.Command(launch, append([]string{"run"}, all.Args()...)...)
	cmd.Dir = t.TempDir()
	return cmd
}

// TestTogether runs lists that wait for each other, so that none could end before another one begins.
func TestTogether(t *testing.T) {
	t.Parallel()
	cmd := together(t, "mkfifo a && echo made; sh -c 'cat <a; echo read'", "sh -c 'until test -p a; do sleep 0.01; done; echo written >a'")
	if got := finish(t, cmd); got.code != 0 || got.stdout != "made\nwritten\nread\n" || got.stderr != "" {
		t.Errorf("status %d, %q, %q", got.code, got.stdout, got.stderr)
	}
}

// TestTogetherEnds ends all when one fails or a signal comes. One that ends well ends nothing.
func TestTogetherEnds(t *testing.T) {
	t.Parallel()
	const server = `sh -c 'trap "echo stopped; exit 4" TERM; echo; while :; do sleep 0.05; done'`
	const gone = "until test -e pid && ! kill -0 $(cat pid) 2>/dev/null; do sleep 0.05; done; echo;"
	for name, test := range map[string]struct {
		lines  []string
		signal bool
		code   int
		stops  int
	}{
		"one fails":         {[]string{server, "true && sh -c 'read x; exit 7'"}, false, 7, 1},
		"one is not there":  {[]string{server, server, "sh -c 'read x'; ./absent"}, false, 127, 2},
		"one is killed":     {[]string{"sh -c 'read x; kill -KILL $$'", server}, false, 137, 1},
		"one ends well":     {[]string{"sh -c 'echo $$ >p && mv p pid'", strings.Replace(server, "echo;", gone, 1)}, true, 4, 1},
		"a signal":          {[]string{server, server}, true, 4, 2},
		"a signal in lists": {[]string{"sh -c 'echo; exec sleep 60' && echo stopped", server}, true, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := together(t, test.lines...)
			in, out := pipes(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			began := strings.Count(strings.Join(test.lines, "\n"), "echo; ")
			lines, stops := bufio.NewScanner(out), 0
			for lines.Scan() {
				switch lines.Text() {
				case "":
					began--
				case "stopped":
					stops++
				}
				if began == 0 && test.signal {
					_ = cmd.Process.Signal(syscall.SIGTERM) // once: the next line is not empty
					began--
				}
				if began == 0 {
					in.Close()
				}
			}
			_ = cmd.Wait() // the code says the same
			if code := cmd.ProcessState.ExitCode(); test.code != 0 && code != test.code || code == 0 || stops != test.stops {
				t.Errorf("status %d, want %d; %d stopped, want %d", code, test.code, stops, test.stops)
			}
		})
	}
}

// pipes returns what a command reads and writes.
func pipes(t *testing.T, cmd *exec.Cmd) (io.WriteCloser, io.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return in, out
}
