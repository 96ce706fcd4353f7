package node

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// start is how the app is started.
type start struct {
	arguments []string          // of node or Bun; nil for the main file
	bun       bool              // Bun runs the app
	program   []string          // of a package, with its arguments: its file is known after the install
	elsewhere bool              // strata/procfile starts it
	port      string            // that Next.js' own program would be told
	command   []string          // as the script says it
	script    string            // that says so; empty for the main file
	variables map[string]string // that the script sets for its program

	everywhere bool // the server listens where HOSTNAME says
}

// chooseStart reads the process web, if the build plan asks for it, or else the script start. Nothing is started by npm
// or a shell, which the run image does not have.
func (d decision) chooseStart() (start, error) {
	web, asked, err := d.web()
	name := scriptOf(web.Words)
	switch {
	case err != nil:
		return start{}, err
	case asked && name == "":
		return start{elsewhere: true, bun: web.Words[0] == "bun"}, nil
	case asked && d.Manifest.Scripts[name] == "":
		return start{}, startFault("the Procfile starts the script "+name+", which is not there", "name another one")
	case asked:
		return d.startOf(name)
	case strings.TrimSpace(d.Manifest.Scripts["start"]) == "":
		return start{}, nil
	}
	return d.startOf("start")
}

// startOf reads a script, or what there is instead of one for development.
func (d decision) startOf(name string) (start, error) {
	s, err := d.startScript(name, nil)
	switch {
	case isDev(err) && d.Manifest.Scripts[startProduction] != "":
		return d.startScript(startProduction, nil)
	case isDev(err) && framework.ServerOf(d.Manifest.Has) != "":
		return start{}, nil
	}
	return s, err
}

// startProduction is the script that starts the app where start does so for its developer, as in apps of NestJS.
const startProduction = "start:prod"

// startScript reads a script. One that does nothing but run another is that one.
func (d decision) startScript(name string, seen []string) (start, error) {
	if slices.Contains(seen, name) {
		return start{}, startFault("the script "+name+" runs itself", "let it start a file")
	}
	seen = append(seen, name)
	script := strings.TrimSpace(d.Manifest.Scripts[name])
	for _, hook := range []string{"pre" + name, "post" + name} {
		if d.Manifest.Scripts[hook] != "" && !d.built(hook) {
			return start{}, startFault(fmt.Sprintf("the script %s needs npm at launch", hook), "let the app do it, or run it at build time: BP_NODE_RUN_SCRIPTS="+strings.Join(d.scriptsWith(hook), ","))
		}
	}
	if first := buildFirst.FindStringSubmatch(script); first != nil && d.built(first[1]) {
		script = script[len(first[0]):]
	}
	command, err := readScript(name, script)
	if err != nil {
		return start{}, err
	}
	s, err := d.startCommand(command.Words, name, script, seen)
	maps.Copy(command.Variables, s.variables) // of a script that this one runs
	s.variables = command.Variables
	return s, err
}

// readScript returns the command of a script.
func readScript(name, script string) (shell.Command, error) {
	line, err := shell.Parse(nextPort.ReplaceAllString(script, "$1"))
	if err != nil {
		return shell.Command{}, scriptFault(name, script, err)
	}
	command, err := line.Simple()
	return command, scriptFault(name, script, err)
}

// scriptFault returns the fault of a script that only a shell could start.
func scriptFault(name, script string, err error) error {
	if broken := new(shell.Error); errors.As(err, &broken) {
		return startFault(fmt.Sprintf("the script %s is %q: %s", name, script, broken.What), broken.Do+", or say how to start in a Procfile")
	}
	return err
}

// scriptsWith returns the names of the scripts that the build runs, and one more.
func (d decision) scriptsWith(name string) []string {
	var list []string
	for _, one := range d.scripts.Names {
		if d.Manifest.Scripts[one] != "" {
			list = append(list, one)
		}
	}
	return append(list, name)
}

// buildFirst matches a script that has another one run before its own command.
var buildFirst = regexp.MustCompile(`^(?:npm run|yarn run|yarn|pnpm run|pnpm) ([\w:.-]+) *&& *`)

// built tells whether the build has run a script, or the one that it is nothing else than.
func (d decision) built(name string) bool {
	other := scriptOf(strings.Fields(d.Manifest.Scripts[name]))
	return d.scripts.Built(d.From(), name) || other != "" && d.scripts.Built(d.From(), other)
}

// nextPort matches a port for Next.js that is a variable, which it reads by itself.
var nextPort = regexp.MustCompile(`^((?:\S+ )*next start\b.*?) (?:-p|--port)[ =]["']?\$(?:PORT|\{PORT(?::?-\d+)?\})["']?`)

// startCommand reads the words of a script.
func (d decision) startCommand(words []string, name, script string, seen []string) (start, error) {
	switch {
	case len(words) == 0:
		return start{}, startFault("the script "+name+" is empty", "let it start a file")
	case words[0] == "node" && len(words) == 1:
		return start{}, startFault("the script "+name+" is \"node\" without a file", "name the file")
	case words[0] == "node":
		if tool := d.preloaded(words[1:]); tool != "" {
			return start{}, onlyDev(name, tool)
		}
		return start{arguments: words[1:], script: name}, nil
	case slices.Contains(shells, words[0]):
		return start{}, startFault(fmt.Sprintf("the script %s is %q, and %s starts npm or a shell, which run images do not have", name, script, words[0]), "start the server with node, and any other process from a Procfile or an image of its own")
	case words[0] == "bun":
		return d.startBun(words, name, seen)
	case d.Manifest.Scripts[scriptOf(words)] != "":
		return d.startScript(scriptOf(words), seen)
	case len(words) > 1 && words[0] == "npx" && !strings.HasPrefix(words[1], "-"):
		return d.startProgram(words[1:], name)
	}
	if member := d.workspaceOf(strings.Join(words, " ")); slices.Contains(packageManagers, words[0]) && member != "" {
		return start{}, startFault(fmt.Sprintf("the script %s is %q, which starts a workspace", name, script), "set BP_NODE_PROJECT_PATH="+member)
	}
	return d.startProgram(words, name)
}

// workspaceName matches the workspace that a command of a package manager is about.
var workspaceName = regexp.MustCompile(`(?:--workspace[= ]|-w[= ]?|workspace |--filter[= ]|-F )(\S+)`)

// workspaceOf returns the folder of the workspace that a command names, "" if it names none.
func (d decision) workspaceOf(command string) string {
	found := workspaceName.FindStringSubmatch(command)
	if found == nil {
		return ""
	}
	for _, member := range d.Members {
		m, err := project.ReadManifest(filepath.Join(d.Root, member))
		if member == path.Clean(found[1]) || err == nil && m.Name == found[1] {
			return member
		}
	}
	return ""
}

// shells are programs of packages that start others by npm or a shell.
var shells = []string{"npm-run-all", "npm-run-all2", "run-s", "run-p", "concurrently", "turbo", "nx", "lerna", "wireit"}

// preloaded returns a package that node is told to load first and that is only for development, "" if there is none.
func (d decision) preloaded(words []string) string {
	for i, word := range words[:len(words)-1] {
		if slices.Contains([]string{"-r", "--require", "--import", "--loader", "--experimental-loader"}, word) && d.Manifest.OnlyDev(packageIn(words[i+1])) {
			return packageIn(words[i+1])
		}
	}
	return ""
}

// packageIn returns the package that a name for require is in.
func packageIn(name string) string {
	parts := strings.SplitN(name, "/", 3)
	if strings.HasPrefix(name, "@") && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// startProgram starts a program of a package. The lockfile of npm 7 and newer tells its file; with others, and without one, it is
// found later.
func (d decision) startProgram(words []string, script string) (start, error) {
	if (d.manager != npm || d.locked.Version < 2) && d.HasPackages() && !slices.Contains(absent, words[0]) {
		return start{program: words, command: words, script: script}, nil
	}
	from := d.From()
	program, dev, found := d.locked.program(from, words[0])
	if !found {
		return start{}, notFound(script, d.Manifest.Scripts[script])
	}
	if dev {
		return start{}, onlyDev(script, words[0])
	}
	file, err := filepath.Rel(from, program)
	if err != nil {
		return start{}, err
	}
	return start{arguments: append([]string{file}, words[1:]...), command: words, script: script}, nil
}

// absent are programs that the run image does not have and no package should be taken for.
var absent = append(slices.Clone(packageManagers), "bun", "bunx", "sh", "bash")

func notFound(name, script string) error {
	return startFault(fmt.Sprintf("the script %s is %q, which is neither node nor a program of a package in the lockfile", name, script), "write it as node and a file, or say how to start in a Procfile")
}

// devID is the fault of a script that starts what is only there for development.
const devID = "node-start-development"

func onlyDev(script, program string) error {
	return fault.Fault{ID: devID, What: fmt.Sprintf("package.json: the script %s calls %s, which is only there for development", script, program),
		Do: "start what it makes with node in the script " + startProduction + ", or move it to dependencies"}
}

func isDev(err error) bool {
	f := fault.Fault{}
	return errors.As(err, &f) && f.ID == devID
}

func startFault(what, do string) error {
	return fault.Fault{ID: "node-start", What: "package.json: " + what, Do: do}
}
