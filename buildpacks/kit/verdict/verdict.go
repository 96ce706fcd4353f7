// Package verdict is how a buildpack tells the platform why it takes no part in a build. The lifecycle only prints what a
// buildpack says in detection, in a format of its own. So a platform that wants the reasons names a folder, and each
// buildpack leaves its reason there as a file.
package verdict

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Env is the variable with the path of the folder. Without it, a buildpack leaves nothing.
const Env = "BP_VERDICTS_DIR"

// maxReason is the size of the longest reason that is read, in bytes.
const maxReason = 4096

// Write leaves the reason of a buildpack in the folder, in the place of an earlier one.
func Write(dir, id, reason string) error {
	if err := os.WriteFile(file(dir, id), []byte(reason), 0o644); err != nil {
		return fmt.Errorf("telling the platform why %s takes no part: %w", id, err)
	}
	return nil
}

// Read returns the reason that a buildpack left in the folder, or "" if it left none. Buildpacks may have put anything there, and
// anything in the place of the folder: no link leads out of its parent, and what is not a regular file is no reason.
func Read(dir, id string) (string, error) {
	content, err := read(dir, id)
	if err != nil {
		return "", fmt.Errorf("reading why %s takes no part: %w", id, err)
	}
	return string(content), nil
}

func read(dir, id string) ([]byte, error) {
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	// A named pipe would block without O_NONBLOCK.
	f, err := parent.OpenFile(file(filepath.Base(dir), id), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, maxReason))
}

// file returns the file of a buildpack. An id has slashes, and no underscores that could take their place.
func file(dir, id string) string { return filepath.Join(dir, strings.ReplaceAll(id, "/", "_")) }
