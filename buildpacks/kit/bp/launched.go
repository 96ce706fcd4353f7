package bp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// origins is the file beside launch.toml in which a buildpack of the suite tells those after it where its processes are
// from. The lifecycle passes over it: it is neither a folder nor TOML.
const origins = "origins.json"

// writeOrigins writes where processes are from, by type. What an earlier build left is replaced.
func writeOrigins(layers string, processes []Process) error {
	from := map[string]string{}
	for _, p := range processes {
		if p.From != "" {
			from[p.Type] = p.From
		}
	}
	file := filepath.Join(layers, origins)
	if len(from) == 0 {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forgetting where processes were from: %w", err)
		}
		return nil
	}
	data, err := json.Marshal(from)
	if err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing where processes are from: %w", err)
	}
	return nil
}

// Launched is a process that a buildpack of the group gave. Command is empty if the launcher starts it with a shell, as only
// buildpacks for an API before 0.9 ask for.
type Launched struct {
	Process
	Buildpack string // its id
}

// Launched returns the processes of the buildpacks that have built before this one, sorted by buildpack and in its order.
func (b BuildContext) Launched() ([]Launched, error) {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(b.Layers.Path()), "*", "launch.toml"))
	if err != nil {
		return nil, fmt.Errorf("looking for processes: %w", err)
	}
	var all []Launched
	for _, file := range slices.Sorted(slices.Values(files)) {
		layers := filepath.Dir(file)
		var launch struct {
			Processes []struct {
				Type       string
				Command    any
				Args       []string
				WorkingDir string `toml:"working-dir"`
				Default    bool
				Direct     bool
			}
		}
		if _, err := tree.ReadTOML(file, &launch); err != nil {
			return nil, fmt.Errorf("reading the processes of %s: %w", filepath.Base(layers), err)
		}
		from := map[string]string{}
		data, err := tree.ReadFile(filepath.Join(layers, origins))
		if err == nil {
			err = json.Unmarshal(data, &from)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading where the processes of %s are from: %w", filepath.Base(layers), err)
		}
		for _, p := range launch.Processes {
			process := Process{Type: p.Type, Args: p.Args, WorkingDir: p.WorkingDir, Default: p.Default, From: from[p.Type]}
			switch command := p.Command.(type) {
			case []any:
				for _, word := range command {
					process.Command = append(process.Command, fmt.Sprint(word))
				}
			case string: // of an API before 0.9: a program, or else a text for a shell
				if p.Direct {
					process.Command = []string{command}
				}
			}
			all = append(all, Launched{process, strings.Replace(filepath.Base(layers), "_", "/", 1)})
		}
	}
	return all, nil
}
