package bp

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
	"github.com/strata-buildpacks/strata/buildpacks/kit/seccomp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/verdict"
)

// detect adapts the buildpack's Detect to libcnb.
func (r *runner) detect(ctx libcnb.DetectContext) (libcnb.DetectResult, error) {
	in := DetectContext{r.workspace(ctx.ApplicationPath, ctx.Buildpack, ctx.Platform)}
	result, err := r.buildpack.Detect(r.ctx, in)
	if err == nil && result.Reason == "" {
		err = errNoReason
	}
	if err != nil {
		return libcnb.DetectResult{}, errors.Join(err, r.tell(fault.Explain(err)))
	}
	if !result.Pass {
		if err := r.tell(result.Reason); err != nil {
			return libcnb.DetectResult{}, err
		}
	}
	word := "fail"
	if result.Pass {
		word = "pass"
	}
	r.log.Title(r.buildpack.ID, word+": "+result.Reason)
	out := libcnb.DetectResult{Pass: result.Pass}
	for _, plan := range withVariables(result.Plans, r.kinds) {
		out.Plans = append(out.Plans, plan.libcnb())
	}
	return out, nil
}

// tell writes why the buildpack takes no part to the platform's folder, if there is one.
func (r *runner) tell(why string) error {
	if dir := r.env[verdict.Env]; dir != "" {
		return verdict.Write(dir, r.buildpack.ID, why)
	}
	return nil
}

func (p Plan) libcnb() libcnb.BuildPlan {
	var out libcnb.BuildPlan
	for _, name := range p.Provides {
		out.Provides = append(out.Provides, libcnb.BuildPlanProvide{Name: name})
	}
	for _, entry := range p.Requires {
		out.Requires = append(out.Requires, libcnb.BuildPlanRequire{Name: entry.Name, Metadata: entry.Metadata})
	}
	return out
}

// build adapts the buildpack's Build to libcnb.
func (r *runner) build(ctx libcnb.BuildContext) (libcnb.BuildResult, error) {
	in := BuildContext{
		Workspace: r.workspace(ctx.ApplicationPath, ctx.Buildpack, ctx.Platform),
		Layers:    layer.Open(ctx.Layers.Path, r.log),
		plan:      libpak.PlanEntryResolver{Plan: ctx.Plan},
	}
	if asked, err := config.Bool(seccomp.Variable, r.env[seccomp.Variable]); err == nil && asked { // what is wrong says its buildpack
		in.Layers.Show(seccomp.Recipe)
	}
	if err := r.checkArch(in.Target); err != nil {
		return libcnb.BuildResult{}, err
	}
	if tool := r.env[EnvInstallTool]; tool != "" && r.buildpack.Install != nil {
		return libcnb.NewBuildResult(), r.install(in.Workspace, ctx.Plan, tool)
	}
	if text := r.env[runtimes.Env]; text != "" {
		return r.replaceRuntime(in, text)
	}
	r.log.Title(in.Buildpack.Name, in.Buildpack.Version)
	r.describe(in)
	if err := r.checkInput(in); err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := r.warnUnread(in); err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := settleModes(in.AppDir); err != nil {
		return libcnb.BuildResult{}, err
	}
	result, err := r.buildpack.Build(r.ctx, in)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	for _, p := range result.Processes {
		if err := CheckType(p.Type); err != nil {
			return libcnb.BuildResult{}, fault.Fault{ID: "process-type", What: err.Error(), Do: "rename the program, or what starts it"}
		}
	}
	if result.LaunchBOM != nil {
		if err := result.LaunchBOM.WriteFiles(ctx.Layers.Path + "/launch"); err != nil {
			return libcnb.BuildResult{}, err
		}
	}
	if err := writeOrigins(ctx.Layers.Path, result.Processes); err != nil {
		return libcnb.BuildResult{}, err
	}
	return result.libcnb(in.Layers), nil
}

// replaceRuntime has the buildpack make the layer of a runtime and nothing else.
func (r *runner) replaceRuntime(in BuildContext, text string) (libcnb.BuildResult, error) {
	was, err := runtimes.Parse(text)
	if err == nil && r.buildpack.Runtime == nil {
		err = errors.New(r.buildpack.ID + " makes none")
	}
	if err != nil {
		return libcnb.BuildResult{}, fault.Fault{
			ID: "runtime-variable", What: runtimes.Env + " names no runtime of the buildpack in JSON", Do: "unset it", Err: err,
		}
	}
	r.log.Title(in.Buildpack.Name, in.Buildpack.Version)
	err = r.buildpack.Runtime(r.ctx, in, was)
	return BuildResult{}.libcnb(in.Layers), err
}

// checkArch refuses an image for another architecture if the buildpack cannot make what runs there.
func (r *runner) checkArch(t Target) error {
	if !t.Foreign() || r.buildpack.Cross {
		return nil
	}
	return fault.Fault{
		ID:   "target-arch",
		What: fmt.Sprintf("%s builds for linux/%s on this machine, and the image is for %s/%s", r.buildpack.ID, runtime.GOARCH, t.OS, t.Arch),
		Do:   fmt.Sprintf("build it on a machine with linux/%s, or leave that platform out", t.Arch),
	}
}

// describe writes what the build is given, for whoever asks why it decides as it does. Values may be secret.
func (r *runner) describe(in BuildContext) {
	libc, because := in.Target.Libc()
	r.log.Debug("the run image is %s on %s/%s (%s)", libc, in.Target.OS, in.Target.Arch, because)
	r.log.Debug("the build plan asks for: %s", strings.Join(in.entries(), ", "))
	r.log.Debug("variables that are set: %s", strings.Join(in.Config.Set(), ", "))
	for _, b := range in.allBindings {
		r.log.Debug("binding %s has the type %s and the keys: %s", b.Name, b.Type, strings.Join(slices.Sorted(maps.Keys(b.Secret)), ", "))
	}
}

// install has the buildpack install a tool for all apps, if it was this one that told of it.
func (r *runner) install(in Workspace, plan libcnb.BuildpackPlan, tool string) error {
	told := slices.ContainsFunc(plan.Entries, func(e libcnb.BuildpackPlanEntry) bool {
		tools, _ := e.Metadata[toolsKey].([]any)
		return slices.Contains(tools, any(tool))
	})
	if !told {
		return nil
	}
	root := r.env[EnvToolsDir]
	if !filepath.IsAbs(root) || !filepath.IsLocal(tool) {
		return fault.Fault{
			ID:   "tools-dir",
			What: fmt.Sprintf("%s is %q and %s is %q", EnvToolsDir, root, EnvInstallTool, tool),
			Do:   "set them to an absolute path and to a name, or unset both",
		}
	}
	r.log.Title(in.Buildpack.Name, in.Buildpack.Version)
	return r.buildpack.Install(r.ctx, InstallContext{Workspace: in, Tool: tool, Dir: root})
}

func (b BuildResult) libcnb(layers *layer.Dir) libcnb.BuildResult {
	out := libcnb.NewBuildResult()
	for _, p := range b.Processes {
		out.Processes = append(out.Processes, libcnb.Process{
			Type: p.Type, Command: p.Command, Arguments: p.Args, WorkingDirectory: p.WorkingDir, Default: p.Default,
		})
	}
	for _, key := range slices.Sorted(maps.Keys(b.Labels)) {
		out.Labels = append(out.Labels, libcnb.Label{Key: key, Value: b.Labels[key]})
	}
	for _, name := range b.Unmet {
		out.Unmet = append(out.Unmet, libcnb.UnmetPlanEntry{Name: name})
	}
	for _, l := range layers.Layers() {
		out.Layers = append(out.Layers, libcnbLayer(l))
	}
	return out
}

func libcnbLayer(l *layer.Layer) libcnb.Layer {
	return libcnb.Layer{
		LayerTypes: libcnb.LayerTypes{Launch: l.Flags.Launch, Build: l.Flags.Build, Cache: l.Flags.Cache},
		Metadata:   metadata(l),
		Name:       l.Name,
		Path:       l.Path,
		// A reused layer that is only Launch has no folder; an environment would make one and so replace its content.
		// Contribute leaves the environment of every reused layer empty, as it is in the layer already.
		BuildEnvironment:  libcnb.Environment(l.BuildEnv),
		LaunchEnvironment: libcnb.Environment(l.LaunchEnv),
	}
}

// metadata returns what the next build is told of a layer.
func metadata(l *layer.Layer) map[string]any {
	m := map[string]any{"key": l.Key}
	if l.Contents.Known {
		m["contents"] = l.Contents
	}
	if l.Runtime != nil {
		m["runtime"] = *l.Runtime
	}
	if len(l.Needs) > 0 {
		m["needs"] = l.Needs
	}
	if l.Shown > 0 && l.Flags.Launch {
		m["shown_to"] = strconv.Itoa(l.Shown)
	}
	return m
}
