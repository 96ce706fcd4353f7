package install

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Script is a script of a package that the package manager ran when it installed it.
type Script struct {
	Dir   string `json:"dir"`   // of the package, relative to the root
	Event string `json:"event"` // its name in package.json
}

// String names the script and its package.
func (s Script) String() string { return s.Event + " of " + s.Dir }

// events are the names of the scripts that package managers run when they install a package.
var events = []string{"preinstall", "install", "postinstall"}

const (
	// scriptsFile lists, in an install, the scripts that run again where the app is.
	scriptsFile = ".install-scripts.json"
	// shellScript stands in for the shell that package managers run scripts with. It notes each script, its folder and how it ended.
	// An install has no app, so a script that fails without one does not end it: it runs again, and counts, where the app is. A script
	// that compiles, of a package that may be missing, or that does not run again, such as prepare of a package from git, ends as it ends.
	shellScript = `. '%s'
/bin/sh "$@"
status=$?
root=$(cd '%s' && pwd -P)
echo "$status $npm_lifecycle_event $(pwd -P)" >>'%s'
case "$npm_package_optional $2" in 1*|*gyp*) exit $status;; esac
case "$npm_lifecycle_event $(pwd -P)" in
"preinstall $root"/*node_modules/*|"install $root"/*node_modules/*|"postinstall $root"/*node_modules/*) exit 0;;
esac
exit $status
`
)

// record is the file in which the shell notes the scripts of a job.
func (i *Installer) record() string { return filepath.Join(i.home, "scripts-run") }

// variables is the file with what the shell sets for scripts.
func (i *Installer) variables() string { return filepath.Join(i.home, "scripts-variables") }

// tellScripts has the shell set for scripts what node-gyp and node-pre-gyp are told by variables: pnpm from 11 on passes none on whose name
// begins with npm. Its own node-gyp knows today's Python.
func (i *Installer) tellScripts(env config.Environment) error {
	var lines []byte
	for _, name := range []string{i.source.Manager.Tool().Headers, buildFromSource} {
		if value := env[name]; value != "" {
			lines = fmt.Appendf(lines, "export %s='%s'\n", name, value)
		}
	}
	if err := os.WriteFile(i.variables(), lines, 0o644); err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	return nil
}

// recording returns the variables with which package managers that install into a folder run scripts by a shell that notes them.
func (i *Installer) recording(into string) (config.Environment, error) {
	dir, err := i.scripts("shell", fmt.Sprintf(shellScript, i.variables(), into, i.record()), "sh")
	shell := filepath.Join(dir, "sh")
	return config.Environment{"npm_config_script_shell": shell, "pnpm_config_script_shell": shell}, err
}

// keepScripts writes the scripts that run again into an install: all that the package manager ran, except those of addons, which take
// long to compile and look at no app.
func (i *Installer) keepScripts(dir string) error {
	find := i.noted
	if i.source.Manager.Tool().Mute {
		find = i.found
	}
	again, err := find(dir)
	if err != nil {
		return fmt.Errorf("reading which scripts ran: %w", err)
	}
	if len(again) == 0 {
		return nil
	}
	// Package managers run the scripts of several packages at a time.
	slices.SortStableFunc(again, func(a, b Script) int {
		return cmp.Or(cmp.Compare(slices.Index(events, a.Event), slices.Index(events, b.Event)), cmp.Compare(a.Dir, b.Dir))
	})
	data, err := json.Marshal(slices.Compact(again))
	if err != nil {
		return err
	}
	return tree.WriteFile(filepath.Join(dir, scriptsFile), data)
}

// found returns the scripts of all packages of an install, for a package manager that runs all and notes none.
func (i *Installer) found(dir string) (all []Script, err error) {
	if ignored, err := i.ignoresScripts(dir); err != nil || ignored {
		return nil, err
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		at := path.Dir(name)
		in := path.Dir(at)
		if strings.HasPrefix(path.Base(in), "@") {
			in = path.Dir(in)
		}
		if err != nil || path.Base(name) != project.ManifestFile || path.Base(in) != project.ModulesDir || !entry.Type().IsRegular() {
			return err
		}
		data, err := tree.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		var about struct{ Scripts map[string]string }
		_ = json.Unmarshal(data, &about) // as far as the package manager could, too
		for _, event := range events {
			if about.Scripts[event] != "" && !compiles(filepath.Join(dir, at)) {
				all = append(all, Script{at, event})
			}
		}
		return nil
	})
	return all, err
}

// ignoresScripts reports whether Yarn 1 is told to run no scripts, by the first place that says something: a variable, the settings of
// the app, those of a binding.
func (i *Installer) ignoresScripts(dir string) (bool, error) {
	for name, value := range i.source.In.Env {
		if strings.HasSuffix(strings.ToLower(name), "_ignore_scripts") {
			return value != "false", nil
		}
	}
	var files []string
	for _, name := range settingFiles {
		files = append(files, filepath.Join(dir, name))
	}
	for _, file := range append(files, slices.Sorted(maps.Values(i.source.Settings))...) {
		data, err := tree.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("reading whether scripts run: %w", err)
		}
		if value, found := manager.Setting(data, "ignore-scripts"); found {
			return value != "false", nil
		}
	}
	return false, nil
}

// noted returns the scripts that the shell noted.
func (i *Installer) noted(dir string) (again []Script, err error) {
	noted, err := tree.ReadFile(i.record())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(noted)) {
		parts := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(parts) < 3 || !slices.Contains(events, parts[1]) {
			continue
		}
		at, err := filepath.Rel(root, parts[2])
		if err != nil || !filepath.IsLocal(at) || !strings.Contains("/"+at, "/"+project.ModulesDir+"/") {
			continue
		}
		if parts[0] != "0" || !compiles(parts[2]) {
			again = append(again, Script{filepath.ToSlash(at), parts[1]})
		}
	}
	return again, nil
}

// compiles reports whether node-gyp compiles something of a package.
func compiles(dir string) bool {
	found := false
	_ = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == project.ModulesDir {
			return fs.SkipDir
		}
		found = found || entry.Name() == "binding.gyp"
		return nil
	})
	return found
}

// Scripts returns the scripts of packages that run again where the app is.
func (i *Installer) Scripts(ctx context.Context) ([]Script, error) {
	dir, err := i.All(ctx)
	if err != nil {
		return nil, err
	}
	data, err := tree.ReadFile(filepath.Join(dir, scriptsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []Script
	if err == nil {
		err = json.Unmarshal(data, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("reading which scripts run: %w", err)
	}
	return list, nil
}

// RunScript runs a script of a package in the app, which has all packages by now.
func (i *Installer) RunScript(ctx context.Context, s Script, env config.Environment) error {
	root := i.source.Manager.Project.Root
	dir := filepath.Join(root, filepath.FromSlash(s.Dir))
	about, err := i.source.Manager.Project.ReadManifest(s.Dir)
	if errors.Is(err, fs.ErrNotExist) { // a script before took it away
		return nil
	}
	if err != nil {
		return err
	}
	if about.Scripts[s.Event] == "" {
		return nil
	}
	c, cached, err := i.compiler(ctx)
	if err != nil {
		return err
	}
	if cached { // as when it was installed
		more, err := i.withCompiler(ctx, c, dir)
		if err != nil {
			return err
		}
		env = first(env, more)
	}
	log := i.source.In.Log
	done := log.Phase("Running %s, which may look at the app", s)
	err = command.Run(ctx, command.Command{
		Path: "sh", Args: []string{"-c", about.Scripts[s.Event]}, Dir: dir, Log: log,
		Env: first(env, config.Environment(about.Variables(s.Event)).With(config.Environment{
			"PATH": ProgramFolders(root, s.Dir), "INIT_CWD": root, "npm_config_local_prefix": root,
			"npm_package_json":      filepath.Join(dir, project.ManifestFile),
			"npm_config_user_agent": i.source.Manager.Tool().Name + "/" + i.source.Manager.Release.Version,
		})).List(),
	})
	if err == nil {
		done()
	}
	return i.explainAs(err, s.String(), fault.Fault{
		ID: "node-install-script", What: "the script " + s.String() + " failed", Do: "see its words above",
	})
}

// ProgramFolders returns the folders with the programs of packages that a script in a folder of the app finds, as a list for PATH.
func ProgramFolders(root, dir string) string {
	var list []string
	for ; ; dir = path.Dir(dir) {
		if path.Base(dir) != project.ModulesDir {
			list = append(list, filepath.Join(root, filepath.FromSlash(dir), project.ModulesDir, ".bin"))
		}
		if dir == "." {
			return strings.Join(list, ":")
		}
	}
}
