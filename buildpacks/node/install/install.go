// Package install runs package managers. It installs the packages of an app in a folder that has what an install reads and nothing
// of the app's code. So the code does not decide what comes, and an install serves until something that it reads changes.
package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Source is what is installed, and by what.
type Source struct {
	In        bp.Workspace
	Manager   manager.Chosen
	Lock      manager.Lock
	Offline   Offline
	Vendored  bool        // the app brings node_modules along, which is taken as it is
	Settings  Settings    // of bindings
	Gyp       string      // the release of npm whose node-gyp compiles addons
	Mirrors   deb.Mirrors // from which the compiler of addons comes
	Compiling compiler.Mode
	Registry  string // its address
	Debian    debian.Packages
}

// Offline is a folder of the app with archives of packages, relative to its root, and the variables that let the package manager
// take them.
type Offline struct {
	Folder string
	Env    config.Environment
}

// Programs gives an install the folders of programs, which it fetches when they are first needed.
type Programs struct {
	// Node returns the folder of Node.js, which has bin/node and the headers.
	Node func(context.Context) (string, error)
	// Manager returns the folder of the programs of a package manager. Its hash vouches for a release that is not locked.
	Manager func(context.Context, manager.Tool, manager.Release) (string, error)
}

// Caches are folders that are kept between builds.
type Caches struct {
	Downloads string // of the package manager
	Installs  string // has the newest install
	// Compiler opens the folder of the compiler. An app that installs nothing keeps none.
	Compiler func(context.Context) (string, error)
}

// Installer installs the packages of an app.
type Installer struct {
	source   Source
	programs Programs
	caches   Caches
	name     string // of the install
	home     string // of the package manager and of build scripts; it ends with the build

	Close func() // removes what ends with the build
}

// New returns an installer. The name of the install stands for its key. Close the installer at the end.
func New(s Source, p Programs, c Caches, name string) (*Installer, error) {
	home, remove, err := command.Home()
	if err != nil {
		return nil, err
	}
	return &Installer{source: s, programs: p, caches: c, name: name, home: home, Close: remove}, nil
}

// Packages gives layouts the folders of what is installed.
func (i *Installer) Packages() layout.Packages {
	packages := layout.Packages{All: i.All}
	if i.source.Manager.Args(manager.Production) != nil {
		packages.Production = i.production
	}
	return packages
}

// All returns a folder with all packages of the app, and installs them if they are not there. The folder gets its name when it is
// complete. Only the newest is kept.
func (i *Installer) All(ctx context.Context) (string, error) {
	dir := filepath.Join(i.caches.Installs, i.name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	// It is as deep as the final folder: some package managers write relative paths that lead out of it.
	partial := dir + ".partial"
	do := manager.Install
	if i.source.Vendored {
		do = manager.Rebuild // addons, for the run image
	}
	seed := func() error { return i.seed(partial) }
	if err := i.run(ctx, job{partial, i.source.Manager.Args(do), seed}); err != nil {
		return "", err
	}
	p := i.source.Manager.Project
	if err := refuseInjected(p, partial); err != nil {
		return "", err
	}
	// There is no such folder when nothing is for this machine.
	if err := os.MkdirAll(filepath.Join(partial, project.ModulesDir), 0o755); err != nil {
		return "", fmt.Errorf("installing packages: %w", err)
	}
	if err := layout.LinkMembers(p, partial, p.Root); err != nil {
		return "", err
	}
	if err := i.keepScripts(partial); err != nil {
		return "", err
	}
	return dir, os.Rename(partial, dir)
}

// seed makes a folder of what an install reads, and of the packages that the app brings along.
func (i *Installer) seed(dir string) error {
	if err := tree.Empty(i.caches.Installs); err != nil {
		return err
	}
	m := i.source.Manager
	err := m.Project.Seeds(m.Own(), func(name string, data []byte, mode fs.FileMode) error { return writeSeed(dir, name, data, mode) })
	if err != nil || !i.source.Vendored {
		return err
	}
	return layout.Take(m.Project, dir)
}

func writeSeed(dir, name string, data []byte, mode fs.FileMode) error {
	file := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, data, mode)
	}
	if err == nil {
		err = os.Chmod(file, mode) // whatever the umask: Yarn's checksum of a folder has it
	}
	if err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	return nil
}

// production returns a folder from which the package manager took away what is only for development.
func (i *Installer) production(ctx context.Context, keep bool) (string, error) {
	all, err := i.All(ctx)
	if err != nil {
		return "", err
	}
	if !keep {
		dir := filepath.Join(i.home, "production")
		return dir, i.prune(ctx, all, dir)
	}
	dir := all + ".production"
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	partial := all + ".partial"
	if err := i.prune(ctx, all, partial); err != nil {
		return "", err
	}
	return dir, os.Rename(partial, dir)
}

// prune makes a copy of an install from which the package manager takes away what is only for development.
func (i *Installer) prune(ctx context.Context, all, to string) error {
	p := i.source.Manager.Project
	args := i.source.Manager.Args(manager.Production)
	if p.Dir != p.Root {
		args = append(args, p.Manifest.Name)
	}
	err := i.run(ctx, job{to, args, func() error {
		if err := os.RemoveAll(to); err != nil {
			return fmt.Errorf("removing an interrupted install: %w", err)
		}
		if err := tree.Copy(all, to); err != nil {
			return fmt.Errorf("copying the packages: %w", err)
		}
		return layout.LinkMembers(p, to, to) // as the package manager left them: it follows the links
	}})
	if err != nil {
		return err
	}
	return layout.LinkMembers(p, to, p.Root)
}

// TakeVendored installs from what the app brings along, and removes that from the app, which does not need it itself.
func (i *Installer) TakeVendored(ctx context.Context) error {
	offline, p := i.source.Offline.Folder, i.source.Manager.Project
	if offline == "" && !i.source.Vendored {
		return nil
	}
	folders := p.Folders()
	if offline != "" {
		folders = append(folders, offline)
		if err := os.MkdirAll(filepath.Join(p.Root, offline), 0o755); err != nil { // Yarn wants it to be there
			return fmt.Errorf("making %s: %w", offline, err)
		}
	}
	if p.HasPackages() {
		if _, err := i.All(ctx); err != nil {
			return err
		}
	}
	for _, folder := range folders {
		if err := os.RemoveAll(filepath.Join(p.Root, folder)); err != nil {
			return fmt.Errorf("leaving out %s: %w", folder, err)
		}
	}
	return nil
}

// refuseInjected stops where pnpm copied a workspace, whose code is not there at the install.
func refuseInjected(p project.Project, dir string) error {
	entries, err := os.ReadDir(filepath.Join(dir, project.ModulesDir, ".pnpm"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking at what pnpm installed: %w", err)
	}
	for _, entry := range entries {
		_, at, _ := strings.Cut(entry.Name(), "@file+")
		at, _, _ = strings.Cut(at, "_") // peers
		for _, member := range p.Members {
			if at == strings.ReplaceAll(member, "/", "+") {
				return fault.Fault{
					ID: "node-injected", What: "pnpm is told to copy the workspace " + member + " and not to link to it",
					Do: "leave out injectWorkspacePackages and dependenciesMeta.*.injected, and run pnpm install",
				}
			}
		}
	}
	return nil
}

// job is a run of the package manager.
type job struct {
	dir     string // where it runs
	args    []string
	prepare func() error // makes the folder, and makes it again if it is there
}

// call does a job once.
func (i *Installer) call(ctx context.Context, j job, env config.Environment) error {
	if err := j.prepare(); err != nil {
		return err
	}
	if err := os.RemoveAll(i.record()); err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	if err := i.tellScripts(env); err != nil {
		return err
	}
	name, log := i.source.Manager.Tool().Name, i.source.In.Log
	done := log.Phase("Running %s %s", name, strings.Join(j.args, " "))
	if err := command.Run(ctx, command.Command{Path: name, Args: j.args, Dir: j.dir, Env: env.List(), Log: log}); err != nil {
		return err
	}
	done()
	return nil
}
