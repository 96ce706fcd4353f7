// Package project reads what an app of Python says about itself: which files name its packages, what they name, and which Python it is
// for. It changes nothing and runs nothing.
package project

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Settings are what variables of the build say.
type Settings struct {
	Path         string   `config:"BP_PYTHON_PROJECT_PATH"`    // folder of the project in the app, "" for the app's own
	Manager      string   `config:"BP_PYTHON_PACKAGE_MANAGER"` // one of Managers, "" for that of the files
	Requirements []string `config:"BP_PIP_REQUIREMENT,names"`  // files in place of requirements.txt
	Groups       []string `config:"BP_PYTHON_GROUPS,names"`    // dependency groups besides those that are always installed
	Extras       []string `config:"BP_PYTHON_EXTRAS,names"`    // extras of the app itself
}

// Manager is what an app's packages are managed with, as a person writes it in BP_PYTHON_PACKAGE_MANAGER.
type Manager string

// The managers, by the files that they read.
const (
	UV     Manager = "uv"     // uv.lock
	Pylock Manager = "pylock" // pylock.toml
	Poetry Manager = "poetry" // poetry.lock
	Pipenv Manager = "pipenv" // Pipfile.lock
	PDM    Manager = "pdm"    // pdm.lock
	Pip    Manager = "pip"    // requirements.txt; without it pyproject.toml, setup.py or setup.cfg
)

// Names of files.
const (
	uvLock           = "uv.lock"
	pylock           = "pylock.toml"
	requirementsFile = "requirements.txt"
	manifestFile     = "pyproject.toml"
)

// managers are the managers by the files that say what is installed, and order is the precedence of those files.
var (
	managers = map[string]Manager{
		uvLock: UV, pylock: Pylock, "poetry.lock": Poetry, "Pipfile.lock": Pipenv, "pdm.lock": PDM,
		requirementsFile: Pip, manifestFile: Pip, "setup.py": Pip, "setup.cfg": Pip,
	}
	order      = []string{uvLock, pylock, "poetry.lock", "Pipfile.lock", "pdm.lock", requirementsFile, manifestFile, "setup.py", "setup.cfg"}
	lockfiles  = order[:5]
	condaFiles = []string{"environment.yml", "environment.yaml", "pixi.lock", "pixi.toml", "conda-lock.yml"}
)

// Project is what says which packages an app needs. Nothing changes it after Find.
type Project struct {
	Settings
	App      string        // absolute path of the app's folder
	Root     string        // absolute path of the folder with File: Dir, or App where that has the lock of a workspace
	Dir      string        // absolute path of the folder of the project that is started
	Manager  Manager       // that File is of
	File     string        // its name in Root, "" for an app of files alone
	Beside   []string      // names in Root of files that could say the same, and do not count
	Manifest fields.Object // pyproject.toml in Dir, empty where there is none
}

// Find returns the project of an app. These are faults: two lockfiles, unless BP_PYTHON_PACKAGE_MANAGER says which of them counts; a
// file of conda or pixi, and nothing else; a manager that is named and has no file.
func Find(app string, s Settings) (Project, error) {
	if s.Path != "" && !filepath.IsLocal(s.Path) {
		return Project{}, fault.Fault{ID: "python-project-path", Do: "name a folder of the app",
			What: fmt.Sprintf("BP_PYTHON_PROJECT_PATH is %q, which is outside the app", s.Path)}
	}
	p := Project{Settings: s, App: app, Root: app, Dir: filepath.Join(app, s.Path)}
	if info, err := os.Stat(p.Dir); err != nil || !info.IsDir() {
		return Project{}, fault.Fault{ID: "python-project-path", Do: "name a folder of the app",
			What: fmt.Sprintf("BP_PYTHON_PROJECT_PATH is %q, which is no folder of the app", s.Path)}
	}
	var err error
	if p.Manifest, err = p.toml(filepath.Join(s.Path, manifestFile)); err != nil {
		return Project{}, err
	}
	return p.choose()
}

// choose finds the file that says what is installed.
func (p Project) choose() (Project, error) {
	if len(p.Requirements) > 0 {
		if p.Settings.Manager != "" && p.Settings.Manager != string(Pip) {
			return p, fault.Fault{ID: "python-manager", Do: "set one of them",
				What: "BP_PIP_REQUIREMENT is set, and BP_PYTHON_PACKAGE_MANAGER is " + p.Settings.Manager}
		}
		p.Root, p.Manager, p.File = p.Dir, Pip, p.Requirements[0]
		return p, nil
	}
	if named := p.Settings.Manager; named != "" {
		return p.named(Manager(named))
	}
	locks := p.present(p.Dir, lockfiles...)
	switch {
	case len(locks) > 1:
		return p, fault.Fault{ID: "python-two-locks",
			What: "the app has " + strings.Join(locks, " and ") + ", and only one of them can say what is installed",
			Do:   fmt.Sprintf("remove the others, or set BP_PYTHON_PACKAGE_MANAGER to one of %s", managersOf(locks))}
	case len(locks) == 1:
		p.Beside = p.present(p.Dir, requirementsFile)
		return p.with(locks[0]), nil
	}
	if p.Dir != p.App && len(p.Manifest) > 0 {
		root := p
		root.Root = p.App
		if member, err := root.member(); err != nil || member != "" {
			root.Manager, root.File = UV, uvLock
			return root, err
		}
	}
	if found := p.present(p.Dir, "Pipfile"); len(found) > 0 && len(p.present(p.Dir, requirementsFile)) == 0 {
		return p, fault.Fault{ID: "python-pipfile", What: "the app has a Pipfile and no Pipfile.lock", Do: `run "pipenv lock" and add the file`}
	}
	for _, name := range p.present(p.Dir, requirementsFile, manifestFile, "setup.py", "setup.cfg") {
		if name != manifestFile || p.describes() {
			p.Beside = p.present(p.Dir, condaFiles...)
			return p.with(name), nil
		}
	}
	if conda := p.present(p.Dir, condaFiles...); len(conda) > 0 {
		return p, condaFault(conda[0])
	}
	p.Root = p.Dir
	return p, nil
}

// named finds the file of a manager that BP_PYTHON_PACKAGE_MANAGER names.
func (p Project) named(m Manager) (Project, error) {
	var names, all []string
	for name, manager := range managers {
		all = append(all, string(manager))
		if manager == m {
			names = append(names, name)
		}
	}
	slices.Sort(all)
	if names == nil {
		return p, fault.Fault{ID: "python-manager", Do: "set it to one of " + strings.Join(slices.Compact(all), ", "),
			What: fmt.Sprintf("BP_PYTHON_PACKAGE_MANAGER is %q, which is no package manager of Python that is known", m)}
	}
	slices.SortFunc(names, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	for _, p.Root = range slices.Compact([]string{p.Dir, p.App}) {
		if found := p.present(p.Root, names...); len(found) > 0 && (p.Root == p.Dir || m == UV) {
			others := slices.DeleteFunc(p.present(p.Root, order[:len(order)-3]...), func(name string) bool { return name == found[0] })
			p.Beside, p.Manager, p.File = others, m, found[0]
			return p, nil
		}
	}
	return p, fault.Fault{ID: "python-manager", Do: "add the file, or leave the variable off",
		What: fmt.Sprintf("BP_PYTHON_PACKAGE_MANAGER is %s, and the app has no %s", m, strings.Join(names, ", "))}
}

func (p Project) with(name string) Project {
	p.Root, p.Manager, p.File = p.Dir, managers[name], name
	return p
}

func managersOf(names []string) string {
	var all []string
	for _, name := range names {
		all = append(all, string(managers[name]))
	}
	return strings.Join(all, ", ")
}

// present returns those of the names that a folder has as files.
func (p Project) present(dir string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err != nil || !info.Mode().IsRegular()
	})
}

// describes reports whether pyproject.toml describes a project, and is not the settings of tools alone.
func (p Project) describes() bool {
	return p.Manifest.Object("project") != nil || p.Manifest.Object("build-system") != nil || p.tool("poetry") != nil
}

// tool returns the settings of a tool in pyproject.toml.
func (p Project) tool(name string) fields.Object { return p.Manifest.Object("tool").Object(name) }

// Built reports whether the project is a package, which is built and installed, too. An app that is not started as a package has no
// build-system, or says so.
func (p Project) Built() bool {
	switch p.File {
	case "Pipfile.lock", pylock, requirementsFile, "":
		return false
	case "setup.py", "setup.cfg":
		return true
	}
	if p.Manager == Poetry {
		return string(p.tool("poetry")["package-mode"]) != "false" && p.hasPackage()
	}
	if set := string(p.tool("uv")["package"]) + string(p.tool("pdm")["distribution"]); set != "" {
		return set == "true"
	}
	return p.Manifest.Object("build-system") != nil || p.File == manifestFile && len(p.present(p.Dir, "setup.py")) > 0
}

// hasPackage reports whether there are the files that Poetry makes a package of: without them it says so and installs the rest.
func (p Project) hasPackage() bool {
	name := cmp.Or(p.Manifest.Object("project").Text("name"), p.tool("poetry").Text("name"))
	name = strings.ReplaceAll(Name(name), "-", "_")
	return name != "" && slices.ContainsFunc([]string{name, "src/" + name, name + ".py", "src/" + name + ".py"}, func(at string) bool {
		_, err := os.Stat(filepath.Join(p.Dir, at))
		return err == nil
	}) || p.tool("poetry")["packages"] != nil
}

// toml reads a file of the app as TOML. It is empty if there is no file.
func (p Project) toml(name string) (fields.Object, error) {
	data, err := p.Read(name)
	if err != nil || data == nil {
		return fields.Object{}, err
	}
	return fields.TOML(filepath.ToSlash(name), data)
}

// Read reads a file of the app, by its path in it. It returns nil if there is none. A link that leads out of the app is a fault.
func (p Project) Read(name string) ([]byte, error) {
	root, err := os.OpenRoot(p.App)
	if err != nil {
		return nil, fmt.Errorf("opening the app: %w", err)
	}
	defer root.Close()
	data, err := tree.ReadIn(root, filepath.Clean(name))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, nil
	case errors.As(err, new(fault.Fault)):
		return nil, err
	case err != nil:
		return nil, fault.Fault{ID: "python-file", What: "reading " + name, Err: fault.WithoutPath(err), Do: "put a file in its place"}
	}
	return data, nil
}

// within returns the path of a file in Root as it is in the app.
func (p Project) within(name string) string {
	if p.Root == p.App {
		return name
	}
	return path.Join(filepath.ToSlash(p.Path), name)
}

func condaFault(name string) error {
	do := `add requirements.txt or uv.lock with the packages that come from an index of Python ("uv init", then "uv add NAME"), ` +
		"and set BP_DEBIAN_PACKAGES for libraries"
	return fault.Fault{ID: "python-conda", What: name + " is of conda or pixi, whose packages are not those of Python's index", Do: do}
}

// from returns the folder of the project in the app, with slashes.
func (p Project) from() string { return filepath.ToSlash(filepath.Clean(p.Path)) }

// folder reports whether the app has a folder.
func (p Project) folder(name string) bool {
	info, err := os.Stat(filepath.Join(p.App, filepath.FromSlash(name)))
	return err == nil && info.IsDir()
}
