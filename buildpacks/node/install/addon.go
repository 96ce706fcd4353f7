package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// run does a job. An addon has to be compiled if its install script looks for a compiler; a lockfile says at most that there is a
// script. Then the package manager is ended, and all is done again with a real compiler.
func (i *Installer) run(ctx context.Context, j job) error {
	env, err := i.Environment(ctx)
	if err != nil {
		return err
	}
	if env, err = i.own(env.With(i.source.Offline.Env)); err != nil {
		return err
	}
	shell, err := i.recording(j.dir)
	if err != nil {
		return err
	}
	env = env.With(shell)
	lock, err := i.source.Manager.Project.ReadLockfile()
	if err != nil {
		return err
	}
	if lock == nil && !i.source.Vendored {
		if j, lock, err = i.resolve(ctx, j, env); err != nil {
			return err
		}
	}
	if err := i.compileAlways(lock, env); err != nil {
		return err
	}
	c, cached, err := i.compiler(ctx)
	if err != nil {
		return err
	}
	if !cached {
		looked, err := i.withoutCompiler(ctx, j, env)
		if !looked {
			return i.explain(err, j.args)
		}
		i.source.In.Log.Bullet("There is an addon to compile: packages are installed again, with a compiler")
	}
	more, err := i.withCompiler(ctx, c, j.dir)
	if err != nil {
		return err
	}
	return i.explain(i.call(ctx, j, first(env, more)), j.args)
}

// resolve has the package manager make the lockfile that the app lacks, if it has a command for that. The lockfile tells what an
// install would run. The job that is returned has it in its folder.
func (i *Installer) resolve(ctx context.Context, j job, env config.Environment) (job, []byte, error) {
	args := i.source.Manager.Args(manager.Resolve)
	if args == nil {
		return j, nil, nil
	}
	if err := i.call(ctx, job{j.dir, args, j.prepare}, env); err != nil {
		return j, nil, i.explainAs(err, "npm "+strings.Join(args, " "), fault.Fault{
			ID: "node-install", What: "npm could not make the lockfile that the app lacks", Do: i.above(),
		})
	}
	lock, err := tree.ReadFile(filepath.Join(j.dir, manager.NPMLockfile))
	if err != nil {
		return j, nil, fmt.Errorf("reading what npm would install: %w", err)
	}
	prepare := func() error {
		if err := j.prepare(); err != nil {
			return err
		}
		return writeSeed(j.dir, manager.NPMLockfile, lock, 0o644)
	}
	return job{j.dir, j.args, prepare}, lock, nil
}

const (
	preGyp          = "node-pre-gyp"
	buildFromSource = "npm_config_build_from_source" // the variable that tells it to compile
)

// compileAlways tells two tools to compile addons that they would download, unchecked, from wherever a package says.
// prebuild-install reads a file, which no other tool does. node-pre-gyp shares a variable with tools that take addons out of
// packages, so the variable is set only where node-pre-gyp is in the lockfile or, without one, may be among the packages.
func (i *Installer) compileAlways(lock []byte, env config.Environment) error {
	err := os.WriteFile(filepath.Join(i.home, ".prebuild-installrc"), []byte("{\"buildFromSource\": true}\n"), 0o644)
	if err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	if lock == nil || bytes.Contains(lock, []byte(preGyp)) {
		env[buildFromSource] = "true"
	}
	return nil
}

// first returns an environment with more variables, whose programs are found first.
func first(env, more config.Environment) config.Environment {
	path := more["PATH"] + ":" + env["PATH"]
	return env.With(more).With(config.Environment{"PATH": path})
}

// withoutCompiler runs the package manager with stand-ins for the programs that install scripts compile with. It reports whether a
// script looked for one.
func (i *Installer) withoutCompiler(ctx context.Context, j job, env config.Environment) (looked bool, err error) {
	programs := filepath.Join(i.home, "compiler-asking")
	asked, err := compiler.StandIns(programs, "cc", "c++", "gcc", "g++", "make", "node-gyp", "python3")
	if err != nil {
		return false, fmt.Errorf("preparing the install: %w", err)
	}
	gyp := filepath.Join(programs, "node-gyp.js")
	script := fmt.Appendf(nil, "require('fs').writeFileSync('%s', ''); process.kill(0, 'SIGKILL')\n", asked)
	if err := os.WriteFile(gyp, script, 0o644); err != nil {
		return false, fmt.Errorf("preparing the install: %w", err)
	}
	err = i.call(ctx, j, first(env, config.Environment{"PATH": programs, "npm_config_node_gyp": gyp}))
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

// Compiling returns an environment with which scripts in a folder of the app compile addons. It fetches the compiler.
func (i *Installer) Compiling(ctx context.Context, env config.Environment, dir string) (config.Environment, error) {
	c, _, err := i.compiler(ctx)
	if err != nil {
		return nil, err
	}
	more, err := i.withCompiler(ctx, c, dir)
	if err != nil {
		return nil, err
	}
	return first(env, more), nil
}

// compiler returns the compiler of addons, and whether it is in the cache.
func (i *Installer) compiler(ctx context.Context) (c compiler.Compiler, cached bool, err error) {
	folder, err := i.caches.Compiler(ctx)
	if err != nil {
		return c, false, err
	}
	c = compiler.Compiler{In: i.source.In, Dir: folder, Mirrors: i.source.Mirrors, Mode: i.source.Compiling}
	cached, err = c.Cached()
	return c, cached, err
}

// withCompiler returns the variables with which node-gyp compiles for the chosen Node.js and asks nobody, and which keep names of
// folders, symbols and the time out of the addons.
func (i *Installer) withCompiler(ctx context.Context, c compiler.Compiler, dir string) (config.Environment, error) {
	compilers, err := c.Install(ctx)
	if err != nil {
		return nil, err
	}
	node, err := i.programs.Node(ctx)
	if err != nil {
		return nil, err
	}
	headers, err := i.headers(node)
	if err != nil {
		return nil, err
	}
	// The newest npm that runs on the chosen Node.js has the node-gyp: older ones do not know today's Python, and not every package
	// manager has one.
	release := manager.Release{Choice: version.Choice{Version: i.source.Gyp, Reason: "for node-gyp"}}
	npm, err := i.programs.Manager(ctx, manager.NPM(), release)
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
