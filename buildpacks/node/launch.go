package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/argv"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/helper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
)

// start is how the app is started.
type start struct {
	arguments []string // of node or Bun; nil for the main file
	bun       bool     // Bun runs the app
	program   []string // of a package, with its arguments: its file is known after the install
	elsewhere bool     // a Procfile says how
	port      string   // that Next.js' own program would be told
	command   []string // as the script says it
	script    string   // that says so; empty for the main file
	variables map[string]string

	everywhere bool // the server listens where HOSTNAME says
}

// procfileWeb matches the process web of a Procfile, and Bun, if it starts that.
var procfileWeb = regexp.MustCompile(`(?m)^[ \t]*web[ \t]*:[ \t]*((bun[ \t])?.*)`)

// chooseStart reads the script start. Nothing is started by npm or a shell, which the run image does not have.
func (d decision) chooseStart(dir string) (start, error) {
	if procfile, err := os.ReadFile(filepath.Join(dir, "Procfile")); err == nil {
		if web := procfileWeb.FindSubmatch(procfile); web != nil {
			words, err := argv.Split(strings.TrimSpace(string(web[1])))
			name := argv.Script(words)
			if err != nil || name == "" {
				return start{elsewhere: true, bun: len(web[2]) > 0}, nil
			}
			if d.manifest.Scripts[name] == "" {
				return start{}, startFault("the Procfile starts the script "+name+", which is not there", "name another one")
			}
			return d.startOf(name)
		}
	}
	if strings.TrimSpace(d.manifest.Scripts["start"]) == "" {
		return start{}, nil
	}
	return d.startOf("start")
}

// startOf reads a script, or what there is instead of one for development.
func (d decision) startOf(name string) (start, error) {
	s, err := d.startScript(name, nil)
	switch {
	case isDev(err) && d.manifest.Scripts[startProduction] != "":
		return d.startScript(startProduction, nil)
	case isDev(err) && d.manifest.server() != "":
		return start{}, nil
	}
	return s, err
}

// made are where packages make a server.
var made = map[string]string{
	"@angular/ssr": "dist/*/server/server.mjs", "@astrojs/node": "dist/server/entry.mjs", "@sveltejs/adapter-node": "build/index.js",
}

// server returns where a package of the app makes a server, "" if none does.
func (m manifest) server() string {
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if m.Dependencies[name] != "" || m.Dev[name] != "" {
			return made[name]
		}
	}
	return ""
}

// startProduction is the script that starts the app where start does so for its developer, as in apps of NestJS.
const startProduction = "start:prod"

// startScript reads a script. One that does nothing but run another is that one.
func (d decision) startScript(name string, seen []string) (start, error) {
	if slices.Contains(seen, name) {
		return start{}, startFault("the script "+name+" runs itself", "let it start a file")
	}
	seen = append(seen, name)
	script := strings.TrimSpace(d.manifest.Scripts[name])
	for _, hook := range []string{"pre" + name, "post" + name} {
		if d.manifest.Scripts[hook] != "" && !d.built(hook) {
			return start{}, startFault(fmt.Sprintf("the script %s needs npm at launch", hook), "let the app do it, or run it at build time: BP_NODE_RUN_SCRIPTS="+strings.Join(d.scriptsWith(hook), ","))
		}
	}
	if first := buildFirst.FindStringSubmatch(script); first != nil && d.built(first[1]) {
		script = script[len(first[0]):]
	}
	command, variables := variablesOf(nextPort.ReplaceAllString(script, "$1"))
	s, err := d.startCommand(command, name, script, seen)
	maps.Copy(variables, s.variables) // of a script that this one runs
	s.variables = variables
	return s, err
}

// scriptsWith returns the names of the scripts that the build runs, and one more.
func (d decision) scriptsWith(name string) []string {
	var list []string
	for _, one := range d.Scripts {
		if d.manifest.Scripts[one] != "" {
			list = append(list, one)
		}
	}
	return append(list, name)
}

// buildFirst matches a script that has another one run before its own command.
var buildFirst = regexp.MustCompile(`^(?:npm run|yarn run|yarn|pnpm run|pnpm) ([\w:.-]+) *&& *`)

// built tells whether the build has run a script, or the one that it is nothing else than.
func (d decision) built(name string) bool {
	other := argv.Script(strings.Fields(d.manifest.Scripts[name]))
	return slices.ContainsFunc(d.scripts, func(s script) bool {
		return s.Dir == d.from() && (s.Name == name || other != "" && s.Name == other)
	})
}

// nextPort matches a port for Next.js that is a variable, which it reads by itself.
var nextPort = regexp.MustCompile(`^((?:\S+ )*next start\b.*?) (?:-p|--port)[ =]["']?\$(?:PORT|\{PORT(?::?-\d+)?\})["']?`)

// assigned matches what sets a variable before a program: a shell, env or cross-env does.
var assigned = regexp.MustCompile(`^(?:(?:npx )?cross-env(?:-shell)? +|env +)?([A-Za-z_]\w*)=('[^']*'|"[^"$\x60\\]*"|[^\s'"$\x60\\&|;<>()*?\[~#]*)\s+`)

// variablesOf cuts the variables that a script sets off its beginning.
func variablesOf(script string) (command string, variables map[string]string) {
	variables = map[string]string{}
	for {
		found := assigned.FindStringSubmatch(script)
		if found == nil {
			return script, variables
		}
		script, variables[found[1]] = script[len(found[0]):], strings.Trim(found[2], `'"`)
	}
}

// startCommand reads the command of a script.
func (d decision) startCommand(command, name, script string, seen []string) (start, error) {
	words, err := argv.Split(command)
	if broken := new(argv.Error); errors.As(err, &broken) {
		return start{}, startFault(fmt.Sprintf("the script %s is %q: %s", name, script, broken.What), broken.Do+", or say how to start in a Procfile")
	}
	if err != nil {
		return start{}, err
	}
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
	case d.manifest.Scripts[argv.Script(words)] != "":
		return d.startScript(argv.Script(words), seen)
	case len(words) > 1 && words[0] == "npx" && !strings.HasPrefix(words[1], "-"):
		return d.startProgram(words[1:], name)
	}
	if member := d.workspaceOf(command); slices.Contains(argv.Managers, words[0]) && member != "" {
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
	for _, member := range d.members {
		m, err := readManifest(filepath.Join(d.root, member))
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
		if slices.Contains([]string{"-r", "--require", "--import", "--loader", "--experimental-loader"}, word) && d.manifest.onlyDev(packageIn(words[i+1])) {
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
	if (d.manager != npm || d.locked.Version < 2) && d.hasPackages() && !slices.Contains(absent, words[0]) {
		return start{program: words, command: words, script: script}, nil
	}
	from := d.from()
	program, dev, found := d.locked.program(from, words[0])
	if !found {
		return start{}, notFound(script, d.manifest.Scripts[script])
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
var absent = []string{"npm", "npx", "pnpm", "pnpx", "yarn", "bun", "bunx", "sh", "bash"}

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

// findProgram finds the file of the program that the script start calls, or else start:prod.
func (b *builder) findProgram(ctx context.Context, modules string) error {
	err := b.findFile(ctx, modules)
	switch {
	case !isDev(err) || b.start.script == startProduction:
		return err
	case b.manifest.Scripts[startProduction] == "" && b.manifest.server() != "":
		b.start = start{}
		return nil
	case b.manifest.Scripts[startProduction] == "":
		return err
	}
	if b.start, err = b.startScript(startProduction, nil); err != nil {
		return err
	}
	return b.findFile(ctx, modules)
}

// findFile finds the file of the program that starts the app, in the packages that the app asks for.
func (b *builder) findFile(ctx context.Context, modules string) error {
	words := b.start.program
	if words == nil {
		return nil
	}
	dir, err := b.installed(ctx)
	if err != nil {
		return err
	}
	if b.pnp {
		return b.findPnP(dir, modules)
	}
	all := maps.Clone(b.manifest.Dev)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b.manifest.Optional)
	maps.Copy(all, b.manifest.Dependencies)
	from := b.from()
	t := tree{root: dir, app: b.root}
	missing := notFound(b.start.script, strings.Join(words, " "))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at, err := t.resolve(from, name)
		if err != nil {
			return err
		}
		if at == "" {
			continue // it is optional, and not for this machine
		}
		p, err := t.read(at)
		if err != nil {
			return err
		}
		file := p.program(words[0])
		if file == "" {
			continue
		}
		if b.manifest.onlyDev(name) {
			missing = onlyDev(b.start.script, words[0])
			continue
		}
		found, err := filepath.Rel(from, at)
		b.start.arguments = append([]string{path.Join(found, file)}, words[1:]...)
		return err
	}
	return missing
}

func startFault(what, do string) error {
	return fault.Fault{ID: "node-start", What: "package.json: " + what, Do: do}
}

// variables makes the layer with the variables that the script start sets, and with the address where Astro's server listens to more than
// the container itself. What it says of the port holds where the platform says nothing.
func (b *builder) variables(ctx context.Context) error {
	if b.manifest.Dependencies["@astrojs/node"]+b.manifest.Dev["@astrojs/node"] != "" && b.start.variables["HOST"] == "" {
		b.start.variables = maps.Clone(b.start.variables)
		if b.start.variables == nil {
			b.start.variables = map[string]string{}
		}
		b.start.variables["HOST"] = "0.0.0.0"
	}
	if len(b.start.variables) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(b.start.variables)) {
		b.Log.Decision("Sets", name+"="+b.start.variables[name], "")
	}
	_, err := b.Layers.Contribute(ctx, layer.Request{
		Name: "start", Flags: layer.Flags{Launch: true}, Key: b.start.variables,
		Fill: func(_ context.Context, l *layer.Layer) error {
			for name, value := range b.start.variables {
				if name == "PORT" || name == "HOST" {
					l.LaunchEnv.Default(name, value)
				} else {
					l.LaunchEnv.Override(name, value)
				}
			}
			return nil
		},
	})
	return err
}

// processes returns the process web, by the script start, the main file, server.js or index.js.
func (b *builder) processes(program string) (bp.BuildResult, error) {
	if b.start.elsewhere {
		return bp.BuildResult{Processes: b.reloading()}, nil
	}
	arguments, why := b.start.arguments, "script "+b.start.script
	if arguments == nil {
		main, err := b.mainFile()
		if err != nil {
			return bp.BuildResult{}, err
		}
		arguments, why = []string{main}, "main file"
	}
	if b.start.script == "" && b.start.arguments != nil {
		why = "made by the build"
	}
	b.Log.Decision("Starts", strings.Join(append([]string{filepath.Base(program)}, arguments...), " "), why)
	if b.pnp && b.hasPackages() {
		arguments = append(b.pnpArguments(), arguments...)
	}
	process := bp.Process{Type: "web", Command: append([]string{program}, arguments...), Default: true}
	if b.project != b.AppDir {
		process.WorkingDir = b.project
	}
	return bp.BuildResult{Processes: b.reloading(process)}, nil
}

// reloading adds to the processes what BP_LIVE_RELOAD_ENABLED asks for.
func (b *builder) reloading(list ...bp.Process) []bp.Process {
	if !b.Reload {
		return list
	}
	return helper.Reload(b.BuildContext, list, b.AppDir)
}

// mainFile returns the file that main names, as Node.js finds it, or else server.js or index.js.
func (d decision) mainFile() (string, error) {
	main := d.manifest.Main
	if main != "" && !filepath.IsLocal(main) {
		return "", startFault(fmt.Sprintf("main is %q, which is outside the app", main), "name a file of the app")
	}
	if pattern := d.manifest.server(); pattern != "" {
		found, err := filepath.Glob(filepath.Join(d.project, filepath.FromSlash(pattern)))
		if err == nil && len(found) == 1 {
			return filepath.Rel(d.project, found[0])
		}
	}
	candidates := []string{"server.js", "index.js"}
	if main != "" {
		candidates = []string{main, main + ".js", filepath.Join(main, "index.js")}
	}
	for _, name := range candidates {
		if info, err := os.Stat(filepath.Join(d.project, name)); err == nil && info.Mode().IsRegular() {
			return name, nil
		}
	}
	if main != "" {
		return "", startFault(fmt.Sprintf("main is %q, which is not a file", main), "name a file that is there after the build")
	}
	return "", startFault("there is no script start, no main, no server.js and no index.js", d.buildHint("add a script start such as node server.js"))
}

// buildHint returns what to do about an app that starts nothing: it may be a site whose build script has another name.
func (d decision) buildHint(do string) string {
	for _, name := range slices.Sorted(maps.Keys(d.manifest.Scripts)) {
		if strings.Contains(name, "build") && len(d.scripts) == 0 && slices.ContainsFunc(makers, d.has) {
			return do + ", or set BP_NODE_RUN_SCRIPTS=" + name + " if it is a site"
		}
	}
	return do
}

// appFolders returns where the app has links to its packages, relative to the app's folder.
func (b *builder) appFolders() []string {
	var folders []string
	for _, folder := range b.modulesFolders() {
		folders = append(folders, strings.TrimPrefix(filepath.Join(b.root, folder), b.AppDir+"/"))
	}
	return folders
}

// linkProduction links the app to the layer of packages, "" if it has none.
func (b *builder) linkProduction(ctx context.Context, modules string) error {
	if !b.pnp || modules == "" {
		return b.link(modules)
	}
	install, err := b.productionPnP(ctx)
	if err != nil {
		return err
	}
	return b.linkPnP(install, modules)
}

// link puts links to the folders of packages where Node.js looks for them; without packages it removes them.
func (b *builder) link(modules string) error {
	if b.pnp {
		return b.linkPnP(modules, modules)
	}
	for _, folder := range b.modulesFolders() {
		at := filepath.Join(b.root, folder)
		err := os.RemoveAll(at)
		if err == nil && modules != "" {
			err = os.Symlink(filepath.Join(modules, folder), at)
		}
		if err != nil {
			return fmt.Errorf("linking the packages: %w", err)
		}
	}
	return nil
}
