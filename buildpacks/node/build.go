package node

import (
	"context"
	"maps"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// runPlan is the plan of an app that runs on Node.js or Bun.
type runPlan struct {
	Plan
	launchSettings
	app    start.App
	start  start.Start
	others []start.Process
	bun    manager.Release // of Bun, that runs the app
	maps   string          // what reads source maps of packages, so that they are not left out
	target string          // the architecture on which the app runs, as Node.js calls it
}

// decide reads and checks all.
func decide(in bp.BuildContext) (runPlan, error) {
	var p runPlan
	if libc, _ := in.Target.Libc(); libc != bp.Glibc {
		return p, targetFault(in.Target)
	}
	err := in.Config.Decode(&p.launchSettings)
	if err != nil {
		return p, err
	}
	if err := checkLeaveOut(p.LeaveOut); err != nil {
		return p, err
	}
	if p.Plan, err = Decide(in); err != nil {
		return p, err
	}
	if p.LeaveOut, p.maps, err = withMaps(in, p.Project.Manifest, p.LeaveOut); err != nil {
		return p, err
	}
	asked, err := procfile.Asked(in)
	if err != nil {
		return p, err
	}
	p.app = p.startedOf(asked)
	if p.start, err = p.app.Choose(); err != nil {
		return p, err
	}
	if p.others, err = p.app.Others(p.start); err != nil {
		return p, err
	}
	p.Scripts = p.Scripts.With(p.start.Build...)
	p.Project.Roots = p.app.Roots(p.start)
	for _, other := range p.others {
		p.Scripts = p.Scripts.With(other.Start.Build...)
		p.Project.Roots = append(p.Project.Roots, p.app.Roots(other.Start)...)
	}
	p.app.Scripts, p.app.Project = p.Scripts, p.Project
	if len(p.Project.Roots) > 0 && p.source.Manager.PnP() != "" {
		return p, pnpFault(p.Project.Roots[0])
	}
	if !p.start.Bun {
		return p, nil
	}
	p.bun, err = p.source.Manager.Bun(p.locks())
	return p, err
}

// pnpFault is the fault of an app that needs a package for development.
func pnpFault(name string) error {
	return fault.Fault{
		ID: "node-start-pnp", Do: "move it to dependencies, or set nodeLinker: node-modules in .yarnrc.yml",
		What: "the app starts " + name + ", of which Plug'n'Play leaves out what it needs",
	}
}

// typeScript are the releases of Node.js that run TypeScript without an option.
const typeScript = "^22.18 || >=23.6"

// startedOf returns what a start is chosen of.
func (p Plan) startedOf(asked []procfile.Process) start.App {
	return start.App{
		Project: p.Project, Scripts: p.Scripts, Asked: asked, Locked: p.source.Lock.Program,
		TypeScript: version.Semantic(typeScript)(p.node.Version),
	}
}

// describe prints the decisions.
func (p runPlan) describe(in bp.BuildContext) {
	p.Plan.describe(in.Log, func() {
		switch {
		case p.start.Bun && p.start.Elsewhere:
			in.Log.Decision("Runs on", "Bun "+p.bun.Version, "Procfile")
		case p.start.Bun && len(p.start.Commands) == 0:
			in.Log.Decision("Runs on", "Bun "+p.bun.Version, "its types are among the packages")
		case p.start.Bun:
			in.Log.Decision("Runs on", "Bun "+p.bun.Version, "script start")
		}
		if p.maps != "" && p.Project.HasPackages() {
			in.Log.Decision("Source maps", "of packages are kept", p.maps)
		}
		for _, root := range p.Project.Roots {
			in.Log.Decision("Keeps", root+" and what it needs", p.start.From.String())
		}
		if made := p.app.Standalone(p.start); made != nil && len(p.app.Unmet(p.start))+len(p.others) > 0 {
			in.Log.Decision("Keeps", "all of the app, not just "+made.Title, "the Procfile has other processes, too")
		}
	})
}

// runtime returns what runs the app, node or bun.
func (p runPlan) runtime() string {
	if p.start.Bun {
		return "bun"
	}
	return "node"
}

// standalone returns the standalone server that build scripts may make instead of the app, nil if none can take its place: other
// processes of the Procfile have their files and packages in the app, and so have commands before that of the server.
func (p runPlan) standalone() *framework.Standalone {
	whole := p.source.Manager.PnP() != "" || p.Project.Root != p.Project.App || !p.Project.HasPackages()
	if whole || len(p.start.Commands) > 1 || len(p.app.Unmet(p.start))+len(p.others) > 0 {
		return nil
	}
	return p.app.Standalone(p.start)
}

// build is the build of an app that runs on Node.js or Bun.
type build struct {
	*Builder
	plan runPlan
}

// Build makes the layers node and modules, runs the build scripts and links the app to its modules.
func Build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	target := archOf(in.Target.Arch)
	if in.Target.Foreign() { // packages without addons are the same for all architectures
		in.Workspace = in.Here()
	}
	p, err := decide(in)
	if err != nil {
		return bp.BuildResult{}, err
	}
	p.target = target
	p.describe(in)
	builder, err := open(ctx, in, p.Plan, p.runtime())
	if err != nil {
		return bp.BuildResult{}, err
	}
	defer builder.Close()
	b := build{builder, p}
	program, err := b.runtime(ctx)
	if err != nil {
		return bp.BuildResult{}, err
	}
	ran, err := b.runScripts(ctx)
	if err != nil {
		return bp.BuildResult{}, err
	}
	made, err := b.replace()
	if err != nil {
		return bp.BuildResult{}, err
	}
	modules, err := b.modules(ctx, made, ran)
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.removeSettings(); err != nil {
		return bp.BuildResult{}, err
	}
	return b.launch(ctx, made, program, modules)
}

// runScripts runs the build scripts. Where they may make a server, they are told to, unless the platform decides.
func (b build) runScripts(ctx context.Context) (Ran, error) {
	more := config.Environment(framework.BuildEnv(b.plan.Project.Manifest.Has))
	if s := b.plan.standalone(); s != nil && s.Variable != "" {
		more[s.Variable] = "true"
	}
	return b.RunScripts(ctx, more)
}

// outcome is what the image has of the app when its build scripts have run.
type outcome struct {
	app    start.App
	start  start.Start
	layout layout.Layout
	server *start.Server // that took the place of the app; nil for none
}

// replace makes the app the standalone server that the build scripts made, if they did.
func (b build) replace() (outcome, error) {
	p := b.plan
	o := outcome{app: p.app, start: p.start, layout: b.Layout(p.Project, p.LeaveOut...)}
	var server *start.Server
	var err error
	if p.standalone() != nil {
		server, err = p.app.Replace(p.start)
	}
	if err != nil {
		return o, err
	}
	if server == nil {
		listens, err := p.app.Listen(p.start)
		if err != nil {
			return o, err
		}
		if listens {
			b.Log.Bullet("The build made a module that answers requests: a small server listens for it")
		}
		return b.withLoaded(o)
	}
	b.Log.Bullet("%s: the app is that and nothing else", server.Made.Title)
	o.app.Project, o.start, o.layout, o.server = server.Project, server.Start, b.Layout(server.Project), server
	return o, nil
}

// withLoaded returns the outcome with the packages for development that the app's files load.
func (b build) withLoaded(o outcome) (outcome, error) {
	starts := []start.Start{o.start}
	for _, other := range b.plan.others {
		starts = append(starts, other.Start)
	}
	o.app.Project.Roots = slices.Clone(o.app.Project.Roots)
	for _, s := range starts {
		loads, err := o.app.Loads(s)
		if err != nil {
			return o, err
		}
		for _, name := range slices.Sorted(maps.Keys(loads)) {
			if slices.Contains(o.app.Project.Roots, name) {
				continue
			}
			load := loads[name]
			switch pnp := b.plan.source.Manager.PnP() != ""; {
			case pnp && load.Sure:
				return o, pnpFault(name)
			case pnp:
				b.Log.Warn("%s may load %s, which is in devDependencies: it is left out; move it to dependencies", load.File, name)
				continue
			}
			o.app.Project.Roots = append(o.app.Project.Roots, name)
			b.Log.Warn("%s loads %s, which is in devDependencies: it is kept; move it to dependencies", load.File, name)
		}
	}
	o.layout = b.Layout(o.app.Project, b.plan.LeaveOut...)
	return o, nil
}
