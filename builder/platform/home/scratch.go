package home

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/strata-buildpacks/strata/builder/platform/internal/flock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Scratch makes a folder for one command. When the command is done, the caller calls remove. What a killed command left
// is removed first. What stays of it is noted, and stops no command.
func (h *Home) Scratch(ctx context.Context) (dir string, remove func(), err error) {
	release, err := flock.Lock(ctx, filepath.Join(h.dir, "tmp.lock"), nil)
	if readOnly(err) {
		return "", nil, notWritable(h.dir, err)
	}
	if err != nil {
		return "", nil, err
	}
	defer release()
	if err := h.sweep(); err != nil {
		return "", nil, err
	}
	dir, err = os.MkdirTemp(filepath.Join(h.dir, "tmp"), "")
	if err != nil {
		return "", nil, fmt.Errorf("making a folder to work in: %w", err)
	}
	unlock, err := flock.Try(filepath.Join(dir, "lock"))
	if err != nil {
		return "", nil, err
	}
	return dir, func() { _ = tree.Remove(dir); unlock() }, nil // the next command sweeps what stays, and says so
}

// sweep removes the folders of killed commands.
func (h *Home) sweep() error {
	entries, err := os.ReadDir(filepath.Join(h.dir, "tmp"))
	if err != nil {
		return fmt.Errorf("reading the home folder: %w", err)
	}
	for _, entry := range entries {
		dir := filepath.Join(h.dir, "tmp", entry.Name())
		unlock, err := flock.Try(filepath.Join(dir, "lock"))
		if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
			continue // it is in use, or its command has just removed it
		}
		if err == nil {
			err = tree.Remove(dir)
			unlock()
		}
		if err != nil && h.Note != nil {
			h.Note(fmt.Sprintf("what a killed command left stays in %s: %v; remove it, as root if need be", dir, err))
		}
	}
	return nil
}
