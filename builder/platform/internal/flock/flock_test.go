package flock_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/internal/flock"
)

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := flock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flock.Try(path); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("got %v, want that the lock is held", err)
	}
	waited := make(chan struct{})
	got := make(chan error)
	go func() {
		release, err := flock.Lock(t.Context(), path, func() { close(waited) })
		if err == nil {
			release()
		}
		got <- err
	}()
	<-waited
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// TestLockGivenUp checks that who stops waiting does not get the lock later and keep it.
func TestLockGivenUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := flock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	if _, err := flock.Lock(ctx, path, func() { cancel(why) }); !errors.Is(err, why) {
		t.Errorf("got %v, want the context's cause", err)
	}
	unlock()
	again, err := flock.Lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
