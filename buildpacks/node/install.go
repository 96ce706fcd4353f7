package node

import (
	"context"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// wanted returns Node.js and the package manager that a build of the app would use, as far as they are locked. The build
// tells what is wrong with an app that has none.
func wanted(in bp.DetectContext) []string {
	var d decision
	if err := in.Config.Decode(&d.settings); err != nil {
		return nil
	}
	var err error
	if d.lock, err = lock.Read(lockFile); err != nil {
		return nil
	}
	d.arch = archOf(in.Target.Arch)
	if d.Project, err = project.Find(in.AppDir, d.ProjectPath); err != nil {
		return nil
	}
	if d.node, err = d.chooseNode(); err != nil {
		return nil
	}
	if err := d.chooseManager(); err != nil {
		return nil
	}
	if err := d.chooseScripts(false); err != nil {
		return nil
	}
	tools := map[string]string{nodeID: d.node.Version}
	if (d.HasPackages() || len(d.scripts.Run) > 0) && d.yarn.Path == "" {
		tools[d.manager.id()] = d.using.Version
	}
	var list []string
	for id, version := range tools {
		if r, locked := d.lock.Find(id, goarch(d.arch), version); locked {
			list = append(list, folderOf(npmName(r), version))
		}
	}
	slices.Sort(list)
	return list
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
	t := tools{in: in.Workspace, lock: l, registry: s.Registry, dir: in.Dir, arch: archOf(in.Target.Arch)}
	for _, r := range l.Releases {
		if folderOf(npmName(r), r.Version) == in.Tool {
			return t.installLocked(ctx, r)
		}
	}
	return fault.Fault{ID: "node-tool-unknown", What: in.Tool + " is no release that is locked", Do: "leave it to the app's build"}
}

func (t tools) installLocked(ctx context.Context, r lock.Release) error {
	version := choice{Version: r.Version, Reason: "for all apps"}
	for _, m := range []*manager{npm, pnpm, yarn, berry, bun} {
		if m.id() == r.ID {
			_, err := t.programs(ctx, m, version, "")
			return err
		}
	}
	_, err := t.node(ctx, version)
	return err
}
