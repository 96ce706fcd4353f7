package start

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Command is one of those that start an app.
type Command struct {
	After     string       // as of a shell.Command
	Dir       string       // relative to the project's
	Variables []shell.Word // NAME=value each
	Words     []shell.Word // as the script says it: the program of a package, or what the launch helper does; nil for node and bun
	Arguments []shell.Word // of node or Bun; nil for what the launch helper does, and where the program is found after the install
	Bun       bool         // Bun runs it
}

// own reports whether the launch helper does it itself.
func (c Command) own() bool {
	return len(c.Words) > 0 && slices.Contains(shell.Builtins, string(c.Words[0]))
}

// managers are programs of package managers, which no run image has.
var managers = []string{"npm", "npx", "pnpm", "pnpx", "yarn"}

// absent are programs that the run image does not have and no package should be taken for.
var absent = append(slices.Clone(managers), "bun", "bunx", "sh", "bash")

// shells are programs of packages that start others by npm or a shell.
var shells = []string{"npm-run-all", "npm-run-all2", "run-s", "run-p", "concurrently", "turbo", "nx", "lerna", "wireit"}

// texts returns words as a person reads them.
func texts(words []shell.Word) []string {
	var list []string
	for _, word := range words {
		text, literal := word.Literal()
		if !literal {
			text = string(word)
		}
		list = append(list, text)
	}
	return list
}

// command reads a command of a script, which may stand for the commands of another one.
func (r *reading) command(c shell.Command, name, script string) ([]Command, error) {
	words, read := texts(c.Words), Command{After: c.After}
	if r.atBuild(c) {
		return nil, nil
	}
	switch words[0] {
	case "node":
		if len(words) == 1 {
			return nil, startFault("the script "+name+" is \"node\" without a file", "name the file")
		}
		if tool := r.preloaded(words[1:]); tool != "" {
			return nil, onlyDev(name, tool)
		}
		read.Arguments = c.Words[1:]
		return []Command{read}, nil
	case "nodemon":
		return r.nodemon(c, name, script)
	case "bun":
		return r.bun(c, name, script)
	case "sh", "bash":
		return nil, r.shellScript(name, script, words[min(1, len(words)-1)])
	}
	if strings.Contains(words[0], "/") {
		return r.file(c, name, script)
	}
	other := scriptOf(words)
	switch {
	case slices.Contains(shells, words[0]):
		what := fmt.Sprintf("the script %s is %q, and %s starts npm or a shell, which run images do not have", name, script, words[0])
		return nil, startFault(what, "start the server with node, and any other process from a Procfile or an image of its own")
	case slices.Contains(shell.Builtins, words[0]):
		read.Words = c.Words
		return []Command{read}, nil
	case r.Manifest.Scripts[other] != "" && c.Dir == "":
		return r.script(other)
	case other != "" && c.Dir == "" && words[0] == "npm":
		what := fmt.Sprintf("the script %s is %q, and there is no script %s", name, script, other)
		return nil, startFault(what, "name another one")
	case len(words) > 1 && words[0] == "npx" && !strings.HasPrefix(words[1], "-"):
		return r.program(c.Words[1:], c, name)
	}
	if slices.Contains(managers, words[0]) {
		if err := r.elsewhere(c, name, script); err != nil {
			return nil, err
		}
	}
	return r.program(c.Words, c, name)
}

// elsewhere returns the fault of a command of a package manager that starts another package of the app, nil for other commands.
func (r *reading) elsewhere(c shell.Command, name, script string) error {
	member := r.workspaceOf(strings.Join(texts(c.Words), " "))
	if member == "" && c.Dir != "" {
		member = path.Join(r.From(), c.Dir)
	}
	if member == "" {
		return nil
	}
	what := fmt.Sprintf("the script %s is %q, which starts the package in %s", name, script, member)
	return startFault(what, "set BP_NODE_PROJECT_PATH="+member)
}

// bunValues are options of Bun that take the next word.
var bunValues = []string{
	"--preload", "-r", "--require", "--import", "--env-file", "--cwd", "--conditions", "--port", "--define", "-d", "--config", "-c",
}

// bun reads a command that calls Bun: with a file, which Bun then runs, or with another script.
func (r *reading) bun(c shell.Command, name, script string) ([]Command, error) {
	words, target, ran := texts(c.Words), -1, false
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
		return nil, startFault(fmt.Sprintf("the script %s is %q, which names no file", name, script), "name the file")
	case r.Manifest.Scripts[words[target]] != "":
		return r.script(words[target])
	case strings.ContainsAny(words[target], "./"):
		return []Command{{Arguments: c.Words[1:], Bun: true}}, nil
	}
	return r.program(c.Words[target:], c, name)
}

// program starts a program of a package. If the lockfile does not tell its file, it is found after the install.
func (r *reading) program(words []shell.Word, c shell.Command, script string) ([]Command, error) {
	name := texts(words)[0]
	if r.Locked == nil {
		if r.HasPackages() && !slices.Contains(absent, name) {
			return []Command{{Words: words}}, nil
		}
		return nil, notFound(script, r.Manifest.Scripts[script])
	}
	file, dev, found := r.Locked(r.From(), name)
	switch {
	case !found:
		return nil, notFound(script, r.Manifest.Scripts[script])
	case dev && !slices.Contains(runners, name):
		return nil, onlyDev(script, name)
	}
	file, err := filepath.Rel(path.Join(r.From(), c.Dir), file)
	return []Command{{Words: words, Arguments: append([]shell.Word{shell.Quote(file)}, words[1:]...)}}, err
}

// file reads a command that is a file of the app: a program of Node.js, by its first line.
func (r *reading) file(c shell.Command, name, script string) ([]Command, error) {
	file := texts(c.Words)[0]
	first, err := firstLine(filepath.Join(r.Dir, c.Dir, file))
	switch {
	case err != nil:
		what := fmt.Sprintf("the script %s is %q, and there is no file %s", name, script, path.Join(c.Dir, file))
		return nil, startFault(what, "name a file that is there"+r.nearest(path.Join(c.Dir, file)))
	case nodeLine.MatchString(first):
		return []Command{{Arguments: c.Words}}, nil
	case shellLine.MatchString(first):
		return nil, r.shellScript(name, script, path.Join(c.Dir, file))
	}
	return nil, notFound(name, script)
}

var (
	nodeLine  = regexp.MustCompile(`^#!.*\bnode\b`)
	shellLine = regexp.MustCompile(`^#!.*sh\b`)
)

// firstLine returns the first line of a file, which is no link.
func firstLine(file string) (string, error) {
	lines, err := linesOf(file)
	if err != nil || len(lines) == 0 {
		return "", err
	}
	return lines[0], nil
}

// linesOf returns the lines of a small file of the app.
func linesOf(file string) ([]string, error) {
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() || info.Size() > 64<<10 {
		return nil, fmt.Errorf("%s is no small file: %w", file, err)
	}
	data, err := os.ReadFile(file)
	return strings.Split(string(data), "\n"), err
}

// idleLine matches lines of a shell script that do nothing in a list of commands.
var idleLine = regexp.MustCompile(`^\s*(#.*|set -[a-z]+( pipefail)?)?\s*$`)

// shellScript is the fault of a script that runs one of a shell. It tells what to write instead, if that is short.
func (r *reading) shellScript(name, script, file string) error {
	what := fmt.Sprintf("the script %s is %q, which needs a shell, and run images have none", name, script)
	lines, err := linesOf(filepath.Join(r.Dir, file))
	lines = slices.DeleteFunc(lines, idleLine.MatchString)
	text := strings.Join(lines, " && ")
	if _, unread := read(name, text); err != nil || unread != nil || len(lines) > 4 {
		return startFault(what, "write the commands of "+file+" into the script, one after the other with &&")
	}
	return startFault(what, fmt.Sprintf("write %q: %q", name, text))
}

// preloads are options of node that name a package to load first.
var preloads = []string{"-r", "--require", "--import", "--loader", "--experimental-loader"}

// preloaded returns a package that node is told to load first and that is only for development, "" if there is none.
func (a App) preloaded(words []string) string {
	for i, word := range words[:len(words)-1] {
		if name := packageIn(words[i+1]); slices.Contains(preloads, word) && a.Manifest.OnlyDev(name) && !slices.Contains(runners, name) {
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

// runners are packages and their programs that run an app, although many apps have them for development alone. The layer of
// packages keeps those that a script names.
var runners = []string{
	"tsx", "ts-node", "tsconfig-paths", "@swc-node/register", "esbuild-register", "esbuild-runner", "dotenv", "dotenv-cli", "dotenv-flow",
	"env-cmd", "cross-env", "module-alias", "serve", "http-server",
}

// watching are options of nodemon that take the next word.
var watching = []string{"-w", "--watch", "-i", "--ignore", "-e", "--ext", "-d", "--delay", "-s", "--signal", "--config", "-C"}

// execOfNodemon returns what nodemon.json has nodemon start, "" for node. nodemon passes over a file that is not JSON.
func (a App) execOfNodemon() string {
	data, err := tree.ReadFile(filepath.Join(a.Dir, "nodemon.json"))
	if err != nil {
		return ""
	}
	config, _ := fields.JSON("nodemon.json", data)
	return config.Text("exec")
}

// nodemon reads a command of nodemon, which starts node, or another program, again when files change. They do not change in an image.
func (r *reading) nodemon(c shell.Command, name, script string) ([]Command, error) {
	var rest []shell.Word
	runs := shell.Word("")
	for i := 1; i < len(c.Words); i++ {
		word := c.Words[i]
		option, value, joined := strings.Cut(string(word), "=")
		switch {
		case len(rest) == 0 && joined && option == "--exec":
			runs = shell.Word(value)
		case (word == "-x" || word == "--exec") && i+1 < len(c.Words):
			i, runs = i+1, c.Words[i+1]
		case len(rest) > 0 || !slices.Contains(append(watching, "-q", "--quiet", "-V", "--verbose", "-L", "--legacy-watch", "-I"), option):
			rest = append(rest, word)
		case slices.Contains(watching, option) && !joined:
			i++
		}
	}
	text, _ := runs.Literal()
	text = cmp.Or(text, r.execOfNodemon())
	if text == "" && len(rest) == 0 {
		main, err := r.mainFile()
		if err != nil {
			return nil, err
		}
		rest = []shell.Word{shell.Quote(main)}
	}
	if text == "" {
		text = "node"
		if r.Manifest.Has("ts-node") && slices.ContainsFunc(rest, func(word shell.Word) bool { return path.Ext(string(word)) == ".ts" }) {
			text = "ts-node" // as nodemon does
		}
	}
	list, err := read(name, text)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		what := fmt.Sprintf("the script %s is %q, and nodemon starts several commands", name, script)
		return nil, startFault(what, "write them without nodemon")
	}
	list[0].Words, list[0].Dir = append(list[0].Words, rest...), c.Dir
	inner, err := r.command(list[0], name, script)
	if err != nil {
		return nil, err
	}
	return join(nil, list[0], inner)
}
