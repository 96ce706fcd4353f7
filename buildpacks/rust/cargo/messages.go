package cargo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Made is what cargo made, or found made: a unit each.
type Made []Unit

// Unit is a message of cargo about an artifact or a build script that was run.
type Unit struct {
	Reason  string `json:"reason"`
	Package string `json:"package_id"`
	Target  struct {
		Name string   `json:"name"`
		Kind []string `json:"kind"`
	} `json:"target"`
	Manifest   string   `json:"manifest_path"`
	Files      []string `json:"filenames"`
	Executable string   `json:"executable"`
	OutDir     string   `json:"out_dir"`
}

// ReadMessages reads what cargo says in JSON, a message a line.
func ReadMessages(out []byte) (Made, error) {
	var all Made
	for line := range bytes.Lines(out) {
		if !bytes.HasPrefix(line, []byte("{")) {
			continue
		}
		var u Unit
		if err := json.Unmarshal(line, &u); err != nil {
			return nil, fmt.Errorf("reading what cargo made: %w", err)
		}
		all = append(all, u)
	}
	return all, nil
}

// Program returns the file of a program, "" if there is none.
func (m Made) Program(p Program) string {
	for _, u := range m {
		if u.Target.Name == p.Name && slices.Contains(u.Target.Kind, "bin") && u.Executable != "" {
			return u.Executable
		}
	}
	return ""
}
