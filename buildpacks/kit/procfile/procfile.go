// Package procfile reads an app's Procfile, which says how its processes are started, one "type: command" per line, and
// settles by the build plan which buildpack starts them.
package procfile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Name is the file's name. It stands in the app's folder.
const Name = "Procfile"

// Process is a process of a Procfile.
type Process struct {
	Type    string     // "web", "worker"
	Line    int        // where it stands in the file, from 1
	Command shell.Line // what starts it

	column int // of the command's first byte, from 1
}

// Read returns the processes of the Procfile in the app's folder, in its order, and none where there is no Procfile.
// Empty lines and lines that begin with "#" mean nothing. A line that is no process, a type that is there twice and a
// file without a process are faults.
func Read(app string) ([]Process, error) {
	data, err := tree.ReadFile(filepath.Join(app, Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading Procfile: %w", err)
	}
	var processes []Process
	for i, line := range strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n") {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		p, err := parse(i+1, line)
		if err != nil {
			return nil, err
		}
		if first := slices.IndexFunc(processes, func(other Process) bool { return other.Type == p.Type }); first >= 0 {
			what := fmt.Sprintf("process %s is on line %d already", p.Type, processes[first].Line)
			return nil, p.fault("procfile-twice", what, "remove one of them")
		}
		processes = append(processes, p)
	}
	if len(processes) == 0 {
		return nil, fault.Fault{ID: "procfile-empty", What: "Procfile has no process", Do: `write "web: command", or remove the file`}
	}
	return processes, nil
}

// process matches a line. The type is what the lifecycle takes for one.
var process = regexp.MustCompile(`^\s*([A-Za-z0-9._-]+)\s*:\s*`)

// parse reads a line that is neither empty nor a comment.
func parse(number int, line string) (Process, error) {
	p := Process{Line: number}
	found := process.FindStringSubmatch(line)
	if found == nil {
		return p, p.fault("procfile-line", fmt.Sprintf("%.100q is not a process", strings.TrimSpace(line)), `write "name: command"`)
	}
	p.Type, p.column = found[1], len(found[0])+1
	if err := bp.CheckType(p.Type); err != nil {
		return p, p.fault("procfile-type", err.Error(), "give it another name")
	}
	command := strings.TrimSpace(line[len(found[0]):])
	if command == "" {
		return p, p.fault("procfile-line", "the process has no command", `write "name: command"`)
	}
	var err error
	p.Command, err = shell.Parse(command)
	return p, p.explain(err)
}

// List returns the commands of a process, and a fault for a process that needs a shell.
func (p Process) List() (shell.List, error) {
	list, err := p.Command.List()
	if err != nil {
		return nil, p.explain(err)
	}
	if len(list) == 0 || len(list[len(list)-1].Words) == 0 {
		return nil, p.fault("procfile-line", "the process has no command", `write "name: command"`)
	}
	return list, nil
}

// explain returns the fault of a command that cannot be started as it is.
func (p Process) explain(err error) error {
	broken := new(shell.Error)
	if !errors.As(err, &broken) {
		return err
	}
	id := "procfile-shell"
	if broken.Part == "" {
		id = "procfile-quotes"
	}
	what := fmt.Sprintf("Procfile line %d, column %d: %s", p.Line, p.column+broken.Column-1, broken.What)
	return fault.Fault{ID: id, What: what, Do: broken.Do}
}

func (p Process) fault(id, what, do string) error {
	return fault.Fault{ID: id, What: fmt.Sprintf("Procfile line %d: %s", p.Line, what), Do: do}
}
