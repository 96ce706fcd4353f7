package start

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// several reads a command that starts several: one after the other, or all at the same time.
func (r *reading) several(c shell.Command, of Source) ([]Command, error) {
	words := shell.Texts(c.Words)
	if c.Dir != "" {
		return nil, r.elsewhere(c, of)
	}
	tasks, err := r.Manifest.Tasks(words)
	switch {
	case err != nil:
		do := "leave it out, or give each process a line of a Procfile, such as web: npm run NAME"
		return nil, of.fault(", and "+words[0]+" "+err.Error(), do)
	case tasks == nil:
		what := ", and " + words[0] + " starts npm or a shell, which run images do not have"
		return nil, of.fault(what, "start the server with node, and any other process from a Procfile or an image of its own")
	}
	outer := r.first
	defer func() { r.first = outer }()
	var all []Command
	for i, task := range tasks {
		r.first = outer || slices.ContainsFunc(tasks[i+1:], func(later project.Task) bool { return later.After != shell.With })
		list, err := read(of, task.Line)
		if err != nil {
			return nil, inProcfile(err, tasks)
		}
		inner, err := r.list(list, of)
		if err != nil {
			return nil, inProcfile(err, tasks)
		}
		joined, clash := join(all, shell.Command{After: task.After}, inner)
		if clash != nil {
			return nil, of.fault(", "+clash.What, clash.Do)
		}
		all = joined
	}
	return all, nil
}

// inProcfile returns the fault of one of several commands. Those that run at the same time are processes that a Procfile can start without
// the others.
func inProcfile(err error, tasks []project.Task) error {
	var broken fault.Fault
	together := func(t project.Task) bool { return t.After == shell.With }
	const instead = ", or write a Procfile with"
	if !errors.As(err, &broken) || !slices.ContainsFunc(tasks, together) || strings.Contains(broken.Do, instead) {
		return err
	}
	broken.Do += fmt.Sprintf(instead+" the commands that the image starts, one of them as web: %s", tasks[0].Line)
	if errors.As(err, new(developmentError)) {
		return developmentError{broken}
	}
	return broken
}

// setters are programs that set variables, which they read in files, for a command in their arguments.
var setters = []string{"dotenv", "dotenvx", "dotenv-flow", "env-cmd"}

// setting reads a command of a program that starts another one. Where that is a package manager's, it stands for a program itself.
func (r *reading) setting(c shell.Command, of Source) ([]Command, error) {
	i := slices.IndexFunc(c.Words, func(word shell.Word) bool { return slices.Contains(managers, string(word)) })
	if i < 0 {
		return r.program(c.Words, c, of)
	}
	outer := r.first
	r.first = false // what it runs gets the variables
	inner, err := r.command(shell.Command{Words: c.Words[i:], Dir: c.Dir}, of)
	if r.first = outer; err != nil {
		return nil, err
	}
	if len(inner) != 1 || inner[0].own() || inner[0].Bun || inner[0].Dir != "" {
		name := shell.Texts(c.Words)[0]
		return nil, of.fault(", and "+name+" starts several commands", "write "+name+" before the command that needs it")
	}
	words := inner[0].Words
	if words == nil {
		words = slices.Concat([]shell.Word{"node"}, inner[0].Arguments)
	}
	all, err := r.program(slices.Concat(c.Words[:i], words), c, of)
	if err != nil {
		return nil, err
	}
	all[0].Variables = inner[0].Variables
	return all, nil
}
