package start

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// types is a program for Node.js that tells which of some files it could not run.
//
//go:embed types.mjs
var types string

// Types returns the arguments with which Node.js tells what it could not run of the files in TypeScript that a start runs as they are, none
// if there are no such files. Unrunnable reads what it says.
func (a App) Types(s Start) []string {
	var files []string
	for _, c := range s.Commands {
		if file := c.script(); file != "" && !c.loads() {
			files = append(files, file)
		}
	}
	if len(s.Commands) == 0 && !s.Elsewhere {
		if main, err := a.mainFile(); err == nil { // Launch says what is wrong
			files = append(files, main)
		}
	}
	files = slices.DeleteFunc(files, func(file string) bool {
		return !slices.Contains(project.Extensions[3:], path.Ext(file)) || !a.regular(file)
	})
	if len(files) == 0 || s.Bun || !a.TypeScript {
		return nil
	}
	for i, file := range files {
		files[i] = filepath.Join(a.Dir, file)
	}
	return append([]string{"--no-warnings", "--input-type=module", "--eval", types, "--", "types", a.Dir}, files...)
}

// loads reports whether a command has options of node that load something before its file, or change how that is read.
func (c Command) loads() bool {
	return slices.ContainsFunc(shell.Texts(c.Arguments), func(word string) bool {
		option, _, _ := strings.Cut(word, "=")
		return slices.Contains(preloads, option) || strings.HasPrefix(option, "--experimental-")
	})
}

// Unrunnable returns the fault of what Node.js says that it could not run, nil if there is nothing.
func (a App) Unrunnable(said []byte) error {
	var found *struct {
		File, Reason string
		Line         int
	}
	if err := json.Unmarshal(said, &found); err != nil {
		return fmt.Errorf("reading which types are in the way: %w", err)
	}
	if found == nil {
		return nil
	}
	const why = "Node.js runs the file as it is, takes types off, finds files by their whole names and compiles nothing"
	return fault.Fault{
		ID: "node-start-types", What: fmt.Sprintf("%s line %d: %s; %s", path.Join(a.From(), found.File), found.Line, found.Reason, why),
		Do: "add a script build that compiles it, or the package tsx to dependencies and start it with tsx",
	}
}
