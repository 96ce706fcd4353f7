package main

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// lists cuts arguments where a list begins that runs at the same time.
func lists(args []string) [][]string {
	var all [][]string
	for {
		i := slices.Index(args, "&")
		if i < 0 {
			return append(all, args)
		}
		all, args = append(all, args[:i]), args[i+1:]
	}
}

// ended is a process that has ended.
type ended struct{ pid, code int }

// runTogether runs lists at the same time, each in a process of its own. The code is that of the first one that failed, 0 if none did.
// When one fails, the others get SIGTERM, and SIGKILL when their grace is over. Signals are passed on to all.
func runTogether(all [][]string, env environment) (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("launch: looking for this program: %w", err)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, passed...)
	running := map[int]bool{}
	tell := func(s syscall.Signal) {
		for pid := range running {
			_ = syscall.Kill(pid, s) // it may just have ended
		}
	}
	for _, list := range all {
		pid, err := syscall.ForkExec(self, append([]string{self, "run"}, list...), &syscall.ProcAttr{Env: env.list(), Files: []uintptr{0, 1, 2}})
		if err != nil {
			tell(syscall.SIGTERM)
			return 0, fmt.Errorf("launch: starting %q: %w", list, err)
		}
		running[pid] = true
	}
	ends, stopping := make(chan ended), false
	go reap(ends)
	var kill <-chan time.Time
	for len(running) > 0 {
		select {
		case s := <-signals:
			stopping = stopping || slices.Contains(ending, s)
			tell(number(s))
		case one := <-ends:
			if !running[one.pid] {
				continue // somebody else left it to the first process of the container
			}
			delete(running, one.pid)
			if one.code == 0 || code != 0 {
				continue
			}
			if code = one.code; !stopping {
				tell(syscall.SIGTERM)
				kill = time.After(grace)
			}
		case <-kill:
			tell(syscall.SIGKILL)
		}
	}
	return code, nil
}

// reap tells of each process that ends, until there is none left.
func reap(ends chan<- ended) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return
		case status.Signaled():
			ends <- ended{pid, exitCode(status.Signal())}
		default:
			ends <- ended{pid, status.ExitStatus()}
		}
	}
}
