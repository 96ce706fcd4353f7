package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// debian returns where the compiler comes from.
func (s settings) debian() (deb.Mirrors, error) {
	values := map[string]string{
		deb.Variables[deb.Main]: s.Mirror, deb.Variables[deb.Security]: s.SecurityMirror, deb.Variables[deb.Snapshot]: s.SnapshotMirror,
	}
	return deb.ReadMirrors(func(name string) string { return values[name] })
}

// runManager runs the package manager in a folder that is prepared for it. That an addon has to be compiled shows when its
// install script looks for a compiler. What it finds first ends the package manager, and all is done again with a real one.
func (b *builder) runManager(ctx context.Context, dir string, arguments []string, prepare func() error) error {
	env, err := b.environment(ctx)
	if err != nil {
		return err
	}
	if env, err = b.installOnly(env); err != nil {
		return err
	}
	if b.Lockfile == "" && b.manager == npm && !b.Vendored {
		if prepare, err = b.resolve(ctx, dir, env, prepare); err != nil {
			return err
		}
	}
	if err := b.compileAlways(env); err != nil {
		return err
	}
	if b.compiler == "" { // an app that installs nothing keeps none
		if b.compiler, err = b.Cache(ctx, "compiler"); err != nil {
			return err
		}
	}
	c := compiler.Compiler{In: b.Workspace, Dir: b.compiler, Mirrors: b.mirrors}
	cached, err := c.Cached()
	if err != nil {
		return err
	}
	if !cached {
		asked := filepath.Join(b.scratch, "compiler-asked")
		more, err := b.standIns(asked)
		if err != nil {
			return err
		}
		more["PATH"] += ":" + env["PATH"]
		err = b.runOnce(ctx, dir, arguments, env.With(more), prepare)
		if _, absent := os.Stat(asked); absent != nil {
			return err
		}
		b.Log.Bullet("There is an addon to compile: packages are installed again, with a compiler")
	}
	more, err := b.withCompiler(ctx, c, dir)
	if err != nil {
		return err
	}
	more["PATH"] += ":" + env["PATH"]
	return b.runOnce(ctx, dir, arguments, env.With(more), prepare)
}

func (b *builder) runOnce(ctx context.Context, dir string, arguments []string, env config.Environment, prepare func() error) error {
	if err := prepare(); err != nil {
		return err
	}
	what := b.manager.name + " " + strings.Join(arguments, " ")
	done := b.Log.Phase("Running %s", what)
	if err := command.Run(ctx, command.Command{Path: b.manager.name, Args: arguments, Dir: dir, Env: env.List(), Log: b.Log}); err != nil {
		return explainInstall(err, b.manager, what)
	}
	done()
	return nil
}

// resolve has npm make the lockfile that the app lacks, which tells what an install would run, and returns what puts it into the
// folder, too.
func (b *builder) resolve(ctx context.Context, dir string, env config.Environment, prepare func() error) (func() error, error) {
	err := b.runOnce(ctx, dir, []string{"install", "--package-lock-only", "--save"}, env, prepare)
	if f := (fault.Fault{}); errors.As(err, &f) && f.ID == "node-install" {
		f.What = "npm could not make the lockfile that the app lacks"
		return nil, f
	}
	if err != nil {
		return nil, err
	}
	if b.resolved, err = os.ReadFile(filepath.Join(dir, npmLockfile)); err != nil {
		return nil, fmt.Errorf("reading what npm would install: %w", err)
	}
	return func() error {
		if err := prepare(); err != nil {
			return err
		}
		return writeSeed(dir, npmLockfile, b.resolved, 0o644)
	}, nil
}

// compileAlways keeps the two tools that would download an addon from wherever its package says, unchecked, from doing so.
// prebuild-install reads a file, which no other tool does; node-pre-gyp shares a variable with tools that take addons out of
// their packages, so it is set only where node-pre-gyp is or may be.
func (b *builder) compileAlways(env config.Environment) error {
	err := os.WriteFile(filepath.Join(b.scratch, ".prebuild-installrc"), []byte("{\"buildFromSource\": true}\n"), 0o644)
	if err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	lock := b.resolved
	switch {
	case lock != nil:
	case b.Lockfile == "":
		lock = []byte(preGyp) // it may be among them
	default:
		if lock, err = os.ReadFile(filepath.Join(b.Root, b.Lockfile)); err != nil {
			return fmt.Errorf("reading %s: %w", b.Lockfile, err)
		}
	}
	if bytes.Contains(lock, []byte(preGyp)) {
		env["npm_config_build_from_source"] = "true"
	}
	return nil
}

const preGyp = "node-pre-gyp"

// standIns returns the settings for programs that install scripts compile with. Each leaves a file and ends its process group,
// of which the package manager is the first.
func (b *builder) standIns(asked string) (config.Environment, error) {
	programs, err := b.programsIn("compiler-asking", "touch "+asked+"; kill -KILL 0", "cc", "c++", "gcc", "g++", "make", "node-gyp", "python3")
	if err != nil {
		return nil, err
	}
	gyp := filepath.Join(programs, "node-gyp.js")
	if err := os.WriteFile(gyp, fmt.Appendf(nil, "require('fs').writeFileSync('%s', ''); process.kill(0, 'SIGKILL')\n", asked), 0o644); err != nil {
		return nil, fmt.Errorf("preparing the install: %w", err)
	}
	return config.Environment{"PATH": programs, "npm_config_node_gyp": gyp}, nil
}

// programsIn makes a folder below the temporary one with shell scripts of these names.
func (b *builder) programsIn(folder, script string, names ...string) (string, error) {
	dir := filepath.Join(b.scratch, folder)
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
func (b *builder) withCompiler(ctx context.Context, c compiler.Compiler, dir string) (config.Environment, error) {
	compilers, err := c.Install(ctx)
	if err != nil {
		return nil, err
	}
	headers, err := b.tools.node(ctx, b.node)
	if err != nil {
		return nil, err
	}
	gyp, err := b.nodeGyp(ctx)
	if err != nil {
		return nil, err
	}
	programs, err := b.programsIn("node-gyp", "exec node "+gyp+` "$@"`, "node-gyp")
	if err != nil {
		return nil, err
	}
	flags := "-ffile-prefix-map=" + dir + "=. -ffile-prefix-map=" + headers + "=node"
	nodedir := "npm_config_nodedir"
	if b.manager == npm { // it warns of that one; others take away this one
		nodedir = "npm_package_config_node_gyp_nodedir"
	}
	return config.Environment{
		"PATH": compilers + ":" + programs, "npm_config_node_gyp": gyp, nodedir: headers, "JOBS": "max",
		"CFLAGS": flags, "CXXFLAGS": flags, "LDFLAGS": "-s", "SOURCE_DATE_EPOCH": "0",
	}, nil
}

// nodeGyp returns the program node-gyp of the newest npm that runs on the chosen Node.js: older ones do not know today's
// Python, and not every package manager has one.
func (b *builder) nodeGyp(ctx context.Context) (string, error) {
	version := newestOn(b.lock, npm, b.arch, "*", b.node.Version)
	programs, err := b.tools.programs(ctx, npm, choice{Version: version, Reason: "for node-gyp"}, "")
	return filepath.Join(filepath.Dir(programs), project.ModulesDir, "node-gyp", "bin", "node-gyp.js"), err
}
