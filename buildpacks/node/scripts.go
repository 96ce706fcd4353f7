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
	"reflect"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
	"github.com/strata-buildpacks/strata/buildpacks/node/layout"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// builtKey is everything that the app after its build scripts depends on.
type builtKey struct {
	Modules  install.Key
	Source   string
	Packages []install.Script `json:",omitempty"`
	Scripts  []project.Script
	Env      []string
}

// Ran is what scripts did.
type Ran struct {
	Changes string // folder of what they changed in the packages, which is not there if they changed nothing; "" if there are no scripts
	Quiet   bool   // no package has a script that runs where the app is
}

// RunScripts runs the scripts of packages that may look at the app, and the build scripts, with all packages in place, or takes what
// they made of the same source before. More are variables for them, unless the platform has them.
func (b *Builder) RunScripts(ctx context.Context, more config.Environment) (Ran, error) {
	installing, err := b.installing(ctx)
	if err != nil {
		return Ran{}, err
	}
	changes, err := b.runScripts(ctx, installing, more)
	return Ran{changes, len(installing) == 0}, err
}

func (b *Builder) runScripts(ctx context.Context, installing []install.Script, more config.Environment) (changes string, err error) {
	scripts := b.plan.Scripts.Run
	if len(scripts)+len(installing) == 0 {
		return "", nil
	}
	source, err := tree.Hash(b.AppDir, nil)
	if err != nil {
		return "", err
	}
	env, unkept := maps.Clone(b.Env), install.Unkept()
	maps.DeleteFunc(env, func(name, _ string) bool { return install.Hidden(name) || slices.Contains(unkept, name) })
	name, err := install.Digest(builtKey{b.key, source, installing, scripts, env.List()})
	if err != nil {
		return "", err
	}
	kept := filepath.Join(b.built, name)
	changes = kept + ".packages"
	if _, err := os.Stat(kept); err == nil {
		b.Log.Bullet("Build scripts: nothing changed, so what they made is taken")
		if err := tree.Empty(b.AppDir); err != nil {
			return "", err
		}
		return changes, tree.Copy(kept, b.AppDir)
	}
	addons, err := b.plan.Project.Addons()
	if err != nil {
		return "", err
	}
	full, err := b.scriptsEnvironment(ctx, len(addons) > 0)
	if err != nil {
		return "", err
	}
	for _, script := range installing {
		if err := b.installer.RunScript(ctx, script, more.With(full)); err != nil {
			return "", err
		}
	}
	for _, script := range scripts {
		if err := b.runScript(ctx, script, more.With(full)); err != nil {
			return "", err
		}
	}
	for _, dir := range addons {
		if err := layout.LeaveAddon(filepath.Join(b.plan.Project.Root, dir)); err != nil {
			return "", err
		}
	}
	return changes, b.keep(ctx, kept, changes)
}

// scriptsEnvironment puts packages into their places and returns what scripts see, with a compiler where some package needs it.
func (b *Builder) scriptsEnvironment(ctx context.Context, compiling bool) (config.Environment, error) {
	full, err := b.installer.Environment(ctx)
	if err == nil && compiling {
		full, err = b.installer.Compiling(ctx, full, b.plan.Project.Root)
	}
	if err == nil {
		err = b.lend(ctx)
	}
	if err != nil {
		return nil, err
	}
	return b.hoisted(full)
}

// hoisted returns an environment in which programs of packages find what pnpm hoists to its own folder. Those that pnpm wrote name it where
// it installed, and the packages are somewhere else now.
func (b *Builder) hoisted(env config.Environment) (config.Environment, error) {
	dir := filepath.Join(b.plan.Project.Root, project.ModulesDir, ".pnpm", project.ModulesDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return env, nil
	} else if err != nil {
		return nil, fmt.Errorf("looking for what pnpm hoists: %w", err)
	}
	if before := env["NODE_PATH"]; before != "" {
		dir = before + ":" + dir
	}
	return env.With(config.Environment{"NODE_PATH": dir}), nil
}

// installing returns the scripts of packages that run where the app is. There are none where a package is in no folder of the app.
// The layer of the build before tells that the same packages have none, so that they are not installed to find out.
func (b *Builder) installing(ctx context.Context) ([]install.Script, error) {
	if !b.plan.Project.HasPackages() || b.plan.source.Manager.PnP() != "" {
		return nil, nil
	}
	var before layerKey
	key, needs := b.layered()
	found, err := b.Layers.KeyBefore(modulesLayer, &before, needs...)
	if err != nil || found && before.Quiet && reflect.DeepEqual(before.Key, key) {
		return nil, err
	}
	return b.installer.Scripts(ctx)
}

func (b *Builder) runScript(ctx context.Context, s project.Script, env config.Environment) error {
	what := "script " + s.String()
	if s.Words != nil {
		what = s.Command
	}
	done := b.Log.Phase("Running %s", what)
	root := b.plan.Project.Root
	words := []string{b.plan.source.Manager.Tool().Name, "run", s.Name}
	switch {
	case s.Words != nil && b.plan.source.Manager.PnP() != "": // Yarn runs programs of packages as it runs scripts
		words = slices.Concat(words[:2], s.Words)
	case s.Words != nil:
		words = s.Words
		env = env.With(config.Environment{"PATH": install.ProgramFolders(root, s.Dir) + ":" + env["PATH"]})
	}
	err := command.Run(ctx, command.Command{
		Path: words[0], Args: words[1:], Dir: filepath.Join(root, s.Dir), Env: append(env.List(), s.Env...), Log: b.Log,
	})
	if err == nil {
		done()
		return nil
	}
	unknown := fault.Fault{ID: "node-script", What: "the script " + s.String() + " failed", Do: "see its words above"}
	if s.Hook {
		unknown.Do += ", or set BP_NODE_INSTALL_SCRIPTS_ENABLED=false if the app does not need it"
	}
	return b.installer.ExplainScript(err, s.String(), unknown)
}

// lend puts all packages into the app, and what the last build's tools kept.
func (b *Builder) lend(ctx context.Context) error {
	p := b.plan.Project
	if p.HasPackages() {
		if err := b.Layout(p).Lend(ctx); err != nil {
			return err
		}
	}
	for _, name := range buildCaches(p) {
		kept := filepath.Join(b.compiled, name)
		if _, err := os.Stat(kept); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		in := filepath.Join(p.Root, name)
		if err := os.RemoveAll(in); err != nil {
			return fmt.Errorf("emptying %s: %w", name, err)
		}
		if err := tree.Copy(kept, in); err != nil {
			return fmt.Errorf("taking %s of the last build: %w", name, err)
		}
	}
	return nil
}

// keep puts copies of the app and of what changed in its packages into the cache, which holds those of one build.
func (b *Builder) keep(ctx context.Context, kept, changes string) error {
	if err := tree.Empty(b.built); err != nil {
		return err
	}
	p := b.plan.Project
	if p.HasPackages() {
		if err := b.Layout(p).Keep(ctx, changes); err != nil {
			return err
		}
	}
	if err := b.Layout(p).Unlink(); err != nil {
		return err
	}
	if err := b.leaveNested(); err != nil {
		return err
	}
	if err := b.keepCaches(); err != nil {
		return err
	}
	if err := tree.Once(kept, func(partial string) error { return tree.Copy(b.AppDir, partial) }); err != nil {
		return fmt.Errorf("keeping what the build scripts made: %w", err)
	}
	return nil
}

// keepCaches moves what build tools keep for the next build out of the app.
func (b *Builder) keepCaches() error {
	if err := tree.Empty(b.compiled); err != nil {
		return err
	}
	p := b.plan.Project
	for _, name := range buildCaches(p) {
		in := filepath.Join(p.Root, name)
		if info, err := os.Lstat(in); err != nil || !info.IsDir() {
			continue
		}
		if err := tree.Copy(in, filepath.Join(b.compiled, name)); err != nil {
			return fmt.Errorf("keeping %s for the next build: %w", name, err)
		}
		if err := os.RemoveAll(in); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// buildCaches returns where build tools keep what they compiled, relative to the root.
func buildCaches(p project.Project) []string {
	var folders []string
	for _, member := range append([]string{"."}, p.Members...) {
		for _, name := range framework.Caches() {
			folders = append(folders, path.Join(member, name))
		}
	}
	return folders
}
