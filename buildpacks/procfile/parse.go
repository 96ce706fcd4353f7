package procfile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mattn/go-shellwords"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// processType is the lifecycle's own rule for names of processes.
var processType = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// assignment is what a shell takes for a variable when a command begins with it.
var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// parse returns the processes of a Procfile in its order. Empty lines and lines that begin with "#" mean nothing.
func parse(text string) ([]bp.Process, error) {
	var processes []bp.Process
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
		argv, err := split(number, command)
		if err != nil {
			return nil, err
		}
		processes = append(processes, bp.Process{Type: name, Command: argv})
	}
	if len(processes) == 0 {
		return nil, fault.Fault{ID: "procfile-empty", What: "Procfile has no process", Do: `write "web: command", or remove the file`}
	}
	return processes, nil
}

// split cuts a command into words as a shell would, and refuses what only a shell could do.
func split(number int, command string) ([]string, error) {
	if found := needsShell(command); found != "" {
		do := "start a program of the app that does it"
		if strings.HasPrefix(found, "$") {
			do = "let the program read it itself"
		}
		return nil, lineFault("procfile-shell", number, found+" needs a shell, and run images have none",
			do+", or put it in single quotes if it is meant literally")
	}
	argv, err := shellwords.NewParser().Parse(command)
	switch {
	case err != nil:
		return nil, lineFault("procfile-quotes", number, fmt.Sprintf("%q does not split into words", command), "close every quote")
	case len(argv) == 0:
		return nil, lineFault("procfile-line", number, "the process has no command", `write "name: command"`)
	case assignment.MatchString(command):
		return nil, lineFault("procfile-shell", number, argv[0]+" before the program needs a shell, and run images have none",
			"set the variable when the image is started")
	}
	return argv, nil
}

func lineFault(id string, number int, what, do string) error {
	return fault.Fault{ID: id, What: fmt.Sprintf("Procfile line %d: %s", number, what), Do: do}
}

// needsShell returns the first part of a command that a shell would not pass on as it is, "" if there is none.
func needsShell(command string) string {
	quote := byte(0)
	for i := 0; i < len(command); i++ {
		c := command[i]
		switch {
		case c == '\\' && quote != '\'':
			i++ // the next byte is literal
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == '\'':
		case c == '$' && expands(command[i+1:]), c == '`':
			return special.FindString(command[i:])
		case quote == 0 && strings.IndexByte("&|;<>()*?[", c) >= 0, quote == 0 && (c == '~' || c == '#') && startsWord(command, i):
			return special.FindString(command[i:])
		}
	}
	return ""
}

// special is what an error shows of a command: an operator or a variable, whole.
var special = regexp.MustCompile("^(\\$[A-Za-z_][A-Za-z0-9_]*|\\$\\{[^}]*\\}?|\\$\\([^)]*\\)?|`[^`]*`?|[&|<>;]{1,2}|.)")

// expands tells whether a shell expands a dollar sign that stands before rest.
func expands(rest string) bool {
	return rest != "" && regexp.MustCompile(`^[A-Za-z0-9_{(?$@*#!-]`).MatchString(rest)
}

func startsWord(command string, i int) bool {
	return i == 0 || command[i-1] == ' ' || command[i-1] == '\t'
}
