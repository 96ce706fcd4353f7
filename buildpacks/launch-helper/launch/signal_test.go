package main

import (
	"os"
	"syscall"
	"testing"
)

// TestPendingEnd tells the signals that end a list from those that do not.
func TestPendingEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		came []os.Signal
		want os.Signal
	}{
		{nil, nil},
		{[]os.Signal{syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGUSR1, syscall.SIGUSR2}, nil},
		{[]os.Signal{syscall.SIGWINCH, syscall.SIGTERM}, syscall.SIGTERM},
		{[]os.Signal{syscall.SIGHUP, syscall.SIGINT}, syscall.SIGHUP},
	} {
		signals := make(chan os.Signal, len(tt.came))
		for _, s := range tt.came {
			signals <- s
		}
		if got := pendingEnd(signals); got != tt.want {
			t.Errorf("%v: got %v, want %v", tt.came, got, tt.want)
		}
	}
}

// TestAwaitPending has a program end before a signal is read that ends the list: there are so many others before it.
func TestAwaitPending(t *testing.T) {
	t.Parallel()
	const others = 1 << 16
	signals := make(chan os.Signal, others+1)
	for range others {
		signals <- syscall.SIGWINCH
	}
	signals <- syscall.SIGTERM
	code, stop := await([]string{"true"}, environment{"PATH": os.Getenv("PATH")}, signals)
	if want := exitCode(syscall.SIGTERM); code != want || !stop {
		t.Errorf("code %d, the list ends: %t; want %d, true", code, stop, want)
	}
}
