// Package verdict is how a buildpack tells the platform why it takes no part in a build. The lifecycle only prints what a
// buildpack says in detection, in a format of its own. So a platform that wants the reasons names a folder, and each
// buildpack leaves its reason there as a file.
package verdict

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// Read returns the reason that a buildpack left in the folder, or "" if it left none.
func Read(dir, id string) (string, error) {
	content, err := os.ReadFile(file(dir, id))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading why %s takes no part: %w", id, err)
	}
	return string(content[:min(len(content), maxReason)]), nil
}

// file returns the file of a buildpack. An id has slashes, and no underscores that could take their place.
func file(dir, id string) string { return filepath.Join(dir, strings.ReplaceAll(id, "/", "_")) }
