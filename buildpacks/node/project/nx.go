package project

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Files of Nx: of the root, of a project, and of all projects in releases before 15.
const (
	nxFile      = "nx.json"
	nxProject   = "project.json"
	nxWorkspace = "workspace.json"
)

// nx is what Nx knows of an app (nx.dev, "nx.json" and "project.json").
type nx struct {
	root     fields.Object
	projects []nxOf
}

// nxOf is a project of Nx.
type nxOf struct {
	dir, name, file string
	application     bool
	targets         fields.Object
}

// readNx returns what Nx knows of an app, nothing where the app does not use it.
func (p Project) readNx() (nx, error) {
	root, err := p.relaxed(nxFile)
	if err != nil || root == nil {
		return nx{}, err
	}
	n := nx{root: root}
	all, err := p.relaxed(nxWorkspace)
	if err != nil {
		return nx{}, err
	}
	dirs, err := foldersWith(p.Root, nxProject)
	if err != nil {
		return nx{}, err
	}
	for _, dir := range append(dirs, p.Members...) {
		m, err := p.ReadManifest(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nx{}, err
		}
		file, err := p.relaxed(path.Join(dir, nxProject))
		if err != nil {
			return nx{}, err
		}
		one := nxOf{dir, path.Base(dir), path.Join(dir, nxProject), file.Text("projectType") == "application", file.Object("targets")}
		if file == nil {
			one.file, one.targets = path.Join(dir, ManifestFile), m.fields.Object("nx").Object("targets")
		}
		for name, in := range all.Texts("projects") {
			if path.Clean(in) == dir {
				one.name = name
			}
		}
		one.name = cmp.Or(file.Text("name"), m.fields.Object("nx").Text("name"), m.Name, one.name)
		if !slices.ContainsFunc(n.projects, func(other nxOf) bool { return other.dir == dir }) {
			n.projects = append(n.projects, one)
		}
	}
	return n, nil
}

// relaxed reads a file below Root that programs in JavaScript read, nil if it is not there.
func (p Project) relaxed(name string) (fields.Object, error) {
	data, err := tree.ReadFile(filepath.Join(p.Root, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return fields.Relaxed(p.name(filepath.Join(p.Root, name)), data)
}

// find returns a project by its name or its folder.
func (n nx) find(name string) (nxOf, bool) {
	i := slices.IndexFunc(n.projects, func(one nxOf) bool { return name != "" && (one.name == name || one.dir == path.Clean(name)) })
	if i < 0 {
		return nxOf{}, false
	}
	return n.projects[i], true
}

// nxCommand matches a command of Nx that runs a target of a project: nx serve api, nx run api:serve.
var nxCommand = regexp.MustCompile(`^(?:npx )?nx (?:run ([^\s:-]\S*?):(\w[\w-]*)(?::[\w-]+)?|(serve|start)(?: ([^\s-]\S*))?)` +
	`((?: --?[\w-]+(?:=\S+)?)*)$`)

// started returns the project that a command has Nx start, and the target. Without a name that is the default project.
func (n nx) started(command string) (one nxOf, target string, found bool) {
	parts := nxCommand.FindStringSubmatch(command)
	if parts == nil || n.root == nil {
		return nxOf{}, "", false
	}
	one, found = n.find(cmp.Or(parts[1], parts[4], n.root.Text("defaultProject")))
	return one, parts[2] + parts[3], found
}

// serving are targets that start a project, the first that it has is taken.
var serving = []string{"start", "serve"}

// start returns the command line that a target of a project starts when it is built, from the root; "" if it is not known. Without a
// target, it is that of the usual names.
func (n nx) start(one nxOf, target string) string {
	if target == "" {
		for _, name := range serving {
			if line := n.start(one, name); line != "" {
				return line
			}
		}
		return ""
	}
	t := one.targets.Object(target)
	if line := runCommand(t, one.dir); line != "" {
		return line
	}
	build := t.Object("options").Text("buildTarget")
	name, made, _ := strings.Cut(cmp.Or(build, t.Object("options").Text("browserTarget")), ":")
	of, found := n.find(name)
	if !found {
		of, made = one, "build"
	}
	made, _, _ = strings.Cut(made, ":")
	return n.server(of, of.targets.Object(made), t.Text("executor"))
}

// runCommand returns the command line of a target that is one, from the root.
func runCommand(t fields.Object, dir string) string {
	options := t.Object("options")
	lines := append(options.List("commands"), options.List("command")...)
	for _, one := range options.Objects("commands") {
		lines = append(lines, one.Text("command"))
	}
	lines = append(lines, t.List("command")...)
	if len(lines) != 1 {
		return ""
	}
	folders := strings.NewReplacer("{projectRoot}", dir, "{workspaceRoot}", ".")
	line := folders.Replace(lines[0])
	if in := path.Clean(folders.Replace(options.Text("cwd"))); in != "." {
		return "cd " + singleQuoted(in) + " && " + line
	}
	return line
}

// nodeServers are executors that start a program for Node.js after it is built, by their names without @nx/ or, before Nx 16, @nrwl/.
var nodeServers = []string{"js:node", "node:node", "node:execute"}

// server returns the command line that starts what a target makes, from the root; "" if it is no server that is known.
func (n nx) server(one nxOf, build fields.Object, executor string) string {
	options := build.Object("options")
	output := path.Clean(strings.NewReplacer("{workspaceRoot}/", "", "{projectRoot}", one.dir).Replace(options.Text("outputPath")))
	executor = strings.TrimPrefix(strings.TrimPrefix(executor, "@nrwl/"), "@nx/")
	switch {
	case executor == "next:server" && output != ".":
		return "cd " + singleQuoted(output) + " && next start"
	case !slices.Contains(nodeServers, executor):
		return ""
	}
	main := cmp.Or(options.Text("main"), "main")
	if strings.HasSuffix(build.Text("executor"), ":webpack") {
		main = "main"
	}
	main = cmp.Or(options.Text("outputFileName"), main)
	main = strings.TrimSuffix(main, path.Ext(main)) + ".js"
	in, err := filepath.Rel(one.dir, main)
	_, builder, _ := strings.Cut(build.Text("executor"), ":")
	keepsFolders := builder == "tsc" || builder == "swc"
	if err != nil || !filepath.IsLocal(in) || !keepsFolders {
		in = path.Base(main)
	}
	if output == "." {
		output = path.Join("dist", one.dir)
	}
	return "node " + singleQuoted(path.Join(output, in))
}

// plugins are those that know how projects with a configuration of a name, without its extension, are built and started.
var plugins = map[string]struct{ config, build, start string }{
	"@nx/next/plugin":         {"next.config", "next build", "next start"},
	"@nx/nuxt/plugin":         {"nuxt.config", "nuxt build", ""},
	"@nx/vite/plugin":         {"vite.config", "vite build", ""},
	"@nx/webpack/plugin":      {"webpack.config", "webpack-cli build", ""},
	"@nx/rspack/plugin":       {"rspack.config", "rspack build", ""},
	"@nx/rsbuild/plugin":      {"rsbuild.config", "rsbuild build", ""},
	"@nx/remix/plugin":        {"remix.config", "remix build", "remix-serve build/index.js"},
	"@nx/react/router-plugin": {"react-router.config", "react-router build", "react-router-serve build/server/index.js"},
}

// scripts returns what builds and starts a project, from a folder.
func (n nx) scripts(root string, one nxOf, target, from string) map[string]string {
	scripts := map[string]string{}
	if line := n.start(one, target); line != "" && from != "." {
		scripts["start"] = "cd " + strings.Repeat("../", strings.Count(from, "/")) + ".. && " + line
	} else {
		scripts["start"] = line
	}
	if build := one.targets.Object("build"); build != nil {
		scripts["build"] = "NX_DAEMON=false nx run " + one.name + ":build"
		if build.Object("configurations").Object("production") != nil {
			scripts["build"] += ":production"
		}
		return scripts
	}
	names := n.root.List("plugins")
	for _, plugin := range n.root.Objects("plugins") {
		names = append(names, plugin.Text("plugin"))
	}
	for _, name := range names {
		plugin, known := plugins[name]
		found, err := filepath.Glob(filepath.Join(root, one.dir, plugin.config+".[cmjt]*"))
		if known && err == nil && len(found) > 0 {
			scripts["build"], scripts["start"] = plugin.build, cmp.Or(scripts["start"], plugin.start)
		}
	}
	return scripts
}

// startedByNx returns the project that the app's script start has Nx start, or else the default project of an app without one.
func (p Project) startedByNx() (one nxOf, target string, found bool) {
	scripts := p.Manifest.Scripts
	if scripts["prestart"]+scripts["poststart"] != "" || p.nx.root == nil {
		return nxOf{}, "", false
	}
	processes, err := procfile.Read(p.App)
	if err != nil || len(processes) > 0 {
		return nxOf{}, "", false
	}
	command := "nx serve"
	if scripts["start"] != "" {
		simple, ok := listOf(scripts["start"]).Simple()
		if command = strings.Join(simple.Words, " "); !ok || len(simple.Variables) > 0 || simple.Dir != "" {
			return nxOf{}, "", false
		}
	}
	one, target, found = p.nx.started(command)
	return one, target, found && (p.nx.start(one, target) != "" || slices.Contains(p.Members, one.dir))
}

// asNx returns the project at the root, with what builds and starts a project of Nx as its scripts. Where a script of the root starts that,
// its script build stays.
func (p Project) asNx(one nxOf, target, chosen string) Project {
	m := p.Base
	m.Scripts = maps.Clone(m.Scripts)
	delete(m.Scripts, "start")
	if chosen != byStart {
		delete(m.Scripts, "build")
	}
	m = m.with(one.file, p.nx.scripts(p.Root, one, target, "."))
	p.manifests = maps.Clone(p.manifests)
	p.manifests["."], p.Base, p.Manifest, p.Chosen = m, m, m, chosen
	p.Nx = one.name
	return p
}

// Applications returns the folders of the projects of Nx without a package.json that have something to start.
func (p Project) Applications() []string {
	var dirs []string
	for _, one := range p.nx.projects {
		if one.application && one.file == path.Join(one.dir, nxProject) && !slices.Contains(p.Members, one.dir) && p.nx.start(one, "") != "" {
			dirs = append(dirs, one.dir)
		}
	}
	return dirs
}
