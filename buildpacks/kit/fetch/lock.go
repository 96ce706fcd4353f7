package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lock opens the partial file of an artifact and takes an exclusive lock on it. The file is download target,
// resume point and lock in one, so nothing is left behind: the rename to the final name takes the lock along.
func (c *Client) lock(ctx context.Context, hex, final string) (*os.File, error) {
	partial := filepath.Join(c.dir, "partial", hex)
	for _, dir := range []string{filepath.Dir(partial), filepath.Dir(final)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	for {
		f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		err = flock(ctx, f)
		if err == nil && current(f, partial) {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		// The holder has renamed or removed the file: what is locked is not what the next process will open.
	}
}

// current reports whether f is still the file at path.
func current(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// flock waits for an exclusive lock. It polls because a blocked flock(2) cannot be interrupted by a context.
func flock(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
