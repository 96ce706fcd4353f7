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
	kittree "github.com/strata-buildpacks/strata/buildpacks/kit/tree"
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
var environmental = append([]string{"PATH", "HOME", "PWD", "SHLVL", "NPM_CONFIG_REGISTRY", "NODE_EXTRA_CA_CERTS"}, passed...)

// runScripts runs the build scripts with all packages in place, or takes what they made of the same source before.
func (b *builder) runScripts(ctx context.Context) error {
	if len(b.scripts.Run) == 0 {
		return nil
	}
	source, err := kittree.Hash(b.AppDir, nil)
	if err != nil {
		return err
	}
	env := maps.Clone(b.Env)
	maps.DeleteFunc(env, func(name, _ string) bool { return hidden(name) || slices.Contains(environmental, name) })
	name, err := digest(builtKey{b.key, source, b.scripts.Run, env.List()})
	if err != nil {
		return err
	}
	kept := filepath.Join(b.built, name)
	b.changes = kept + ".packages"
	if _, err := os.Stat(kept); err == nil {
		b.Log.Bullet("Build scripts: nothing changed, so what they made is taken")
		if err := kittree.Empty(b.AppDir); err != nil {
			return err
		}
		return kittree.Copy(kept, b.AppDir)
	}
	full, err := b.environment(ctx)
	if err != nil {
		return err
	}
	if b.wantsStandalone() {
		full[standaloneVariable] = "true"
	}
	install := ""
	if b.HasPackages() {
		if install, err = b.installed(ctx); err != nil {
			return err
		}
		if err := b.lendPackages(install); err != nil {
			return err
		}
	}
	if err := b.lendCaches(); err != nil {
		return err
	}
	for _, script := range b.scripts.Run {
		done := b.Log.Phase("Running script %s", script)
		if err := command.Run(ctx, command.Command{Path: b.manager.name, Args: []string{"run", script.Name}, Dir: filepath.Join(b.Root, script.Dir), Env: full.List(), Log: b.Log}); err != nil {
			return explainScript(err, script)
		}
		done()
	}
	return b.keep(install, kept)
}

// lendPackages puts all packages into the app for the build scripts. They are copied and not linked to: bundlers follow a
// link, and take packages that are elsewhere for files outside the app.
func (b *builder) lendPackages(dir string) error {
	if b.pnp {
		return b.link(dir)
	}
	for _, folder := range b.Folders() {
		from, to := filepath.Join(dir, folder), filepath.Join(b.Root, folder)
		err := os.RemoveAll(to)
		if _, statErr := os.Stat(from); err == nil && statErr == nil {
			err = kittree.Copy(from, to)
		}
		if err != nil {
			return fmt.Errorf("giving the build scripts the packages: %w", err)
		}
	}
	return nil
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
func (b *builder) keep(install, kept string) error {
	if err := kittree.Empty(b.built); err != nil {
		return err
	}
	if err := b.keepChanges(install, b.changes); err != nil {
		return err
	}
	if err := b.link(""); err != nil {
		return err
	}
	if err := b.keepCaches(); err != nil {
		return err
	}
	if err := kittree.Once(kept, func(partial string) error { return kittree.Copy(b.AppDir, partial) }); err != nil {
		return fmt.Errorf("keeping what the build scripts made: %w", err)
	}
	return nil
}
