// Package whole writes files whole: who reads one sees the old content or the new, never a part. That holds after a power cut
// too, because content is on the disk before it has its name.
package whole

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// PartPrefix begins the names of files that are not whole yet. A killed command leaves them.
const PartPrefix = ".new-"

// Change is something that this package did to the disk: it synced the file or folder Path, or it gave the file Path the name
// To, which tells nothing of whether its content is on the disk.
type Change struct{ Path, To string }

// Watch hears of every change when it was made. It is nil except in a test that cuts the power.
var Watch func(Change)

func changed(path, to string) {
	if Watch != nil {
		Watch(Change{path, to})
	}
}

// Write replaces a file by content. A file with that content stays as it is.
func Write(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return errors.Join(Sync(path), Sync(filepath.Dir(path))) // nothing to write, as a rule
	}
	return Replace(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Replace replaces a file by what fill writes. If fill fails, the old file stays.
func Replace(path string, fill func(io.Writer) error) error {
	f, err := New(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer f.Finish()
	err = fill(f)
	if err == nil {
		err = Sync(f.Name())
	}
	if err == nil {
		err = f.Become(path)
	}
	if err == nil {
		err = Sync(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Note replaces a file by content, and syncs nothing: after a power cut the file may have any content, or be gone.
func Note(path string, content []byte) error {
	f, err := New(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer f.Finish()
	if _, err = f.Write(content); err == nil {
		err = f.Become(path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// File is a file that does not have its name yet.
type File struct {
	*os.File
	named bool
}

// New makes a file in the folder in which it is to have a name.
func New(folder string) (*File, error) {
	f, err := os.CreateTemp(folder, PartPrefix+"*")
	if err != nil {
		return nil, err
	}
	return &File{File: f}, nil
}

// Become gives the file its name. It syncs nothing.
func (f *File) Become(path string) error {
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	f.named = true
	changed(f.Name(), path)
	return nil
}

// Finish closes the file, and removes it if it did not get its name. What cannot be removed is swept later, by its PartPrefix.
func (f *File) Finish() {
	f.Close()
	if !f.named {
		_ = os.Remove(f.Name())
	}
}

// Sync returns when the content of a file, or the names in a folder, are on the disk.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// A file system that cannot sync folders says EINVAL (fsync(2)).
	if err := unix.Fdatasync(int(f.Fd())); err != nil && !errors.Is(err, unix.EINVAL) {
		return &os.PathError{Op: "fdatasync", Path: path, Err: err}
	}
	changed(path, "")
	return nil
}

// SyncAll returns when all that the file system of a folder has in memory is on the disk: for a folder of thousands of files.
func SyncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: dir, Err: err}
	}
	changed(dir, "")
	return nil
}

// Move gives a folder its name when all that is in it is on the disk: a later command takes it for whole. Both are on one file system.
func Move(folder, to string) error {
	if err := SyncAll(folder); err != nil {
		return err
	}
	if err := os.Rename(folder, to); err != nil {
		return err
	}
	changed(folder, to)
	return Sync(filepath.Dir(to))
}
