package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/argv"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// start is how the app is started.
type start struct {
	arguments []string // of node; nil for the main file
	elsewhere bool     // a Procfile says how
}

// procfileWeb matches a Procfile that has the process web.
var procfileWeb = regexp.MustCompile(`(?m)^[ \t]*web[ \t]*:`)

// chooseStart reads the script start. Nothing is started by npm or a shell, which the run image does not have.
func (d decision) chooseStart(dir string) (start, error) {
	if procfile, err := os.ReadFile(filepath.Join(dir, "Procfile")); err == nil && procfileWeb.Match(procfile) {
		return start{elsewhere: true}, nil
	}
	script := strings.TrimSpace(d.manifest.Scripts["start"])
	if script == "" {
		return start{}, nil
	}
	for _, hook := range []string{"prestart", "poststart"} {
		if d.manifest.Scripts[hook] != "" {
			return start{}, startFault(fmt.Sprintf("the script %s needs npm at launch", hook), "let the app do it, or run it at build time with BP_NODE_RUN_SCRIPTS")
		}
	}
	words, err := argv.Split(script)
	if broken := new(argv.Error); errors.As(err, &broken) {
		return start{}, startFault(fmt.Sprintf("the script start is %q: %s", script, broken.What), broken.Do+", or say how to start in a Procfile")
	}
	if err != nil {
		return start{}, err
	}
	if words[0] == "node" {
		if len(words) == 1 {
			return start{}, startFault("the script start is \"node\" without a file", "name the file")
		}
		return start{arguments: words[1:]}, nil
	}
	program, dev, found := d.locked.program(words[0])
	switch {
	case found && dev:
		return start{}, startFault(fmt.Sprintf("the script start calls %s, which is only there for development", words[0]), "start what it makes with node, or move it to dependencies")
	case found:
		return start{arguments: append([]string{program}, words[1:]...)}, nil
	}
	return start{}, startFault(fmt.Sprintf("the script start is %q, which is neither node nor a program of a package in the lockfile", script), "write it as node and a file, or say how to start in a Procfile")
}

func startFault(what, do string) error {
	return fault.Fault{ID: "node-start", What: "package.json: " + what, Do: do}
}

// processes returns the process web, by the script start, the main file, server.js or index.js.
func (b *builder) processes(node string) (bp.BuildResult, error) {
	if b.start.elsewhere {
		return bp.BuildResult{}, nil
	}
	arguments, why := b.start.arguments, "script start"
	if arguments == nil {
		main, err := b.mainFile()
		if err != nil {
			return bp.BuildResult{}, err
		}
		arguments, why = []string{main}, "main file"
	}
	b.Log.Decision("Starts", strings.Join(append([]string{"node"}, arguments...), " "), why)
	return bp.BuildResult{Processes: []bp.Process{{Type: "web", Command: append([]string{node}, arguments...), Default: true}}}, nil
}

// mainFile returns the file that main names, as Node.js finds it, or else server.js or index.js.
func (b *builder) mainFile() (string, error) {
	main := b.manifest.Main
	if main != "" && !filepath.IsLocal(main) {
		return "", startFault(fmt.Sprintf("main is %q, which is outside the app", main), "name a file of the app")
	}
	candidates := []string{"server.js", "index.js"}
	if main != "" {
		candidates = []string{main, main + ".js", filepath.Join(main, "index.js")}
	}
	for _, name := range candidates {
		if info, err := os.Stat(filepath.Join(b.AppDir, name)); err == nil && info.Mode().IsRegular() {
			return name, nil
		}
	}
	if main != "" {
		return "", startFault(fmt.Sprintf("main is %q, which is not a file", main), "name a file that is there after the build")
	}
	return "", startFault("there is no script start, no main, no server.js and no index.js", "add a script start such as node server.js")
}

// link puts a link to the folder of packages where Node.js looks for it.
func (b *builder) link(modules string) error {
	at := filepath.Join(b.AppDir, modulesDir)
	err := os.RemoveAll(at)
	if err == nil && modules != "" {
		err = os.Symlink(modules, at)
	}
	if err != nil {
		return fmt.Errorf("linking the packages: %w", err)
	}
	return nil
}
