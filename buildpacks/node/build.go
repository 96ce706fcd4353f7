package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// recipe changes when the same inputs give other layers.
const recipe = 5 // the hash of a tree has another form, and copies of trees keep their modes

// decision is what a build does, known before it does anything.
type decision struct {
	settings
	launchSettings
	lock lock.Lock
	arch string // as Node.js calls it
	project.Project
	node      choice
	manager   *manager
	using     choice // the release of the package manager
	hash      string // of that release, as package.json tells it
	unchecked bool   // package.json tells a hash that cannot be compared
	format    int    // of Yarn's lockfile
	locked    lockfile
	unhashed  []string // packages that the lockfile has no hash of
	offline   string   // folder that has packages' archives, relative to root; "" for none
	yarn      yarnSettings
	compress  string            // how Yarn compresses archives, as the keys of checksums in its lockfile say
	pnp       bool              // Yarn's Plug'n'Play: no node_modules
	bound     map[string]string // files of bindings with settings, by name
	mirrors   deb.Mirrors       // of Debian
	scripts   project.Scripts
	asked     []procfile.Process // that the build plan asks for
	start     start.Start
	bun       choice // the release of Bun that runs the app
}

// decide reads and checks all. A front end does not run on Node.js.
func decide(in bp.BuildContext, frontEnd bool) (decision, error) {
	var d decision
	if err := in.Config.Decode(&d.settings); err != nil {
		return d, err
	}
	libc, because := in.Target.Libc()
	if d.arch = archOf(in.Target.Arch); d.arch == "" || libc != bp.Glibc && !frontEnd {
		return d, fault.Fault{ID: "node-target", What: fmt.Sprintf("Node.js needs glibc on amd64 or arm64, and the run image is %s on %s (%s)", libc, in.Target.Arch, because), Do: "use the run image glibc"}
	}
	var err error
	if !frontEnd {
		if err := in.Config.Decode(&d.launchSettings); err != nil {
			return d, err
		}
		if err := checkLeaveOut(d.LeaveOut); err != nil {
			return d, err
		}
	}
	if d.lock, err = lock.Read(lockFile); err != nil {
		return d, err
	}
	if d.bound, err = readBindings(in.Workspace); err != nil {
		return d, err
	}
	if d.mirrors, err = d.debian(); err != nil {
		return d, err
	}
	if d.Project, err = project.Find(in.AppDir, d.ProjectPath); err != nil {
		return d, err
	}
	if d.node, err = d.chooseNode(); err != nil {
		return d, err
	}
	if err := d.chooseManager(); err != nil {
		return d, err
	}
	if err := d.readPackages(); err != nil {
		return d, err
	}
	_, named, err := in.Config.Lookup("BP_NODE_RUN_SCRIPTS")
	if err != nil {
		return d, err
	}
	if err := d.chooseScripts(named); err != nil || frontEnd {
		return d, err
	}
	if d.asked, err = procfile.Asked(in); err != nil {
		return d, err
	}
	if d.start, err = d.app().Choose(); err != nil {
		return d, err
	}
	return d, d.chooseBun()
}

// app is what the start is chosen of.
func (d decision) app() start.App {
	a := start.App{Project: d.Project, Scripts: d.scripts, Asked: d.asked}
	if d.manager == npm && d.locked.Version >= 2 {
		a.Locked = d.locked.program
	}
	return a
}

// readPackages reads the lockfile, and what the app brings along of its packages.
func (d *decision) readPackages() (err error) {
	if d.manager == npm && d.Lockfile != "" {
		if d.locked, err = readLockfile(filepath.Join(d.Root, d.Lockfile), slices.Concat(d.Copied, d.Members)); err != nil {
			return err
		}
	}
	if err := d.readHashes(); err != nil {
		return err
	}
	return d.findVendored()
}

// begin decides, says what, and opens the caches.
func begin(ctx context.Context, in bp.BuildContext, frontEnd bool) (*builder, error) {
	d, err := decide(in, frontEnd)
	if err != nil {
		return nil, err
	}
	d.describe(in)
	b := &builder{BuildContext: in, decision: d}
	b.layout = b.layoutOf(d.Project)
	return b, b.open(ctx)
}

// Build makes the layers node and modules, runs the build scripts and links the app to its modules.
func Build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	b, err := begin(ctx, in, false)
	if err != nil {
		return bp.BuildResult{}, err
	}
	defer func() { _ = os.RemoveAll(b.scratch) }() // below the temporary folder, which ends with the build
	program, err := b.runtime(ctx)
	if err != nil {
		return bp.BuildResult{}, err
	}
	changes, err := b.runScripts(ctx)
	if err != nil {
		return bp.BuildResult{}, err
	}
	made, err := b.made()
	if err != nil {
		return bp.BuildResult{}, err
	}
	modules, err := b.modules(ctx, made, changes)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if modules == "" {
		err = made.layout.Unlink()
	} else {
		err = made.layout.Link(ctx, modules)
	}
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.leaveSettings(); err != nil {
		return bp.BuildResult{}, err
	}
	return b.launch(ctx, made, program, modules)
}

// settingNames are files with settings of package managers, which may hold credentials; nothing reads them when the app runs.
var settingNames = []string{".npmrc", ".yarnrc", ".yarnrc.yml"}

// leaveSettings removes from the app what is for package managers alone, wherever it is.
func (b *builder) leaveSettings() error {
	var yarns []string
	if b.manager == berry {
		yarns = []string{filepath.Join(b.Root, ".yarn", "cache"), filepath.Join(b.Root, ".yarn", "install-state.gz")}
	}
	err := filepath.WalkDir(b.AppDir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !slices.Contains(settingNames, entry.Name()) && !slices.Contains(yarns, file) {
			return err
		}
		if err := os.RemoveAll(file); err != nil {
			return err
		}
		if entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("leaving out settings of package managers: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(b.Root, "bunfig.toml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading bunfig.toml: %w", err)
	}
	if bunSecret.Match(data) { // Bun reads it when the app runs
		b.Log.Warn("bunfig.toml has a token or password, and is in the image; write it there as the name of a variable: \"$TOKEN\"")
	}
	return nil
}

// bunSecret matches a secret in bunfig.toml that is not the name of a variable.
var bunSecret = regexp.MustCompile(`(?:token|password)\s*=\s*["'][^"'$]`)

// nodeKey is everything that the layer of Node.js depends on.
type nodeKey struct {
	Recipe int    `json:"recipe"`
	Node   string `json:"node"`
	Arch   string `json:"arch"`
}

// builder is a build under way.
type builder struct {
	bp.BuildContext
	decision
	layout   layout.Layout
	tools    tools
	cache    string     // of the package manager: what it downloaded
	full     string     // folder of installs with everything, by key
	built    string     // folder of apps after their build scripts, by key
	compiled string     // what build tools keep for the next build
	compiler string     // what addons are compiled with
	key      modulesKey // of the app's packages
	resolved []byte     // the lockfile that npm made for an app without one
	scratch  string     // HOME of the package manager and of build scripts
}

// open reads what the keys are made of, opens the caches and removes from the app what is not its source.
func (b *builder) open(ctx context.Context) error {
	away := []string{".git"}
	if !b.Vendored {
		away = append(b.appFolders(), away...)
	}
	for _, name := range away {
		at := filepath.Join(b.AppDir, name)
		if _, err := os.Lstat(at); err != nil {
			continue
		}
		if path.Base(name) == project.ModulesDir && b.Lockfile == "" && b.HasPackages() {
			b.Log.Warn("%s of the app is left out and installed anew; BP_NODE_VENDORED_ENABLED=true takes it as it is", name)
		} else {
			b.Log.Bullet("%s of the app: left out", name)
		}
		if err := os.RemoveAll(at); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	var err error
	if b.key, err = b.modulesKey(); err != nil {
		return err
	}
	b.tools = tools{in: b.Workspace, lock: b.lock, registry: b.Registry, unverified: b.Unverified, arch: b.arch}
	for _, cache := range []struct {
		name string
		dir  *string
	}{{"node-tools", &b.tools.dir}, {b.manager.name, &b.cache}, {"node-modules", &b.full}, {"node-built", &b.built}, {"node-compiled", &b.compiled}} {
		if *cache.dir, err = b.Cache(ctx, cache.name); err != nil {
			return err
		}
	}
	return b.installVendored(ctx)
}

// describe prints the decisions before anything is done.
func (d decision) describe(in bp.BuildContext) {
	in.Log.Decision("Node.js", d.node.Version, d.node.Reason)
	if day := d.lock.Ended.Of(nodeID, d.node.Version); day != "" {
		major, _, _ := strings.Cut(d.node.Version, ".")
		in.Log.Warn("Node.js %s has had no security fixes since %s", major, day)
	}
	if d.HasPackages() {
		in.Log.Decision(d.manager.title, d.using.Version, d.using.Reason)
		if d.unchecked {
			in.Log.Warn("the hash in packageManager is not one of the archive that is fetched, so lock.toml alone vouches for it")
		}
		switch {
		case d.Vendored:
			in.Log.Decision("Packages", "as "+project.ModulesDir+" of the app has them", "BP_NODE_VENDORED_ENABLED")
		case d.Lockfile == "":
			in.Log.Warn("there is no lockfile: two builds may install different packages; make one with %s", d.manager.update)
		default:
			in.Log.Decision("Packages", "as "+d.Lockfile+" says", "")
		}
		if d.offline != "" {
			in.Log.Decision("Archives", d.offline+" of the app", "")
		}
		if n := len(d.unhashed); n > 0 && !d.Vendored {
			more := ""
			if n > 1 {
				more = fmt.Sprintf(" and of %d more", n-1)
			}
			in.Log.Warn("%s has no hash of %s%s: nothing but the registry vouches for what comes", d.Lockfile, d.unhashed[0], more)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.bound)) {
		in.Log.Decision("Settings", name, "binding")
	}
	if d.Dir != d.Root {
		in.Log.Decision("Workspace", d.ProjectPath, "BP_NODE_PROJECT_PATH")
	}
	if d.start.Bun {
		why := "script start"
		if d.start.Elsewhere {
			why = "Procfile"
		}
		in.Log.Decision("Runs on", "Bun "+d.bun.Version, why)
	}
	for _, s := range d.scripts.Idle {
		in.Log.Decision("Left out", s.String(), s.Command+", which has nothing to do in a build")
	}
	for _, s := range d.scripts.Run {
		in.Log.Decision("Script", s.String(), s.Command)
	}
}

// fillNode makes the layer of Node.js: the program and its licence, the same for every app.
func (b *builder) fillNode(ctx context.Context, l *layer.Layer) error {
	dir, err := b.tools.node(ctx, b.node)
	if err != nil {
		return err
	}
	licence, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	if err == nil {
		err = os.WriteFile(filepath.Join(l.Path, "LICENSE"), licence, 0o644)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(l.Path, "bin"), 0o755)
	}
	if err == nil {
		err = elf.Strip(filepath.Join(dir, "bin", "node"), filepath.Join(l.Path, "bin", "node"))
	}
	if err != nil {
		return fmt.Errorf("making the layer of Node.js: %w", err)
	}
	l.LaunchEnv.Default("NODE_ENV", "production")
	knows, err := b.knows(ctx, filepath.Join(dir, "bin", "node"), heapOption)
	if err != nil {
		return err
	}
	if knows {
		l.LaunchEnv.Default("NODE_OPTIONS", heapOption)
	}
	l.SBOM = &sbom.Document{Subject: sbom.Component{
		Type: "application", Name: "node", Version: b.node.Version, PURL: "pkg:generic/node@" + b.node.Version, Licenses: []string{"MIT"},
	}}
	return nil
}

// heapOption lets the heap have half of the memory that a container may use, which is what Node.js itself does from 512 MB to 4 GB. Below,
// it takes 259 MB, however few there are, so that the container is killed before anything is collected; above, 2 or 4 GB.
const heapOption = "--max-old-space-size-percentage=50"

// knows tells whether a release of Node.js takes an option.
func (b *builder) knows(ctx context.Context, node, option string) (bool, error) {
	err := command.Run(ctx, command.Command{Path: node, Args: []string{option, "--version"}, Log: b.Log, Silent: true})
	if failed := new(command.Error); errors.As(err, &failed) && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}
