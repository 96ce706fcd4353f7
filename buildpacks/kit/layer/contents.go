package layer

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Contents is what processes find in a launch layer. It is kept in the layer's metadata: a layer that is reused from the
// previous image has no folder to look at.
type Contents struct {
	Known    bool     `toml:"known"`    // false for a layer that was made without telling
	Programs []string `toml:"programs"` // names in the folder bin, which the launcher puts on PATH
	Path     []string `toml:"path"`     // folders that the layer's environment puts on PATH

	Libraries []string `toml:"libraries,omitempty"` // names in the folder lib, which the launcher puts on LD_LIBRARY_PATH
}

// contentsOf looks at a layer that was filled.
func contentsOf(l *Layer) (Contents, error) {
	c := Contents{Known: true}
	for _, file := range slices.Sorted(maps.Keys(l.LaunchEnv)) {
		if variable, action, _ := strings.Cut(path.Base(file), "."); variable == "PATH" && action != "delim" {
			c.Path = append(c.Path, filepath.SplitList(l.LaunchEnv[file])...)
		}
	}
	entries, err := os.ReadDir(filepath.Join(l.Path, "bin"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("listing the programs of layer %s: %w", l.Name, err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return c, fmt.Errorf("listing the programs of layer %s: %w", l.Name, err)
		}
		if mode := info.Mode(); mode.IsRegular() && mode&0o111 != 0 || mode&fs.ModeSymlink != 0 { // no link is followed
			c.Programs = append(c.Programs, entry.Name())
		}
	}
	c.Libraries, err = LibrariesIn(l.Path)
	return c, err
}

// LibrariesIn returns the names of the shared libraries that the launcher lets programs find in the folder of a layer, sorted.
func LibrariesIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(folder, "lib"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("listing the libraries of %s: %w", folder, err)
	}
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); !entry.IsDir() && (strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")) {
			names = append(names, name)
		}
	}
	return names, nil
}
