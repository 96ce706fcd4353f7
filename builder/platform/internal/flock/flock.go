// Package flock locks files between processes (flock(2)). The kernel gives the lock of a killed process back.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Lock takes the exclusive lock of a file, which it makes if need be, and returns the function that gives it back. While
// another process holds the lock, Lock waits until the context ends; before it waits it calls waiting once, unless that
// is nil.
func Lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	unlock, err = Try(path)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return unlock, err
	}
	if waiting != nil {
		waiting()
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening a lock: %w", err)
	}
	locked := make(chan error, 1)
	go func() { locked <- unix.Flock(int(f.Fd()), unix.LOCK_EX) }()
	select {
	case err := <-locked:
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		return func() { f.Close() }, nil
	case <-ctx.Done():
		// The system call goes on. When it has the lock, nobody wants it any more.
		go func() {
			<-locked
			f.Close()
		}()
		return nil, context.Cause(ctx)
	}
}

// Try is Lock without waiting: its error wraps EWOULDBLOCK while another process holds the lock.
func Try(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening a lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
