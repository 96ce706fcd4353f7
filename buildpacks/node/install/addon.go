package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// run runs the package manager in a folder that is prepared for it. That an addon has to be compiled shows when its install script
// looks for a compiler: a lockfile tells at most that there is a script. What the script finds first ends the package manager, and
// all is done again with a real compiler.
func (i *Installer) run(ctx context.Context, dir string, args []string, prepare func() error) error {
	env, err := i.Environment(ctx)
	if err != nil {
		return err
	}
	if env, err = i.own(env.With(i.source.Offline.Env)); err != nil {
		return err
	}
	lock, err := i.source.Manager.Project.ReadLockfile()
	if err != nil {
		return err
	}
	if resolve := i.source.Manager.Args(manager.Resolve); resolve != nil && lock == nil && !i.source.Vendored {
		if lock, err = i.resolve(ctx, dir, resolve, env, prepare); err != nil {
			return err
		}
		seed := prepare
		prepare = func() error {
			if err := seed(); err != nil {
				return err
			}
			return writeSeed(dir, manager.NPMLockfile, lock, 0o644)
		}
	}
	if err := i.compileAlways(lock, env); err != nil {
		return err
	}
	folder, err := i.caches.Compiler(ctx)
	if err != nil {
		return err
	}
	c := compiler.Compiler{In: i.source.In, Dir: folder, Mirrors: i.source.Mirrors}
	cached, err := c.Cached()
	if err != nil {
		return err
	}
	if !cached {
		looked, err := i.withoutCompiler(ctx, dir, args, env, prepare)
		if !looked {
			return i.explain(err, args)
		}
		i.source.In.Log.Bullet("There is an addon to compile: packages are installed again, with a compiler")
	}
	more, err := i.withCompiler(ctx, c, dir)
	if err != nil {
		return err
	}
	return i.explain(i.call(ctx, dir, args, first(env, more), prepare), args)
}

// resolve has the package manager make the lockfile that the app lacks, which tells what an install would run.
func (i *Installer) resolve(ctx context.Context, dir string, args []string, env config.Environment, prepare func() error) ([]byte, error) {
	if err := i.call(ctx, dir, args, env, prepare); err != nil {
		return nil, i.explainAs(err, args, "npm could not make the lockfile that the app lacks")
	}
	lock, err := os.ReadFile(filepath.Join(dir, manager.NPMLockfile))
	if err != nil {
		return nil, fmt.Errorf("reading what npm would install: %w", err)
	}
	return lock, nil
}

const preGyp = "node-pre-gyp"

// compileAlways keeps the two tools that would download an addon from wherever its package says, unchecked, from doing so.
// prebuild-install reads a file, which no other tool does; node-pre-gyp shares a variable with tools that take addons out of
// their packages, so it is set only where node-pre-gyp is in the lockfile or, without one, may be among the packages.
func (i *Installer) compileAlways(lock []byte, env config.Environment) error {
	err := os.WriteFile(filepath.Join(i.home, ".prebuild-installrc"), []byte("{\"buildFromSource\": true}\n"), 0o644)
	if err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	if lock == nil || bytes.Contains(lock, []byte(preGyp)) {
		env["npm_config_build_from_source"] = "true"
	}
	return nil
}

// first returns an environment with more variables, whose programs are found first.
func first(env, more config.Environment) config.Environment {
	path := more["PATH"] + ":" + env["PATH"]
	return env.With(more).With(config.Environment{"PATH": path})
}

// withoutCompiler runs the package manager with stand-ins for the programs that install scripts compile with. Each leaves a file
// and ends its process group, of which the package manager is the first. It reports whether one was looked for.
func (i *Installer) withoutCompiler(ctx context.Context, dir string, args []string, env config.Environment, prepare func() error) (bool, error) {
	asked := filepath.Join(i.home, "compiler-asked")
	programs, err := i.scripts("compiler-asking", "touch "+asked+"; kill -KILL 0", "cc", "c++", "gcc", "g++", "make", "node-gyp", "python3")
	if err != nil {
		return false, err
	}
	gyp := filepath.Join(programs, "node-gyp.js")
	script := fmt.Appendf(nil, "require('fs').writeFileSync('%s', ''); process.kill(0, 'SIGKILL')\n", asked)
	if err := os.WriteFile(gyp, script, 0o644); err != nil {
		return false, fmt.Errorf("preparing the install: %w", err)
	}
	err = i.call(ctx, dir, args, first(env, config.Environment{"PATH": programs, "npm_config_node_gyp": gyp}), prepare)
	_, absent := os.Stat(asked)
	return absent == nil, err
}

// scripts makes a folder in HOME with shell scripts of these names.
func (i *Installer) scripts(folder, script string, names ...string) (string, error) {
	dir := filepath.Join(i.home, folder)
	err := os.MkdirAll(dir, 0o755)
	for _, name := range names {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755)
		}
	}
	if err != nil {
		return "", fmt.Errorf("preparing the install: %w", err)
	}
	return dir, nil
}

// withCompiler returns what node-gyp needs to compile for the chosen Node.js without asking anybody, and what keeps names of
// folders, symbols and the time out of the addons.
func (i *Installer) withCompiler(ctx context.Context, c compiler.Compiler, dir string) (config.Environment, error) {
	compilers, err := c.Install(ctx)
	if err != nil {
		return nil, err
	}
	headers, err := i.programs.Node(ctx)
	if err != nil {
		return nil, err
	}
	// node-gyp is that of the newest npm that runs on the chosen Node.js: older ones do not know today's Python, and not every
	// package manager has one.
	npm, err := i.programs.Manager(ctx, manager.NPM(), version.Choice{Version: i.source.Gyp, Reason: "for node-gyp"}, "")
	if err != nil {
		return nil, err
	}
	gyp := filepath.Join(filepath.Dir(npm), project.ModulesDir, "node-gyp", "bin", "node-gyp.js")
	programs, err := i.scripts("node-gyp", "exec node "+gyp+` "$@"`, "node-gyp")
	if err != nil {
		return nil, err
	}
	flags := "-ffile-prefix-map=" + dir + "=. -ffile-prefix-map=" + headers + "=node"
	return config.Environment{
		"PATH": compilers + ":" + programs, "npm_config_node_gyp": gyp, i.source.Manager.Tool().Headers: headers, "JOBS": "max",
		"CFLAGS": flags, "CXXFLAGS": flags, "LDFLAGS": "-s", "SOURCE_DATE_EPOCH": "0",
	}, nil
}
