package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/strata-buildpacks/strata/builder/platform/run"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

type runFlags struct {
	env, bindings    []string
	process, command string
	terminal         bool
	port             int
	ask              string
	status           int
	answerTimeout    time.Duration
	seccomp          bool
}

func runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run IMAGE [-- ARG…]",
		Short: "Start an image in a sandbox on this machine's network",
		Long: "Start an image of the local store in a sandbox on this machine's network, with PORT\n" +
			"set to the port it should listen on. What it writes is gone when it ends. Signals go\n" +
			"to the app, and the app's exit status is the one of the command.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(cmd.Flags().Changed); err != nil {
				return err
			}
			env, err := givenEnv(flags.env)
			if err != nil {
				return err
			}
			unpacked, err := unpackLimit(os.Getenv)
			if err != nil {
				return err
			}
			h, err := openHome()
			if err != nil {
				return err
			}
			options := run.Options{
				Unpacked: unpacked,
				Image:    args[0], Process: flags.process, Command: flags.command, Args: args[1:],
				Env:      append([]string{fmt.Sprintf("PORT=%d", flags.port)}, env...),
				Bindings: flags.bindings,
			}
			if flags.seccomp {
				options.Refused = tellRefused()
			}
			if flags.ask != "" {
				return ask(cmd.Context(), h, options, flags)
			}
			return interact(options, flags.terminal || flags.command != "", func(options run.Options) error {
				return run.Image(cmd.Context(), h, options)
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&flags.env, "env", "e", nil, "variable of the app, NAME=value (or NAME: with the value it has here)")
	f.StringArrayVar(&flags.bindings, "binding", nil, "folder of a service binding")
	f.StringVar(&flags.process, "process", "", "process type to start (default: the image's)")
	f.StringVar(&flags.command, "command", "", "program of the image to start instead, with a terminal if there is one here")
	f.BoolVarP(&flags.terminal, "tty", "t", false, "give the app a terminal")
	f.BoolVar(&flags.seccomp, "seccomp", false, "allow no system calls but those of the image's seccomp profile, and name what it refuses")
	f.IntVarP(&flags.port, "port", "p", 8080, "port that the app should listen on, in PORT")
	f.StringVar(&flags.ask, "ask", "", "path to GET once the app listens; prints the answer and stops the app")
	f.IntVar(&flags.status, "status", 0, "the only status of an answer to --ask that is no failure (default: each below 400)")
	f.DurationVar(&flags.answerTimeout, "timeout", 30*time.Second, "how long --ask waits for an answer")
	return cmd
}

// check finds flags that mean nothing.
func (f runFlags) check(given func(flag string) bool) error {
	wrong := func(what, do string) error { return fault.Fault{ID: "run-flags", What: what, Do: do} }
	switch {
	case f.process != "" && f.command != "":
		return wrong("--process and --command both say what to start", "leave one out")
	case f.port < 1 || f.port > 65535:
		return wrong(fmt.Sprintf("--port %d is no port", f.port), "write a number from 1 to 65535")
	case f.ask != "" && !strings.HasPrefix(f.ask, "/"):
		return wrong(fmt.Sprintf("--ask %s is no path", f.ask), "begin it with a slash: /"+f.ask)
	case f.ask != "" && f.terminal:
		return wrong("--ask needs no terminal", "leave --tty out")
	case given("status") && (f.status < 100 || f.status > 999):
		return wrong(fmt.Sprintf("--status %d is no status of HTTP", f.status), "write a number of three digits")
	case f.answerTimeout <= 0 && given("timeout"):
		return wrong(fmt.Sprintf("--timeout %s is no time to wait", f.answerTimeout), "write one like 30s")
	case f.ask == "" && (given("status") || given("timeout")):
		return wrong("--status and --timeout are about --ask", "add --ask, or leave them out")
	case f.terminal && !atTerminal():
		return wrong("--tty needs a terminal, and stdin or stdout is none here", "leave --tty out")
	}
	return nil
}

// exitStatus is the error of a command that ends as the program that it ran.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("the program ended with status %d", int(s)) }

// statusOf returns how a program ended, as a shell says it.
func statusOf(ended *exec.ExitError) exitStatus {
	if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitStatus(128 + int(status.Signal()))
	}
	return exitStatus(ended.ExitCode())
}

// interact starts a program that reads and writes here and gets the signals that arrive here. If asked, it has a terminal where there
// is one.
func interact(options run.Options, terminal bool, start func(run.Options) error) error {
	note := noteOnce()
	options.Stdin, options.Stdout, options.Stderr = os.Stdin, os.Stdout, run.Watch(os.Stderr, note)
	if !term.IsTerminal(int(os.Stdout.Fd())) { // on a terminal, programs write in colour and at once
		options.Stdout = run.Watch(os.Stdout, note)
	}
	if terminal && atTerminal() {
		here, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("opening the terminal: %w", err)
		}
		defer here.Close()
		options.Terminal = here
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, heard(forwarded...)...)
	defer signal.Stop(signals)
	options.Signals = signals
	if term.IsTerminal(int(os.Stdin.Fd())) && !signal.Ignored(syscall.SIGHUP) {
		defer endWithTerminal(signals)()
	}
	err := start(options)
	if ended := new(exec.ExitError); errors.As(err, &ended) {
		return statusOf(ended)
	}
	return err
}

// endWithTerminal has a program end whose terminal is gone, as nobody else can end it any more. A hangup that somebody sends while the
// terminal is there is the program's alone. The returned function stops that.
func endWithTerminal(signals chan<- os.Signal) (stop func()) {
	hangup, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-hangup:
			}
			terminal, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
			if err != nil {
				signals <- syscall.SIGTERM
				return
			}
			_ = terminal.Close()
		}
	}()
	return func() { signal.Stop(hangup); close(done) }
}

// atTerminal reports whether somebody sits at a terminal, to type and to read.
func atTerminal() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// noteOnce returns a function that prints a note the first time.
func noteOnce() func(text string) {
	var once sync.Once
	return func(text string) { once.Do(func() { fmt.Fprintln(stderr, "strata: note:", text) }) }
}

// tellRefused returns a function that names each system call that a profile refuses, once.
func tellRefused() func(call string) {
	told := map[string]bool{}
	return func(call string) {
		if !told[call] {
			told[call] = true
			fmt.Fprintf(stderr, "strata: note: the seccomp profile refuses %s to the app\n", call)
		}
	}
}

// heard leaves a hangup out that is ignored here, as nohup(1) has it: to listen for it would end that.
func heard(signals ...os.Signal) []os.Signal {
	ignored := signal.Ignored(syscall.SIGHUP)
	return slices.DeleteFunc(slices.Clone(signals), func(one os.Signal) bool { return ignored && one == syscall.SIGHUP })
}

// forwarded are the signals that a program gets that runs in a sandbox.
var forwarded = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}
