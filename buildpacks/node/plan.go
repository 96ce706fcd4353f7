package node

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Plan is how an app is made with Node.js, whether it runs on it or not. It is decided before anything is done, and nothing of it
// changes.
type Plan struct {
	settings
	Project project.Project
	Scripts project.Scripts
	node    version.Choice
	asked   string         // what asks for that, as it is written
	source  install.Source // what is installed, and by what
	lock    lock.Lock
	arch    string // as Node.js calls it
}

// Decide reads and checks what an app is made of.
func Decide(in bp.BuildContext) (Plan, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return Plan{}, err
	}
	if archOf(in.Target.Arch) == "" {
		return Plan{}, targetFault(in.Target)
	}
	_, named, err := in.Config.Lookup("BP_NODE_RUN_SCRIPTS")
	if err != nil {
		return Plan{}, err
	}
	bound, err := install.ReadBindings(in.Workspace)
	if err != nil {
		return Plan{}, err
	}
	mirrors, err := tool.Debian(in.Workspace)
	if err != nil {
		return Plan{}, err
	}
	p, err := choose(in.Workspace, s, named)
	if err != nil {
		return Plan{}, err
	}
	m := p.source.Manager
	p.source = install.Source{
		In: in.Workspace, Manager: m, Vendored: s.Vendored, Settings: bound, Gyp: p.locks().NewestOn(manager.NPM(), "*"),
		Mirrors: mirrors, Registry: s.Registry,
	}
	if p.source.Lock, err = m.Lock(); err != nil {
		return Plan{}, err
	}
	if p.source.Offline.Folder, p.source.Offline.Env, err = m.Offline(); err != nil {
		return Plan{}, err
	}
	return p, p.checkVendored()
}

// choose decides on the project, Node.js, the package manager and the scripts.
func choose(in bp.Workspace, s settings, named bool) (p Plan, err error) {
	p = Plan{settings: s, arch: archOf(in.Target.Arch)}
	if p.lock, err = lock.Read(lockFile); err != nil {
		return p, err
	}
	if p.Project, err = framework.Find(in.AppDir, s.ProjectPath); err != nil {
		return p, err
	}
	if p.node, p.asked, err = p.chooseNode(); err != nil {
		return p, err
	}
	m, err := manager.Choose(p.Project, p.locks())
	if err != nil {
		return p, err
	}
	p.source.Manager, p.Project = m, m.Project
	asked := project.Asked{Names: s.RunScripts, Named: named}
	if s.Hooks {
		asked.Hooks = m.Hooks
	}
	if m.PnP() == "" { // which has no folder of programs
		asked.Generators = framework.Generators()
	}
	p.Scripts, err = p.Project.ChooseScripts(asked)
	return p, err
}

// locks are what releases of package managers are chosen from.
func (p Plan) locks() manager.Locks {
	return manager.Locks{Lock: p.lock, Arch: p.arch, Node: p.node.Version}
}

// checkVendored refuses node_modules of an app that has none, whose package manager cannot take it, or that has no package.json.
func (p Plan) checkVendored() error {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(p.Project.Root, name))
		return err == nil
	}
	if has(project.ModulesDir) && !has(project.ManifestFile) {
		return fault.Fault{
			ID: "node-vendored", What: "the app has a folder " + project.ModulesDir + " and no package.json, which says what is installed",
			Do: "run npm init -y, which names the packages of the folder in package.json, or remove the folder",
		}
	}
	if !p.Vendored {
		return nil
	}
	if p.source.Manager.Args(manager.Rebuild) == nil {
		return fault.Fault{
			ID: "node-vendored", Do: "leave it off: it is for apps of npm",
			What: "BP_NODE_VENDORED_ENABLED is on, and the app's package manager is " + p.source.Manager.Tool().Title,
		}
	}
	if info, err := os.Stat(filepath.Join(p.Project.Root, project.ModulesDir)); err != nil || !info.IsDir() {
		return fault.Fault{
			ID: "node-vendored", What: "BP_NODE_VENDORED_ENABLED is on, and the app has no folder " + project.ModulesDir,
			Do: "check that nothing excludes the folder from the app, or leave the variable off",
		}
	}
	return nil
}

func targetFault(t bp.Target) error {
	libc, because := t.Libc()
	return fault.Fault{
		ID: "node-target", Do: "use the run image glibc",
		What: fmt.Sprintf("Node.js needs glibc on amd64 or arm64, and the run image is %s on %s (%s)", libc, t.Arch, because),
	}
}

// describe prints the decisions. More prints further ones, before the scripts.
func (p Plan) describe(log *report.Log, more func()) {
	log.Decision("Node.js", p.node.Version, p.node.Reason)
	if day := p.lock.Ended.Of(nodeID, p.node.Version); day != "" {
		major, _, _ := strings.Cut(p.node.Version, ".")
		log.Warn("Node.js %s has had no security fixes since %s", major, day)
	}
	if p.Project.HasPackages() {
		p.describePackages(log)
	}
	for _, name := range slices.Sorted(maps.Keys(p.source.Settings)) {
		log.Decision("Settings", name, "binding")
	}
	if p.Project.Dir != p.Project.Root {
		log.Decision("Workspace", p.Project.From(), p.Project.Chosen)
	}
	if p.Project.Nx != "" {
		log.Decision("Project of Nx", p.Project.Nx, p.Project.Chosen)
	}
	more()
	for _, s := range p.Scripts.Idle {
		log.Decision("Left out", s.String(), s.Command+", which has nothing to do in a build")
	}
	for _, s := range p.Scripts.Run {
		log.Decision("Script", s.String(), s.Command)
	}
}

func (p Plan) describePackages(log *report.Log) {
	m, lockfile := p.source.Manager, p.Project.Lockfile
	log.Decision(m.Tool().Title, m.Release.Version, m.Release.Reason)
	if m.Unchecked {
		log.Warn("the hash in packageManager is not one of the archive that is fetched, so lock.toml alone vouches for it")
	}
	switch {
	case p.Vendored:
		log.Decision("Packages", "as "+project.ModulesDir+" of the app has them", "BP_NODE_VENDORED_ENABLED")
	case lockfile == "":
		log.Warn("there is no lockfile: two builds may install different packages; make one with %s", m.Tool().Update)
	default:
		log.Decision("Packages", "as "+lockfile+" says", "")
	}
	if folder := p.source.Offline.Folder; folder != "" {
		log.Decision("Archives", folder+" of the app", "")
	}
	if unhashed := p.source.Lock.Unhashed; len(unhashed) > 0 && !p.Vendored {
		more := ""
		if n := len(unhashed) - 1; n > 0 {
			more = fmt.Sprintf(" and of %d more", n)
		}
		log.Warn("%s has no hash of %s%s: nothing but the registry vouches for what comes", lockfile, unhashed[0], more)
	}
}
