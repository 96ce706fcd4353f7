package frontend

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// site is the name in the build plan of the files that a front end is, which another buildpack serves.
const site = "site"

// app is what an app says about itself.
type app struct {
	project.Project
	Folder  string   `config:"BP_NODE_PROJECT_PATH"`
	Scripts []string `config:"BP_NODE_RUN_SCRIPTS,names"`
}

// detect takes part in apps whose build scripts make files for a browser. What is wrong with an app is strata/node's to say.
func detect(_ context.Context, in bp.DetectContext) (bp.DetectResult, error) {
	var a app
	if err := in.Config.Decode(&a); err != nil {
		return bp.DetectResult{}, err
	}
	if _, err := os.Stat(filepath.Join(in.AppDir, a.Folder, project.ManifestFile)); errors.Is(err, fs.ErrNotExist) {
		return bp.Fail("no package.json"), nil
	}
	var err error
	if a.Project, err = project.Find(in.AppDir, a.Folder); err != nil {
		return bp.Fail(err.Error()), nil
	}
	maker, why := a.maker()
	if maker == "" {
		return bp.Fail(why), nil
	}
	requires := []bp.Entry{bp.Tools("node", node.Wanted(in)...)}
	return bp.Pass("built by "+maker, bp.Plan{Provides: []string{"node", site}, Requires: requires}), nil
}

// maker returns what makes the app's files, or "" and why the app is no front end.
func (a app) maker() (title, why string) {
	processes, err := procfile.Read(a.App)
	if err != nil {
		return "", err.Error()
	}
	if slices.ContainsFunc(processes, func(p procfile.Process) bool { return p.Type == "web" }) {
		return "", "the Procfile starts a server"
	}
	build := a.commands()
	if build == "" {
		return "", "no build script"
	}
	has := a.Manifest.Has
	for _, f := range framework.Of(has) {
		if e := f.Exports; e != nil && e.Config != "" && configured(a.Dir, e) {
			return e.Title, ""
		}
	}
	if why := a.starts(); why != "" {
		return "", why
	}
	for _, f := range framework.Of(has) {
		if e := f.Exports; e != nil && e.Config == "" && e.Matches.MatchString(build) {
			return e.Title, ""
		}
	}
	if name := framework.Made(has, framework.Server); name != "" {
		return "", "the app has " + name
	}
	if name := framework.Made(has, framework.Site); name != "" {
		return name, ""
	}
	return "", "no package that makes files for browsers"
}

// starts returns how the app starts a server, "" if it starts none.
func (a app) starts() string {
	if start := a.command("start"); start != "" {
		if !framework.Develops(start) {
			return "the script start starts a server"
		}
	} else if a.Manifest.Main != "" {
		return "main is " + a.Manifest.Main
	}
	for _, name := range []string{"server.js", "index.js"} {
		if _, err := os.Stat(filepath.Join(a.Dir, name)); err == nil {
			return name + " found"
		}
	}
	return ""
}

// commands returns the commands of the build scripts, a line each.
func (a app) commands() string {
	var commands []string
	for _, name := range a.Scripts {
		if command := a.Manifest.Scripts[name]; command != "" {
			commands = append(commands, command)
		}
	}
	return strings.Join(commands, "\n")
}

// configured reports whether the configuration of a framework in a folder says that an app is files for a browser.
func configured(dir string, e *framework.Export) bool {
	for _, extension := range []string{".js", ".mjs", ".cjs", ".ts", ".mts"} {
		if data, err := os.ReadFile(filepath.Join(dir, e.Config+extension)); err == nil && e.Matches.Match(data) {
			return true
		}
	}
	return false
}

// runners run scripts of package.json.
var runners = []string{"npm", "pnpm", "yarn", "bun"}

// command returns what a script starts, without variables before it and, where that is another script, what that one starts.
func (a app) command(name string, seen ...string) string {
	line, err := shell.Parse(a.Manifest.Scripts[name])
	if err != nil {
		return a.Manifest.Scripts[name]
	}
	list, err := line.List()
	simple, ok := list.Simple()
	if err != nil || !ok {
		return a.Manifest.Scripts[name]
	}
	words := simple.Words
	seen = append(seen, name)
	runs := len(words) == 3 && words[1] == "run" && slices.Contains(runners, words[0])
	if runs && a.Manifest.Scripts[words[2]] != "" && !slices.Contains(seen, words[2]) {
		return a.command(words[2], seen...)
	}
	return strings.Join(words, " ")
}
