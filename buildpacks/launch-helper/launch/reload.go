package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// grace is how long the app may take to end, the time that Docker gives it.
const grace = 10 * time.Second

// ending are the signals after which the app is not started again.
var ending = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP}

// passed are the signals that are passed on to the app.
var passed = append([]os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT}, ending...)

// reloader runs the app and starts it again when files change.
type reloader struct {
	command []string
	log     io.Writer
	changes chan string // a file, for every time that files changed
	signals chan os.Signal
}

// reload takes folders, "--" and a command, and returns the exit code of the app that a signal ends.
func reload(args []string, env environment, log io.Writer) (code int, err error) {
	end := slices.Index(args, "--")
	if end < 1 || end == len(args)-1 {
		return 0, errors.New("reload: call it as launch reload FOLDER… -- PROGRAM [ARGUMENT…]")
	}
	w, err := watch(args[:end])
	if err != nil {
		return 0, fmt.Errorf("reload: %w", err)
	}
	r := reloader{command: args[end+1:], log: log, changes: make(chan string), signals: make(chan os.Signal, 16)}
	signal.Notify(r.signals, passed...)
	failed := make(chan error, 1)
	go func() {
		for {
			file, err := w.next()
			if err != nil {
				failed <- err
				return
			}
			r.changes <- file
		}
	}()
	for again := true; again; {
		a, err := start(r.command, env)
		if err != nil {
			r.say("%v; it is tried again when a file changes", err)
		}
		again, code = r.until(a, failed)
	}
	return code, nil
}

// app is a process group that was started.
type app struct {
	group int
	ended chan int // its exit code, once
}

func start(command []string, env environment) (*app, error) {
	program, err := env.find(command[0])
	if err != nil {
		return &app{}, err
	}
	process, err := os.StartProcess(program, command, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return &app{}, err
	}
	a := &app{group: process.Pid, ended: make(chan int, 1)}
	go func() { a.ended <- status(process) }()
	return a, nil
}

// status waits for the end of a process and returns its exit code, as a shell tells it.
func status(process *os.Process) int {
	state, err := process.Wait()
	if err != nil {
		return 1
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitCode(status.Signal())
	}
	return state.ExitCode()
}

// exitCode returns the exit code of a program that a signal ended.
func exitCode(s os.Signal) int { return 128 + int(number(s)) }

// number returns a signal as the kernel knows it.
func number(s os.Signal) syscall.Signal { n, _ := s.(syscall.Signal); return n }

// signal sends a signal to all processes of an app that runs.
func (a *app) signal(s os.Signal) {
	if a.ended != nil {
		_ = syscall.Kill(-a.group, number(s)) // it may just have ended
	}
}

// until waits until files change or the app is to end. It tells which, and with which code the app ended.
func (r *reloader) until(a *app, failed chan error) (again bool, code int) {
	stopping := false
	var kill <-chan time.Time // nil, and so never, unless the app is to end for a change
	for {
		select {
		case s := <-r.signals:
			stopping = stopping || slices.Contains(ending, s)
			if stopping && a.ended == nil {
				return false, code
			}
			a.signal(s)
		case file := <-r.changes:
			r.say("%s changed", file)
			if a.ended == nil {
				return true, 0
			}
			a.signal(syscall.SIGTERM)
			if kill == nil {
				kill = time.After(grace)
			}
		case <-kill:
			a.signal(syscall.SIGKILL)
		case code = <-a.ended:
			a.signal(syscall.SIGKILL) // what it started and left, which may hold its port
			a.ended = nil
			if stopping || kill != nil {
				return !stopping, code
			}
			r.say("the app ended with status %d; it starts again when a file changes", code)
		case err := <-failed:
			r.say("%v; changes are not seen any more", err)
		}
	}
}

func (r *reloader) say(format string, args ...any) {
	fmt.Fprintf(r.log, "reload: "+format+"\n", args...)
}
