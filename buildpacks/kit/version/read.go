package version

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// File returns what a file with one version asks for, such as .node-version: its first line, without what "#" and
// the rest of the line say. Lines with nothing else are passed over. A file that is not there asks for nothing.
func File(dir, name string) (Ask, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Ask{}, fmt.Errorf("reading %s: %w", name, err)
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			return Ask{Text: line, From: name}, nil
		}
	}
	return Ask{}, nil
}

// Semantic reads a range of semantic versions as npm has them, such as "^22.12 || >=24", and returns what reports whether a
// version is in it; nil if the text is no range.
func Semantic(text string) func(version string) bool {
	asked, err := semver.NewConstraint(text)
	if err != nil {
		return nil
	}
	return func(version string) bool {
		v, err := semver.NewVersion(version)
		return err == nil && asked.Check(v)
	}
}
