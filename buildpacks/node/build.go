package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// recipe changes when the same inputs give other layers.
const recipe = 1

// decision is what a build does, known before it does anything.
type decision struct {
	settings
	lock     lock
	arch     string // as Node.js calls it
	manifest manifest
	lockfile string // the name of the app's lockfile; "" if it has none
	locked   lockfile
	node     choice
	npm      choice
	scripts  []string
	start    start
}

func decide(in bp.BuildContext) (decision, error) {
	var d decision
	if err := in.Config.Decode(&d.settings); err != nil {
		return d, err
	}
	libc, because := in.Target.Libc()
	if d.arch = archOf(in.Target.Arch); d.arch == "" || libc != bp.Glibc {
		return d, fault.Fault{ID: "node-target", What: fmt.Sprintf("Node.js needs glibc on amd64 or arm64, and the run image is %s on %s (%s)", libc, in.Target.Arch, because), Do: "use the run image glibc"}
	}
	var err error
	if d.lock, err = readLock(); err != nil {
		return d, err
	}
	if d.manifest, err = readManifest(in.AppDir); err != nil {
		return d, err
	}
	if d.lockfile, err = findLockfile(in.AppDir); err != nil {
		return d, err
	}
	if d.lockfile != "" {
		if d.locked, err = readLockfile(filepath.Join(in.AppDir, d.lockfile)); err != nil {
			return d, err
		}
	}
	if d.node, err = chooseNode(in.AppDir, d.Version, d.manifest, d.lock, d.arch); err != nil {
		return d, err
	}
	if d.npm, err = chooseNPM(d.manifest, d.node.Version, d.lock); err != nil {
		return d, err
	}
	_, named, err := in.Config.Lookup("BP_NODE_RUN_SCRIPTS")
	if err != nil {
		return d, err
	}
	if d.scripts, err = d.manifest.buildScripts(d.Scripts, named); err != nil {
		return d, err
	}
	if err := d.manifest.checkHooks(d.scripts); err != nil {
		return d, err
	}
	d.start, err = d.chooseStart(in.AppDir)
	return d, err
}

// Build makes the layers node and modules, runs the build scripts and links the app to its modules.
func Build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	d, err := decide(in)
	if err != nil {
		return bp.BuildResult{}, err
	}
	d.describe(in)
	b := &builder{BuildContext: in, decision: d}
	if err := b.open(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	defer func() { _ = os.RemoveAll(b.scratch) }() // below the temporary folder, which ends with the build
	runtime, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "node", Flags: layer.Flags{Launch: true}, Key: nodeKey{recipe, d.node.Version, d.arch},
		Fill: b.fillNode,
	})
	if err != nil {
		return bp.BuildResult{}, err
	}
	modules := ""
	if d.manifest.hasPackages() {
		l, err := in.Layers.Contribute(ctx, layer.Request{
			Name: "modules", Flags: layer.Flags{Launch: true}, Key: b.key, Fill: b.fillModules,
		})
		if err != nil {
			return bp.BuildResult{}, err
		}
		modules = filepath.Join(l.Path, modulesDir)
	}
	if err := b.runScripts(ctx); err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.link(modules); err != nil {
		return bp.BuildResult{}, err
	}
	// It may hold credentials, and nothing reads it when the app runs.
	if err := os.RemoveAll(filepath.Join(in.AppDir, ".npmrc")); err != nil {
		return bp.BuildResult{}, fmt.Errorf("leaving out .npmrc: %w", err)
	}
	return b.processes(filepath.Join(runtime.Path, "bin", "node"))
}

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
	tools   tools
	cache   string     // of npm: what it downloaded
	full    string     // folder of installs with everything, by key
	built   string     // folder of apps after their build scripts, by key
	key     modulesKey // of the app's packages
	scratch string     // HOME of npm and of build scripts
}

// open reads what the keys are made of, opens the caches and removes from the app what is not its source.
func (b *builder) open(ctx context.Context) error {
	for _, name := range []string{modulesDir, ".git"} {
		path := filepath.Join(b.AppDir, name)
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		b.Log.Bullet("%s of the app: left out", name)
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	var err error
	if b.key, err = b.modulesKey(); err != nil {
		return err
	}
	b.tools = tools{lock: b.lock, registry: b.Registry, unverified: b.Unverified, arch: b.arch, log: b.Log}
	for name, path := range map[string]*string{"node": &b.tools.dir, "npm": &b.cache, "node-modules": &b.full, "node-built": &b.built} {
		if *path, err = b.Cache(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// describe prints the decisions before anything is done.
func (d decision) describe(in bp.BuildContext) {
	in.Log.Decision("Node.js", d.node.Version, d.node.Reason)
	major, _, _ := strings.Cut(d.node.Version, ".")
	if day, ok := d.lock.Ended[major]; ok {
		in.Log.Warn("Node.js %s has had no security fixes since %s", major, day)
	}
	if d.manifest.hasPackages() {
		in.Log.Decision("npm", d.npm.Version, d.npm.Reason)
		if d.lockfile == "" {
			in.Log.Warn("there is no package-lock.json: two builds may install different packages; make one with npm install")
		} else {
			in.Log.Decision("Packages", "as "+d.lockfile+" says", "")
		}
	}
	if d.manifest.Scripts["prepare"] != "" {
		in.Log.Warn("the script prepare is not run; name it in BP_NODE_RUN_SCRIPTS if the app needs it")
	}
	for _, name := range d.scripts {
		in.Log.Decision("Script", name, d.manifest.Scripts[name])
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
		err = strip(filepath.Join(l.Path, "bin", "node"), filepath.Join(dir, "bin", "node"))
	}
	if err != nil {
		return fmt.Errorf("making the layer of Node.js: %w", err)
	}
	l.LaunchEnv.Default("NODE_ENV", "production")
	l.SBOM = &sbom.Document{Subject: sbom.Component{
		Type: "application", Name: "node", Version: b.node.Version, PURL: "pkg:generic/node@" + b.node.Version, Licenses: []string{"MIT"},
	}}
	return nil
}
