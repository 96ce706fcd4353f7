package project

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// Script is one of a package.json.
type Script struct {
	Dir     string // of the package, relative to Root
	Name    string
	Command string
	Hook    bool     // package managers run it after an install
	Runs    []string // names of scripts of the package that it runs as they are

	Words []string // a program of a package with its arguments, to run instead of the script; nil for the script
	Made  bool     // another file than package.json has it
	Env   []string // NAME=value each, for it alone
}

// String returns the name of a script, with the folder of its workspace.
func (s Script) String() string {
	if s.Dir == "." {
		return s.Name
	}
	return s.Name + " of " + s.Dir
}

// Scripts are those that a build runs.
type Scripts struct {
	Run   []Script // in order: those of the install, then those of the build
	Idle  []Script // of the install, that have nothing to do in a build
	Names []string // of the scripts of the build that were asked for
}

// Asked is which scripts are asked for.
type Asked struct {
	Names []string                // of the scripts of the build
	Named bool                    // by a person, so that a name without a script is a fault
	Hooks func(Manifest) []string // returns the names of those that run at an install, in order; nil for none

	Generators []Generator // that run before all others, unless one of these does it
}

// ofPlatforms are the scripts that Heroku and Google Cloud run instead of build.
var ofPlatforms = []string{"heroku-postbuild", "gcp-build"}

// ChooseScripts decides which scripts run: those of the install, then those of the build. A default name without a script is no
// fault.
func (p Project) ChooseScripts(a Asked) (Scripts, error) {
	has := func(name string) bool {
		return p.Manifest.Scripts[name] != "" || p.Chosen == byStart && p.Base.Scripts[name] != ""
	}
	if i := slices.IndexFunc(ofPlatforms, has); i >= 0 && !a.Named {
		a.Names = ofPlatforms[i : i+1]
	}
	chosen := Scripts{Names: a.Names}
	if a.Hooks != nil {
		if err := p.hooks(&chosen, a.Hooks); err != nil {
			return Scripts{}, err
		}
	}
	for _, name := range a.Names {
		found, err := p.buildScripts(name)
		if err != nil {
			return Scripts{}, err
		}
		if len(found) == 0 && a.Named {
			what := fmt.Sprintf("BP_NODE_RUN_SCRIPTS names %q, which package.json does not have", name)
			return Scripts{}, fault.Fault{ID: "node-script-missing", What: what, Do: "name one of its scripts"}
		}
		if len(found) > 0 && (chosen.Built(found[0].Dir, name) || chosen.repeats(found[0])) {
			found = found[1:] // the install ran it, and nothing that it needs is built before it
		}
		chosen.Run = append(chosen.Run, found...)
	}
	first, err := p.generators(a.Generators, chosen.Run)
	chosen.Run = append(first, chosen.Run...)
	return chosen, err
}

// Built reports whether the build runs a script of a package, by itself or by another script.
func (s Scripts) Built(dir, name string) bool {
	return slices.ContainsFunc(s.Run, func(one Script) bool {
		return one.Dir == dir && (one.Name == name && (one.Words == nil || one.Made) || slices.Contains(one.Runs, name))
	})
}

// script returns a script of a package in a folder.
func (m Manifest) script(dir, name string) Script {
	s := Script{Dir: dir, Name: name, Command: m.Scripts[name]}
	var visit func(text string)
	visit = func(text string) {
		for _, c := range listOf(text) {
			words := shell.Texts(c.Words)
			if tasks, err := m.Tasks(words[Runner(words):]); err == nil && c.Dir == "" && len(c.Variables) == 0 {
				for _, task := range tasks {
					visit(task.Line)
				}
			}
			name, rest := ScriptOf(words)
			plain := c.Dir == "" && len(c.Variables)+len(rest) == 0
			if plain && m.Scripts[name] != "" && !slices.Contains(s.Runs, name) {
				s.Runs = append(s.Runs, name)
				visit(m.Scripts[name])
			}
		}
	}
	visit(s.Command)
	if m.Files[name] != "" {
		return s.run()
	}
	return s
}

// repeats reports whether a script does nothing but run another one that the build runs already.
func (s Scripts) repeats(one Script) bool {
	return len(one.Runs) > 0 && len(listOf(one.Command)) == 1 && s.Built(one.Dir, one.Runs[0])
}

// Has reports whether the build runs the same as a script does.
func (s Scripts) Has(other Script) bool {
	return slices.ContainsFunc(s.Run, func(one Script) bool {
		return one.Dir == other.Dir && one.Command == other.Command && slices.Equal(one.Env, other.Env)
	})
}

// With returns the scripts with more that run last, except those that do the same as one before.
func (s Scripts) With(more ...Script) Scripts {
	s.Run = slices.Clone(s.Run)
	for _, one := range more {
		if !s.Has(one) {
			s.Run = append(s.Run, one)
		}
	}
	return s
}

// idle matches what has nothing to do in a build: there is no checkout of git, and the lockfile decides on the manager.
var idle = regexp.MustCompile(`^(is-ci \|\| )?((npx|pnpx|bunx) (-y |--yes )?)?` +
	`(only-allow (npm|pnpm|yarn|bun)|husky( install)?( [\w./-]+)?|simple-git-hooks|lefthook install( -f)?)( \|\| (true|exit 0|:))?$`)

// hooks adds the scripts that package managers run at an install: of the workspaces that the project depends on, of the project and
// of the root. The install itself does not see the app, so that its layer stays when only code changes. They run after it, as build
// scripts do.
func (p Project) hooks(to *Scripts, names func(Manifest) []string) error {
	dirs, err := p.needed()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		m, err := p.ReadManifest(dir)
		if err != nil {
			return err
		}
		if p.addon(dir) && m.Scripts["preinstall"]+m.Scripts["install"] == "" && string(m.fields["gypfile"]) != "false" {
			to.Run = append(to.Run, Script{Dir: dir, Name: "install", Command: strings.Join(gyp, " "), Hook: true, Words: gyp})
		}
		for _, name := range names(m) {
			s := m.script(dir, name)
			s.Hook = true
			named := dir == p.From() && slices.Contains(to.Names, name)
			switch {
			case s.Command == "" || named || to.repeats(s): // it is run as a build script
			case idle.MatchString(s.Command):
				to.Idle = append(to.Idle, s)
			default:
				to.Run = append(to.Run, s)
			}
		}
	}
	return nil
}

// gyp is the program that package managers run at an install of a package with a binding.gyp and without a script of its own.
var gyp = []string{"node-gyp", "rebuild"}

func (p Project) addon(dir string) bool {
	_, err := os.Stat(filepath.Join(p.Root, dir, "binding.gyp"))
	return err == nil
}

// Addons returns the folders of the app's own packages that have an addon to compile: of the project and of what it depends on.
func (p Project) Addons() ([]string, error) {
	dirs, err := p.needed()
	return slices.DeleteFunc(dirs, func(dir string) bool { return !p.addon(dir) }), err
}

// buildScripts returns the scripts of a name that make the project: its own after those of the workspaces that it depends on, as
// Turborepo and Nx order them. If it has none, the root's may know how to make it. Where the root starts the workspace, the root's goes
// first: it may make files of other workspaces, too.
func (p Project) buildScripts(name string) ([]Script, error) {
	if p.Manifest.Scripts[name] == "" || p.Chosen == byStart && p.Base.Scripts[name] != "" {
		if p.Base.Scripts[name] != "" {
			return []Script{p.Base.script(".", name)}, nil
		}
		return nil, nil
	}
	dirs, err := p.needed()
	if err != nil {
		return nil, err
	}
	var found []Script
	for _, dir := range dirs {
		if dir == "." && p.Dir != p.Root {
			continue
		}
		m, err := p.ReadManifest(dir)
		if err != nil {
			return nil, err
		}
		if m.Scripts[name] != "" {
			found = append(found, m.script(dir, name))
		}
	}
	return found, nil
}

// needed returns the folders of the root, the project and the workspaces that they depend on, each after what it needs.
func (p Project) needed() ([]string, error) {
	members := map[string]string{} // by name
	manifests := map[string]Manifest{}
	for _, dir := range append([]string{"."}, p.Members...) {
		m, err := p.ReadManifest(dir)
		if err != nil {
			return nil, err
		}
		members[m.Name], manifests[dir] = dir, m
	}
	var order []string
	seen := map[string]bool{}
	var visit func(dir string)
	visit = func(dir string) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		m := manifests[dir]
		for _, some := range []map[string]string{m.Dependencies, m.Optional, m.Dev} {
			for _, name := range slices.Sorted(maps.Keys(some)) {
				if member, ok := members[name]; ok {
					visit(member)
				}
			}
		}
		order = append(order, dir)
	}
	visit(p.From())
	visit(".")
	return order, nil
}

// ScriptOf returns the script that a command of a package manager runs, "" for other commands, and the words behind its name.
func ScriptOf(words []string) (name string, rest []string) {
	if len(words) < 2 || !slices.Contains([]string{"npm", "pnpm", "yarn", "bun"}, words[0]) {
		return "", nil
	}
	rest = slices.DeleteFunc(slices.Clone(words[1:]), func(word string) bool { return word == "-s" || word == "--silent" })
	switch {
	case len(rest) > 0 && (rest[0] == "run" || rest[0] == "run-script"):
		rest = rest[1:]
	case words[0] == "npm" && (len(rest) == 0 || rest[0] != "start"):
		return "", nil // a command of npm's own
	}
	if len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return "", nil
	}
	return rest[0], rest[1:]
}

// ScriptRunners are programs of packages that run scripts, or other commands, by npm or a shell. What some of them start is read (Tasks).
var ScriptRunners = []string{"npm-run-all", "npm-run-all2", "run-s", "run-p", "concurrently", "turbo", "nx", "lerna", "wireit", "nf"}

// ofManager are words after pnpm and yarn that are no programs of packages.
var ofManager = []string{
	"add", "audit", "build", "ci", "create", "deploy", "dlx", "exec", "i", "init", "install", "link", "publish", "rebuild", "remove", "run",
	"run-script", "set", "start", "test", "unlink", "up", "update", "upgrade", "version", "workspace", "workspaces",
}

// Runner returns how many words of a command tell a package manager to run a program of a package. That and its arguments are the next
// words. It is 1 for npx next start and yarn next start, and 0 for other commands.
func Runner(words []string) int {
	if len(words) < 2 {
		return 0
	}
	n := 0
	switch first, second := words[0], words[1]; {
	case slices.Contains([]string{"npm exec", "npm x", "pnpm exec", "yarn exec", "bun x"}, first+" "+second):
		n = 2
	case slices.Contains([]string{"npx", "pnpx", "bunx"}, first), (first == "pnpm" || first == "yarn") && !slices.Contains(ofManager, second):
		n = 1
	}
	for n > 0 && n < len(words) && slices.Contains([]string{"-y", "--yes", "--no", "--no-install", "--"}, words[n]) {
		n++
	}
	if n == len(words) || strings.HasPrefix(words[n], "-") {
		return 0
	}
	return n
}
