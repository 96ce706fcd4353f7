package node

import (
	"context"
	"runtime"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
)

// Wanted returns Node.js and the package manager that a build of the app would use, as far as they are locked. The build
// tells what is wrong with an app that has none.
func Wanted(in bp.DetectContext) []string {
	p, err := likely(in)
	if err != nil {
		return nil
	}
	tools := map[string]string{nodeID: p.node.Version}
	if (p.Project.HasPackages() || len(p.Scripts.Run) > 0) && p.source.Manager.Own() == "" {
		tools[p.source.Manager.Tool().ID] = p.source.Manager.Release.Version
	}
	var list []string
	for id, version := range tools {
		for _, arch := range []string{runtime.GOARCH, in.Target.Arch} {
			if r, locked := p.lock.Find(id, arch, version); locked && (arch == runtime.GOARCH || id == nodeID) {
				list = append(list, folderOf(npmName(r), version))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// likely returns what a build would choose. The build tells what is wrong.
func likely(in bp.DetectContext) (Plan, error) {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return Plan{}, err
	}
	return choose(in.Here(), s, false)
}

// requiredToStart is the launch helper, if the app is started by more than one command, or with variables in it.
func requiredToStart(in bp.DetectContext) []bp.Entry {
	p, err := likely(in)
	if err != nil {
		return nil
	}
	processes, err := procfile.Read(in.AppDir)
	if err != nil || !p.startedOf(processes).Helped() {
		return nil
	}
	return []bp.Entry{launchhelper.Required()}
}

// Install installs a locked release of Node.js or of a package manager.
func Install(ctx context.Context, in bp.InstallContext) error {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return err
	}
	l, err := lock.Read(lockFile)
	if err != nil {
		return err
	}
	t := tools{in: in.Workspace, lock: l, registry: s.Registry, dir: in.Dir, arch: archOf(runtime.GOARCH)}
	for _, r := range l.Releases {
		if folderOf(npmName(r), r.Version) == in.Tool {
			if r.Arch != "" {
				t.arch = archOf(r.Arch)
			}
			return t.installLocked(ctx, r)
		}
	}
	return fault.Fault{ID: "node-tool-unknown", What: in.Tool + " is no release that is locked", Do: "leave it to the app's build"}
}

func (t tools) installLocked(ctx context.Context, r lock.Release) error {
	version := choice{Version: r.Version, Reason: "for all apps"}
	for _, m := range manager.Tools() {
		if m.ID == r.ID {
			_, err := t.programs(ctx, m, manager.Release{Choice: version})
			return err
		}
	}
	_, err := t.node(ctx, version)
	return err
}
