// Package project reads what an app of Node.js says about itself: its package.json files, its workspaces, its scripts and
// all that an install of its packages depends on. It changes nothing.
package project

import (
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

const (
	// ManifestFile describes a package.
	ManifestFile = "package.json"
	// ModulesDir is the folder in which Node.js looks for packages.
	ModulesDir = "node_modules"
	// PnpmWorkspace has the workspaces and settings of pnpm.
	PnpmWorkspace = "pnpm-workspace.yaml"
)

// Project is where the packages of an app are. Paths that are relative to Root have slashes.
type Project struct {
	App      string   // absolute path of the app's folder
	Root     string   // absolute path of the folder that packages are installed for
	Dir      string   // absolute path of the folder of the package that is started: Root or a workspace
	Members  []string // folders that package managers link to, relative to Root: workspaces and packages of the app
	Copied   []string // folders and files of the app that package managers copy, relative to Root
	Roots    []string // what else is started: workspaces by their folders, packages for development by their names
	Chosen   string   // what chose Dir: BP_NODE_PROJECT_PATH, or the script start of the root; "" if nothing did
	Nx       string   // the project of Nx that is started at Root; "" for a package
	Lockfile string   // its name in Root; "" if there is none
	Base     Manifest // of Root
	Manifest Manifest // of Dir

	manifests map[string]Manifest // of Root, Dir and the workspaces, by folder; nothing writes to it after Find
	lock      []byte              // content of Lockfile
	nx        nx                  // nothing where the app does not use Nx
}

// Find returns the project whose package is in a folder of an app. For "" that is the workspace that the app's script start starts,
// or else the app's own folder. Packages are installed in that folder, or in the app's if the folder is one of its workspaces.
func Find(app, folder string) (Project, error) {
	if folder != "" {
		return FindIn(app, folder, "BP_NODE_PROJECT_PATH")
	}
	p, err := find(app, folder)
	if err != nil {
		return p, err
	}
	if one, target, found := p.startedByNx(); found && !slices.Contains(p.Members, one.dir) {
		return p.asNx(one, target, byStart), nil
	} else if found {
		return FindIn(app, one.dir, byStart)
	}
	member, err := p.started()
	if err != nil || member == "" {
		return p, err
	}
	workspace, err := find(app, member)
	if err != nil || workspace.Root != app {
		return p, err
	}
	workspace.Chosen = byStart
	return workspace, nil
}

// FindIn returns the project in a folder of an app, which something chose. A project of Nx without a package.json is installed, built and
// started at the root.
func FindIn(app, folder, chosen string) (Project, error) {
	p, err := find(app, folder)
	if err == nil {
		p.Chosen = chosen
		return p, nil
	}
	root, inRoot := find(app, "")
	one, found := root.nx.find(folder)
	if inRoot != nil || !found {
		return p, err
	}
	if root.nx.start(one, "") == "" {
		return p, fault.Fault{
			ID: "node-nx", What: one.file + " has no target start or serve that is a command, or that starts what the target build makes",
			Do: `add one such as "start": {"command": "node dist/` + one.dir + `/main.js"}`,
		}
	}
	return root.asNx(one, "", chosen), nil
}

func find(app, folder string) (Project, error) {
	p, err := locate(app, folder)
	if err != nil {
		return p, err
	}
	if p.lock, err = p.ReadLockfile(); err != nil {
		return p, err
	}
	read := map[string]Manifest{p.From(): p.Manifest}
	for _, dir := range append([]string{"."}, p.Members...) {
		m, err := p.ReadManifest(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
		if err == nil {
			read[dir] = m
		}
	}
	p.manifests = read
	return p.withTasks()
}

// locate finds the folders of a project.
func locate(app, folder string) (Project, error) {
	p := Project{App: app, Root: app, Dir: app}
	if folder != "" {
		if !filepath.IsLocal(folder) {
			what := fmt.Sprintf("BP_NODE_PROJECT_PATH is %q, which is outside the app", folder)
			return p, fault.Fault{ID: "node-project-path", What: what, Do: "name a folder of the app"}
		}
		p.Dir = filepath.Join(app, folder)
	}
	var err error
	p.Manifest, err = p.ReadManifest(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		what, do := Missing(app, folder)
		return p, fault.Fault{ID: "node-project-path", What: what, Do: do}
	case err != nil:
		return p, err
	}
	own, err := findLockfile(p.Dir)
	if err != nil {
		return p, err
	}
	alone := Project{App: app, Root: p.Dir, Dir: p.Dir, Base: p.Manifest, Manifest: p.Manifest, Lockfile: own}
	if own != "" || p.Dir == app {
		alone.Members, err = findMembers(alone.Root, alone.Base)
		return alone, err
	}
	p.Base, err = p.ReadManifest(".")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Base = p.Manifest
	case err != nil:
		return p, err
	}
	if p.Members, err = findMembers(p.Root, p.Base); err != nil {
		return p, err
	}
	if !slices.Contains(p.Members, p.From()) {
		return alone, nil // neither a lockfile of its own nor a workspace of the app: a package for itself
	}
	p.Lockfile, err = findLockfile(p.Root)
	return p, err
}

// name returns the path of a file relative to the app, as messages have it.
func (p Project) name(file string) string {
	return filepath.ToSlash(strings.TrimPrefix(file, p.App+string(filepath.Separator)))
}

// Missing returns the words for a folder of an app without a package.json, "" for the app's own: what is wrong, and what to do about
// it, with the folders that have one.
func Missing(app, folder string) (what, do string) {
	what = "no package.json"
	if folder != "" {
		what = fmt.Sprintf("BP_NODE_PROJECT_PATH is %q, where there is no package.json", folder)
	}
	var found []string
	for _, pattern := range []string{".", "*", "*/*"} {
		files, _ := fs.Glob(os.DirFS(app), path.Join(pattern, ManifestFile)) // the pattern is right
		for _, file := range files {
			if dir := path.Dir(file); dir == "." || dir[0] != '.' && !strings.Contains(dir, ModulesDir) {
				found = append(found, dir)
			}
		}
	}
	const most = 8
	if more := len(found) - most; more > 0 {
		found = append(found[:most], fmt.Sprintf("%d more", more))
	}
	switch {
	case len(found) == 0 && folder == "":
		return what, ""
	case len(found) == 0:
		return what, "name the folder of a package"
	case len(found) == 1 && folder == "":
		return what, "for the one in " + found[0] + ", set BP_NODE_PROJECT_PATH=" + found[0]
	}
	return what, "set BP_NODE_PROJECT_PATH to a folder that has one: " + strings.Join(found, ", ")
}

// From is the path of the started package's folder below Root, "." where it is Root.
func (p Project) From() string {
	if p.Dir == p.Root {
		return "."
	}
	return filepath.ToSlash(strings.TrimPrefix(p.Dir, p.Root+"/"))
}

// HasPackages reports whether there is anything to install.
func (p Project) HasPackages() bool {
	return p.Base.needs() || p.Manifest.needs() || len(p.Members) > 0
}

// Folders returns the folders in which packages may be, relative to Root.
func (p Project) Folders() []string {
	folders := []string{ModulesDir}
	for _, member := range p.Members {
		folders = append(folders, path.Join(member, ModulesDir))
	}
	return folders
}

// ReadLockfile reads the lockfile, nil if there is none.
func (p Project) ReadLockfile() ([]byte, error) {
	if p.Lockfile == "" || p.lock != nil {
		return p.lock, nil
	}
	data, err := tree.ReadFile(filepath.Join(p.Root, p.Lockfile))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", p.Lockfile, err)
	}
	return data, nil
}

// lockfiles are the names of the files in which package managers keep what they chose.
var lockfiles = []string{"npm-shrinkwrap.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"}

// findLockfile returns the name of the lockfile in a folder, "" if there is none.
func findLockfile(dir string) (string, error) {
	found := ""
	for _, name := range lockfiles {
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", fmt.Errorf("looking for %s: %w", name, err)
		case info.Size() == 0 && filepath.Ext(name) == ".json":
			// npm takes an empty one for none.
		case found == "bun.lock" || found == "npm-shrinkwrap.json" && name == "package-lock.json":
			// Bun reads the text and leaves the older binary file alone. npm reads what it is told to publish.
		case found != "":
			return "", LockfilesFault(fmt.Sprintf("there are two lockfiles, %s and %s", found, name))
		default:
			found = name
		}
	}
	return found, nil
}

// LockfilesFault is the fault of an app that asks for two package managers.
func LockfilesFault(what string) error {
	return fault.Fault{ID: "node-lockfiles", What: what, Do: "remove the one that is not kept up to date"}
}

// ReadYAML reads a file of the app. One that is not there has no fields.
func ReadYAML(file string) (fields.Object, error) {
	data, err := tree.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(file), err)
	}
	return fields.YAML(filepath.Base(file), data)
}
