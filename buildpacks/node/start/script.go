package start

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// managers are programs of package managers, which no run image has.
var managers = []string{"npm", "npx", "pnpm", "pnpx", "yarn"}

// absent are programs that the run image does not have and no package should be taken for.
var absent = append(slices.Clone(managers), "bun", "bunx", "sh", "bash")

// shells are programs of packages that start others by npm or a shell.
var shells = []string{"npm-run-all", "npm-run-all2", "run-s", "run-p", "concurrently", "turbo", "nx", "lerna", "wireit"}

// scriptOf returns the script of package.json that a command of a package manager runs without further arguments, "" for other
// commands.
func scriptOf(words []string) string {
	if len(words) < 2 || !slices.Contains([]string{"npm", "pnpm", "yarn"}, words[0]) {
		return ""
	}
	rest := words[1:]
	switch {
	case rest[0] == "run" || rest[0] == "run-script":
		rest = rest[1:]
	case words[0] == "npm" && rest[0] != "start":
		return "" // a command of npm's own
	}
	if len(rest) != 1 || strings.HasPrefix(rest[0], "-") {
		return ""
	}
	return rest[0]
}

// script reads a script. One that does nothing but run another is that one.
func (a App) script(name string, seen []string) (Start, error) {
	if slices.Contains(seen, name) {
		return Start{}, startFault("the script "+name+" runs itself", "let it start a file")
	}
	seen = append(seen, name)
	text := strings.TrimSpace(a.Manifest.Scripts[name])
	for _, hook := range []string{"pre" + name, "post" + name} {
		if a.Manifest.Scripts[hook] != "" && !a.built(hook) {
			do := "let the app do it, or run it at build time: BP_NODE_RUN_SCRIPTS=" + strings.Join(a.scriptsWith(hook), ",")
			return Start{}, startFault(fmt.Sprintf("the script %s needs npm at launch", hook), do)
		}
	}
	if first := buildFirst.FindStringSubmatch(text); first != nil && a.built(first[1]) {
		text = text[len(first[0]):]
	}
	command, err := read(name, text)
	if err != nil {
		return Start{}, err
	}
	s, err := a.command(command.Words, name, text, seen)
	if err != nil {
		return Start{}, err
	}
	variables := maps.Clone(command.Variables)
	maps.Copy(variables, s.Variables) // of a script that this one runs
	s.Variables = variables
	return s, nil
}

// buildFirst matches a script that has another one run before its own command.
var buildFirst = regexp.MustCompile(`^(?:npm run|yarn run|yarn|pnpm run|pnpm) ([\w:.-]+) *&& *`)

// nextPort matches a port for Next.js that is a variable, which it reads by itself.
var nextPort = regexp.MustCompile(`^((?:\S+ )*next start\b.*?) (?:-p|--port)[ =]["']?\$(?:PORT|\{PORT(?::?-\d+)?\})["']?`)

// read returns the command of a script, or the fault of a script that only a shell could start.
func read(name, script string) (shell.Simple, error) {
	var list shell.List
	line, err := shell.Parse(nextPort.ReplaceAllString(script, "$1"))
	if err == nil {
		list, err = line.List()
	}
	if broken := new(shell.Error); errors.As(err, &broken) {
		what := fmt.Sprintf("the script %s is %q: %s", name, script, broken.What)
		return shell.Simple{}, startFault(what, broken.Do+", or say how to start in a Procfile")
	}
	command, simple := list.Simple()
	if !simple {
		return command, startFault(fmt.Sprintf("the script %s is %q, which is a list", name, script), "say how to start in a Procfile")
	}
	return command, err
}

// built reports whether the build has run a script, or the only script that this one runs.
func (a App) built(name string) bool {
	other := scriptOf(strings.Fields(a.Manifest.Scripts[name]))
	return a.Scripts.Built(a.From(), name) || other != "" && a.Scripts.Built(a.From(), other)
}

// scriptsWith returns the names of the scripts of the build, and one more.
func (a App) scriptsWith(name string) []string {
	var list []string
	for _, one := range a.Scripts.Names {
		if a.Manifest.Scripts[one] != "" {
			list = append(list, one)
		}
	}
	return append(list, name)
}

// command reads the words of a script.
func (a App) command(words []string, name, script string, seen []string) (Start, error) {
	switch {
	case len(words) == 0:
		return Start{}, startFault("the script "+name+" is empty", "let it start a file")
	case words[0] == "node" && len(words) == 1:
		return Start{}, startFault("the script "+name+" is \"node\" without a file", "name the file")
	case words[0] == "node":
		if tool := a.preloaded(words[1:]); tool != "" {
			return Start{}, onlyDev(name, tool)
		}
		return Start{Arguments: words[1:], Script: name}, nil
	case slices.Contains(shells, words[0]):
		what := fmt.Sprintf("the script %s is %q, and %s starts npm or a shell, which run images do not have", name, script, words[0])
		return Start{}, startFault(what, "start the server with node, and any other process from a Procfile or an image of its own")
	case words[0] == "bun":
		return a.bun(words, name, seen)
	case a.Manifest.Scripts[scriptOf(words)] != "":
		return a.script(scriptOf(words), seen)
	case len(words) > 1 && words[0] == "npx" && !strings.HasPrefix(words[1], "-"):
		return a.program(words[1:], name)
	}
	if member := a.workspaceOf(strings.Join(words, " ")); slices.Contains(managers, words[0]) && member != "" {
		what := fmt.Sprintf("the script %s is %q, which starts a workspace", name, script)
		return Start{}, startFault(what, "set BP_NODE_PROJECT_PATH="+member)
	}
	return a.program(words, name)
}

// bunValues are options of Bun that take the next word.
var bunValues = []string{
	"--preload", "-r", "--require", "--import", "--env-file", "--cwd", "--conditions", "--port", "--define", "-d", "--config", "-c",
}

// bun reads a script that calls Bun: with a file, which Bun then runs, or with another script.
func (a App) bun(words []string, name string, seen []string) (Start, error) {
	target, ran := -1, false
	for i := 1; i < len(words) && target < 0; i++ {
		switch word := words[i]; {
		case word == "run" && !ran:
			ran = true
		case slices.Contains(bunValues, word):
			i++
		case !strings.HasPrefix(word, "-"):
			target = i
		}
	}
	switch {
	case target < 0:
		what := fmt.Sprintf("the script %s is %q, which names no file", name, strings.Join(words, " "))
		return Start{}, startFault(what, "name the file")
	case a.Manifest.Scripts[words[target]] != "":
		return a.script(words[target], seen)
	case strings.ContainsAny(words[target], "./"):
		return Start{Arguments: words[1:], Script: name, Bun: true}, nil
	}
	return a.program(words[target:], name)
}

// program starts a program of a package. If the lockfile does not tell its file, it is found after the install.
func (a App) program(words []string, script string) (Start, error) {
	if a.Locked == nil {
		if a.HasPackages() && !slices.Contains(absent, words[0]) {
			return Start{Program: words, Command: words, Script: script}, nil
		}
		return Start{}, notFound(script, a.Manifest.Scripts[script])
	}
	file, dev, found := a.Locked(a.From(), words[0])
	switch {
	case !found:
		return Start{}, notFound(script, a.Manifest.Scripts[script])
	case dev:
		return Start{}, onlyDev(script, words[0])
	}
	file, err := filepath.Rel(a.From(), file)
	return Start{Arguments: append([]string{file}, words[1:]...), Command: words, Script: script}, err
}

// workspaceName matches the workspace that a command of a package manager is about.
var workspaceName = regexp.MustCompile(`(?:--workspace[= ]|-w[= ]?|workspace |--filter[= ]|-F )(\S+)`)

// workspaceOf returns the folder of the workspace that a command names, "" if it names none.
func (a App) workspaceOf(command string) string {
	found := workspaceName.FindStringSubmatch(command)
	if found == nil {
		return ""
	}
	for _, member := range a.Members {
		m, err := a.ReadManifest(member)
		if member == path.Clean(found[1]) || err == nil && m.Name == found[1] {
			return member
		}
	}
	return ""
}

// preloads are options of node that name a package to load first.
var preloads = []string{"-r", "--require", "--import", "--loader", "--experimental-loader"}

// preloaded returns a package that node is told to load first and that is only for development, "" if there is none.
func (a App) preloaded(words []string) string {
	for i, word := range words[:len(words)-1] {
		if name := packageIn(words[i+1]); slices.Contains(preloads, word) && a.Manifest.OnlyDev(name) {
			return name
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
