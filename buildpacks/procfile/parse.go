package procfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// processType is the lifecycle's own rule for names of processes.
var processType = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// process is a line of a Procfile.
type process struct {
	bp.Process
	variables map[string]string // that it sets for its program
}

// parse returns the processes of a Procfile in its order. Empty lines and lines that begin with "#" mean nothing.
func parse(text string) ([]process, error) {
	var processes []process
	seen := map[string]int{}
	for i, line := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		number := i + 1
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, command, found := strings.Cut(line, ":")
		name, command = strings.TrimSpace(name), strings.TrimSpace(command)
		if !found || !processType.MatchString(name) {
			return nil, lineFault("procfile-line", number, fmt.Sprintf("%q is not a process", line), `write "name: command"`)
		}
		if first, ok := seen[name]; ok {
			return nil, lineFault("procfile-twice", number, fmt.Sprintf("process %s is on line %d already", name, first), "remove one of them")
		}
		seen[name] = number
		read, err := split(number, command)
		if err != nil {
			return nil, err
		}
		processes = append(processes, process{bp.Process{Type: name, Command: read.Words}, read.Variables})
	}
	if len(processes) == 0 {
		return nil, fault.Fault{ID: "procfile-empty", What: "Procfile has no process", Do: `write "web: command", or remove the file`}
	}
	return processes, nil
}

// split reads the command of a process, and refuses what only a shell could do.
func split(number int, text string) (shell.Command, error) {
	var command shell.Command
	line, err := shell.Parse(text)
	if err == nil {
		command, err = line.Simple()
	}
	if broken := new(shell.Error); errors.As(err, &broken) {
		id := "procfile-quotes"
		if broken.Part != "" {
			id = "procfile-shell"
		}
		return shell.Command{}, lineFault(id, number, broken.What, broken.Do)
	}
	if err == nil && len(command.Words) == 0 {
		return shell.Command{}, lineFault("procfile-line", number, "the process has no command", `write "name: command"`)
	}
	return command, err
}

func lineFault(id string, number int, what, do string) error {
	return fault.Fault{ID: id, What: fmt.Sprintf("Procfile line %d: %s", number, what), Do: do}
}
