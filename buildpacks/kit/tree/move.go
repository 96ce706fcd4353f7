package tree

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Hoist makes what is in a folder below dir all that dir has.
func Hoist(dir, inner string) error {
	kept, err := os.MkdirTemp(dir, ".strata-")
	if err != nil {
		return err
	}
	whole := filepath.Join(kept, "whole")
	if err := os.Rename(filepath.Join(dir, inner), whole); err != nil {
		return errors.Join(err, os.Remove(kept))
	}
	if err := Empty(dir, filepath.Base(kept)); err != nil {
		return err
	}
	entries, err := os.ReadDir(whole)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.Rename(filepath.Join(whole, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return os.RemoveAll(kept)
}

// Sink moves all that is in dir, except the named entries, into a new folder below it. What is moved may have something of the new
// folder's name.
func Sink(dir, inner string, kept ...string) error {
	whole, err := os.MkdirTemp(dir, ".strata-")
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == filepath.Base(whole) || slices.Contains(kept, entry.Name()) {
			continue
		}
		if err := os.Rename(filepath.Join(dir, entry.Name()), filepath.Join(whole, entry.Name())); err != nil {
			return err
		}
	}
	return errors.Join(os.Chmod(whole, 0o755), os.Rename(whole, filepath.Join(dir, inner)))
}

// WriteFile replaces a file: whoever reads it sees the old content or the new.
func WriteFile(path string, data []byte) error {
	partial := path + ".partial"
	if err := os.WriteFile(partial, data, 0o644); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// Once makes a folder, unless it is there already. fill gets another folder beside it, empty, which takes the name when all is in
// it: a folder with that name is complete, even after a build that was killed.
func Once(dir string, fill func(partial string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	partial := dir + ".partial"
	if err := Remove(partial); err != nil {
		return fmt.Errorf("removing what an interrupted build left: %w", err)
	}
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return err
	}
	if err := fill(partial); err != nil {
		return errors.Join(err, Remove(partial))
	}
	return os.Rename(partial, dir)
}
