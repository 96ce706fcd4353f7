package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// chooseScripts decides on the scripts to run.
func (d *decision) chooseScripts(named bool) (err error) {
	asked := project.Asked{Names: d.Scripts, Named: named}
	if d.Hooks {
		asked.Hooks = d.hookNames
	}
	d.scripts, err = d.Choose(asked)
	return err
}

// hookNames returns the names of the scripts that run at an install, in order. Yarn from 2 on has no prepare; the others run
// preinstall and postinstall with install by themselves.
func (d decision) hookNames(m project.Manifest) []string {
	switch {
	case d.manager == berry:
		return []string{"preinstall", "install", "postinstall"}
	case m.Scripts["install"] != "":
		return []string{"install", "prepare"}
	}
	return []string{"preinstall", "postinstall", "prepare"}
}

// builtKey is everything that the app after its build scripts depends on.
type builtKey struct {
	Modules modulesKey
	Source  string
	Scripts []project.Script
	Env     []string
}

// environmental are variables that say how to reach something and change nothing that is built.
var environmental = slices.Concat(passed, []string{"PATH", "HOME", "PWD", "SHLVL", "NPM_CONFIG_REGISTRY", "NODE_EXTRA_CA_CERTS"})

// runScripts runs the build scripts with all packages in place, or takes what they made of the same source before. It returns the
// folder of what they changed in the packages, which is not there if they changed nothing, "" if there are no scripts.
func (b *builder) runScripts(ctx context.Context) (changes string, err error) {
	if len(b.scripts.Run) == 0 {
		return "", nil
	}
	source, err := tree.Hash(b.AppDir, nil)
	if err != nil {
		return "", err
	}
	env := maps.Clone(b.Env)
	maps.DeleteFunc(env, func(name, _ string) bool { return hidden(name) || slices.Contains(environmental, name) })
	name, err := digest(builtKey{b.key, source, b.scripts.Run, env.List()})
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
	full, err := b.environment(ctx)
	if err != nil {
		return "", err
	}
	if made := b.standalone(); made != nil && made.Variable != "" {
		if _, decided := b.Env[made.Variable]; !decided { // who sets it decides
			full[made.Variable] = "true"
		}
	}
	if b.HasPackages() {
		if err := b.layout.Lend(ctx); err != nil {
			return "", err
		}
	}
	if err := b.lendCaches(); err != nil {
		return "", err
	}
	for _, script := range b.scripts.Run {
		done := b.Log.Phase("Running script %s", script)
		if err := command.Run(ctx, command.Command{Path: b.manager.name, Args: []string{"run", script.Name}, Dir: filepath.Join(b.Root, script.Dir), Env: full.List(), Log: b.Log}); err != nil {
			return "", explainScript(err, script)
		}
		done()
	}
	return changes, b.keep(ctx, kept, changes)
}

func explainScript(err error, s project.Script) error {
	if failed := new(command.Error); !errors.As(err, &failed) || errors.Is(err, context.Canceled) {
		return err
	}
	do := "see its words above"
	if s.Hook {
		do += ", or set BP_NODE_INSTALL_SCRIPTS_ENABLED=false if the app does not need it"
	}
	return fault.Fault{ID: "node-script", What: "the script " + s.String() + " failed", Do: do}
}

// keep puts copies of the app and of what changed in its packages into the cache, which holds those of one build.
func (b *builder) keep(ctx context.Context, kept, changes string) error {
	if err := tree.Empty(b.built); err != nil {
		return err
	}
	if b.HasPackages() {
		if err := b.layout.Keep(ctx, changes); err != nil {
			return err
		}
	}
	if err := b.layout.Unlink(); err != nil {
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
