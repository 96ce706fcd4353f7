package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Run is an image that was started.
type Run struct {
	Image string `json:"image"` // as it was called
	PID   int    `json:"pid"`   // of the first process, and when that began
	Began string `json:"began"`
}

// runFile is the name of the file in the folder of a command that says what it runs.
const runFile = "running.json"

// NoteRun writes into the folder of a command what it runs.
func (h *Home) NoteRun(dir string, r Run) error {
	data, err := json.Marshal(r)
	if err == nil {
		err = tree.WriteFile(filepath.Join(dir, runFile), data)
	}
	if err != nil {
		return fmt.Errorf("noting what runs: %w", err)
	}
	return nil
}

// Runs returns what commands noted. Those of killed commands have ended.
func (h *Home) Runs() ([]Run, error) {
	entries, err := os.ReadDir(filepath.Join(h.dir, "tmp"))
	if err != nil {
		return nil, fmt.Errorf("reading the home folder: %w", err)
	}
	var all []Run
	for _, entry := range entries {
		data, err := tree.ReadFile(filepath.Join(h.dir, "tmp", entry.Name(), runFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it runs nothing, or has just ended
		}
		var r Run
		if err == nil {
			err = json.Unmarshal(data, &r)
		}
		if err != nil {
			return nil, fmt.Errorf("reading what runs: %w", err)
		}
		all = append(all, r)
	}
	return all, nil
}
