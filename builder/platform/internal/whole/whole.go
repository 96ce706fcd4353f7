// Package whole writes files whole: who reads one sees the old content or the new, never a part.
package whole

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// PartPrefix begins the names of files that are not whole yet. A killed command leaves them.
const PartPrefix = ".new-"

// Write replaces a file by content.
func Write(path string, content []byte) error {
	return Replace(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Replace replaces a file by what fill writes. If fill fails, the old file stays.
func Replace(path string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), PartPrefix+"*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename there is nothing to remove
	err = fill(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
