// Package manager knows the package managers of Node.js, a file for each: which one an app uses and which release of it, how it is
// called, and what its lockfile says. It reads the app and changes nothing.
package manager

import (
	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Manager is a package manager as an app uses it.
type Manager interface {
	// Tool is what it is for every app.
	Tool() Tool
	// Args returns the arguments of a command, nil if it has none for that.
	Args(Action) []string
	// Env returns its settings: it keeps downloads in the folder cache, installs packages for development too, fetches no other
	// release of itself and reports to nobody.
	Env(cache, registry string) config.Environment
	// Lock reads what the lockfile says.
	Lock() (Lock, error)
	// Offline returns the folder of the app with archives of packages, relative to its root, and the variables that let the
	// package manager take them; "" if there is none.
	Offline() (folder string, env config.Environment, err error)
	// Hooks returns the names of the scripts that it runs at an install, in order.
	Hooks(project.Manifest) []string
	// Own returns the file of the app that is the package manager itself, relative to its root; "" if that is fetched.
	Own() string
	// PnP returns the file by which Node.js finds packages with Plug'n'Play; "" if they are in folders node_modules.
	PnP() string

	// newest returns the newest release that reads the lockfile without a change and runs on the chosen Node.js.
	newest(Locks) (version.Choice, error)
	// at returns the package manager with its release.
	at(version string) Manager
}

// Action is what a package manager is told to do.
type Action int

const (
	// Install installs all packages, as the lockfile says if there is one.
	Install Action = iota
	// Rebuild compiles addons of packages that the app brings along.
	Rebuild
	// Resolve makes the lockfile that the app lacks.
	Resolve
	// Production takes away what is only for development. The name of a workspace may follow, for which the rest is needed.
	Production
)

// Lock is what a lockfile says of packages.
type Lock struct {
	// Unhashed are the packages that it has no hash of.
	Unhashed []string
	// Env are settings with which the package manager compares the hashes that there are.
	Env config.Environment
	// Program finds a program from a folder of the app, both relative to the root; nil if the lockfile names no programs.
	Program func(from, name string) (file string, dev, found bool)
}

// Tool is a package manager for every app. Yarn from version 2 on is another one than Yarn 1.
type Tool struct {
	ID      string   // in lock.toml
	Name    string   // the command, and its name in packageManager
	Title   string   // as people write it
	Update  string   // the command that makes a lockfile
	Example string   // of a release, as packageManager names it
	Program string   // the command's file, where its package does not name it
	Headers string   // the variable that tells node-gyp where Node.js' headers are
	Links   bool     // it links to folders of the app that packages come from; others copy those with "file:"
	Mute    bool     // it runs all install scripts of packages, by no shell that could note them
	Leaves  []string // its own files and folders in an app, which no app reads

	lockfiles []string                          // their names
	packages  func(version, arch string) string // the package of a release; nil: it has the command's name
	open      func(*app) (Manager, error)
}

// Package returns the package of the registry that holds a release. The architecture is Node.js' name.
func (t Tool) Package(version, arch string) string {
	if t.packages == nil {
		return t.Name
	}
	return t.packages(version, arch)
}

// Tools returns all package managers. Of two with a name, the older one is the first.
func Tools() []Tool { return []Tool{npmTool, pnpmTool, yarnTool, berryTool, bunTool} }

// NPM is the package manager that comes with Node.js. Its release has node-gyp.
func NPM() Tool { return npmTool }

// Bun is a package manager that runs apps, too.
func Bun() Tool { return bunTool }

// headers is how node-gyp is told where Node.js' headers are.
const headers = "npm_config_nodedir"

// app is what package managers have in common.
type app struct {
	in   project.Project
	tool Tool
	arch string // as Node.js calls it
}

// Tool is what it is for every app.
func (a *app) Tool() Tool { return a.tool }

// Offline returns none.
func (a *app) Offline() (string, config.Environment, error) { return "", nil, nil }

// Hooks leaves preinstall and postinstall to install, which runs them itself.
func (a *app) Hooks(m project.Manifest) []string {
	if m.Scripts["install"] != "" {
		return []string{"install", "prepare"}
	}
	return []string{"preinstall", "postinstall", "prepare"}
}

// Own returns none.
func (a *app) Own() string { return "" }

// PnP returns none.
func (a *app) PnP() string { return "" }

// newest takes the newest of all releases: it reads the lockfiles of the others.
func (a *app) newest(l Locks) (version.Choice, error) { return a.newestOf(l, "*", "") }

// install returns the arguments of an install by whether the lockfile decides it.
func (a *app) install(do Action, locked, loose []string) []string {
	switch {
	case do != Install:
		return nil
	case a.in.Lockfile == "":
		return loose
	}
	return locked
}

// major returns the first number of a version, 0 if it is none.
func major(version string) uint64 {
	v, err := semver.NewVersion(version)
	if err != nil {
		return 0
	}
	return v.Major()
}
