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
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
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

// command reads a command of a script, which may stand for the commands of another one.
func (r *reading) command(c shell.Command, of Source) ([]Command, error) {
	words := shell.Texts(c.Words)
	if r.atBuild(c) {
		return nil, nil
	}
	switch words[0] {
	case "node":
		return r.node(c, of)
	case "nodemon":
		return r.nodemon(c, of)
	case "bun":
		return r.bun(c, of)
	case "sh", "bash":
		return nil, r.shellScript(of, words[min(1, len(words)-1)])
	}
	if strings.Contains(words[0], "/") {
		return r.file(c, of)
	}
	other := scriptOf(words)
	switch {
	case slices.Contains(project.ScriptRunners, words[0]):
		return r.several(c, of)
	case slices.Contains(shell.Builtins, words[0]):
		return []Command{{After: c.After, Words: c.Words}}, nil
	case r.Manifest.Scripts[other] != "" && c.Dir == "":
		return r.script(other)
	case other != "" && c.Dir == "" && words[0] == "npm":
		return nil, of.fault(", and there is no script "+other, "name another one")
	}
	if slices.Contains(managers, words[0]) {
		if err := r.elsewhere(c, of); err != nil {
			return nil, err
		}
	}
	if n := project.Runner(words); n > 0 {
		c.Words = c.Words[n:]
		return r.command(c, of)
	}
	switch {
	case slices.Contains(setters, words[0]):
		return r.setting(c, of)
	case slices.Contains(keepers, words[0]):
		return r.keeper(c, of)
	}
	return r.program(c.Words, c, of)
}

// node reads a command of Node.js.
func (r *reading) node(c shell.Command, of Source) ([]Command, error) {
	words := shell.Texts(c.Words)
	if len(words) == 1 {
		return nil, of.fault(", which names no file", "name the file")
	}
	if tool := r.preloaded(words[1:]); tool != "" {
		return nil, of.onlyDev(tool)
	}
	return []Command{{After: c.After, Arguments: c.Words[1:]}}, nil
}

// elsewhere returns the fault of a command of a package manager that starts another package of the app, nil for other commands.
func (r *reading) elsewhere(c shell.Command, of Source) error {
	if member := r.workspaceOf(strings.Join(shell.Texts(c.Words), " ")); member != "" {
		return of.fault(", which starts the package in "+member, "set BP_NODE_PROJECT_PATH="+member)
	}
	if c.Dir == "" {
		return nil
	}
	dir := shell.Within(r.Dir, c.Dir)
	member, err := filepath.Rel(r.Root, dir)
	if err != nil {
		return err
	}
	if _, err := r.ReadManifest(member); err != nil || !filepath.IsLocal(member) {
		return of.fault(", and there is no package.json in "+dir, "name a folder of the app that has one")
	}
	return of.fault(", which starts the package in "+member, "set BP_NODE_PROJECT_PATH="+member)
}

// bunValues are options of Bun that take the next word.
var bunValues = []string{
	"--preload", "-r", "--require", "--import", "--env-file", "--cwd", "--conditions", "--port", "--define", "-d", "--config", "-c",
}

// bun reads a command that calls Bun: with a file, which Bun then runs, or with another script.
func (r *reading) bun(c shell.Command, of Source) ([]Command, error) {
	words, target, ran := shell.Texts(c.Words), -1, false
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
		return nil, of.fault(", which names no file", "name the file")
	case r.Manifest.Scripts[words[target]] != "":
		return r.script(words[target])
	case strings.ContainsAny(words[target], "./"):
		return []Command{{Arguments: c.Words[1:], Bun: true}}, nil
	}
	return r.program(c.Words[target:], c, of)
}

// program starts a program of a package. If the lockfile does not tell its file, it is found after the install.
func (r *reading) program(words []shell.Word, c shell.Command, of Source) ([]Command, error) {
	name := shell.Texts(words)[0]
	if r.Locked == nil {
		if r.HasPackages() && !slices.Contains(absent, name) {
			return []Command{{Words: words}}, nil
		}
		return nil, of.notFound()
	}
	file, dev, found := r.Locked(r.From(), name)
	switch {
	case !found:
		return nil, of.notFound()
	case dev && !slices.Contains(runners, name):
		return nil, of.onlyDev(name)
	}
	file, err := filepath.Rel(shell.Within(r.Dir, c.Dir), filepath.Join(r.Root, file))
	return []Command{{Words: words, Arguments: append([]shell.Word{shell.Quote(file)}, words[1:]...)}}, err
}

// file reads a command that is a file of the app: a program of Node.js, by its first line.
func (r *reading) file(c shell.Command, of Source) ([]Command, error) {
	file := shell.Texts(c.Words)[0]
	first, err := firstLine(shell.Within(r.Dir, shell.Within(c.Dir, file)))
	if err != nil {
		file = shell.Within(c.Dir, file)
		return nil, of.fault(", and there is no file "+file, "name a file that is there"+r.nearest(file))
	}
	by := interpreter(first)
	switch name := path.Base(string(by.Words[0])); {
	case name == "node", name == "bun":
		return []Command{{Variables: by.Variables, Arguments: slices.Concat(by.Words[1:], c.Words), Bun: name == "bun"}}, nil
	case strings.HasSuffix(name, "sh"), path.Ext(file) == ".sh" && name == ".": // without a first line, a shell runs it
		return nil, r.shellScript(of, shell.Within(c.Dir, file))
	}
	return nil, of.notFound()
}

// interpreter returns the command that the first line of a program puts before it. It has at least one word.
func interpreter(line string) shell.Command {
	text, found := strings.CutPrefix(strings.TrimSpace(line), "#!")
	path, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if strings.HasSuffix(path, "/env") {
		rest = strings.TrimPrefix(strings.TrimSpace(rest), "-S")
		path = "env"
	}
	parsed, err := shell.Parse(path + " " + rest)
	if err != nil || !found {
		return shell.Command{Words: []shell.Word{""}}
	}
	list, err := parsed.List()
	if err != nil || len(list) != 1 || len(list[0].Words) == 0 {
		return shell.Command{Words: []shell.Word{""}}
	}
	return list[0]
}

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
	data, err := tree.ReadFile(file)
	return strings.Split(string(data), "\n"), err
}

// idleLine matches lines of a shell script that do nothing in a list of commands.
var idleLine = regexp.MustCompile(`^\s*(#.*|set -[a-z]+( pipefail)?)?\s*$`)

// shellScript is the fault of a source that runs a script of a shell. It tells what to write instead, if that is short.
func (r *reading) shellScript(of Source, file string) error {
	const what = ", which needs a shell, and run images have none"
	lines, err := linesOf(shell.Within(r.Dir, file))
	lines = slices.DeleteFunc(lines, idleLine.MatchString)
	text := strings.Join(lines, " && ")
	if _, unread := read(of, text); err != nil || unread != nil || len(lines) > 4 {
		return of.fault(what, "write the commands of "+file+" instead, one after the other with &&")
	}
	return of.fault(what, "write instead: "+text)
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
func (r *reading) nodemon(c shell.Command, of Source) ([]Command, error) {
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
	list, err := read(of, text)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, of.fault(", and nodemon starts several commands", "write them without nodemon")
	}
	run := list[0]
	run.Words, run.Dir = append(run.Words, rest...), shell.Within(c.Dir, run.Dir)
	inner, err := r.command(run, of)
	if err != nil {
		return nil, err
	}
	all, _ := join(nil, shell.Command{Dir: list[0].Dir, Variables: run.Variables}, inner) // nothing is before it
	return all, nil
}
