package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// All returns a folder with all packages of the app, as a virtual environment for the interpreter of the build, and installs them if they
// are not there. Only the newest is kept.
func (i *Installer) All(ctx context.Context) (string, error) {
	dir := filepath.Join(i.installs, i.name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := tree.Empty(i.installs, compiledDir); err != nil {
		return "", fmt.Errorf("removing older installs: %w", err)
	}
	return dir, tree.Once(dir, func(partial string) error { return i.fill(ctx, partial) })
}

// Program returns the interpreter of the build that sees the app's packages, and the variables that it needs.
func (i *Installer) Program(ctx context.Context) (program string, env config.Environment, err error) {
	dir, err := i.All(ctx)
	if err != nil {
		return "", nil, err
	}
	python, err := i.source.Python.Folder(ctx)
	return filepath.Join(dir, "bin", "python3"), libraryPath(python), err
}

// libraryPath returns the variable with which an interpreter in a folder starts.
func libraryPath(python string) config.Environment {
	return config.Environment{"LD_LIBRARY_PATH": filepath.Join(python, "lib")}
}

// fill installs into an empty folder.
func (i *Installer) fill(ctx context.Context, dir string) error {
	uv, err := i.uv(ctx)
	if err != nil {
		return err
	}
	r := i.source.Requirements
	lines := r.Lines
	if r.Made != nil {
		out, err := uv.output(ctx, r.Made.Dir, r.Made.Args...)
		if err != nil {
			return err
		}
		lines = string(out)
	}
	lines, dropped := withoutIndexes(lines)
	for _, line := range dropped {
		i.source.In.Log.Warn("%s in the app's requirements is not heeded: the build's settings say where packages come from", line)
	}
	target := []string{"pip", "install", "--python", uv.python, "--prefix", dir, "--strict"}
	if r.Wheels != "" {
		target = append(target, "--no-index", "--find-links", r.Wheels)
	}
	if r.Constraints != "" {
		file, err := i.write("constraints.txt", r.Constraints)
		if err != nil {
			return err
		}
		target = append(target, "--constraints", file)
	}
	if strings.TrimSpace(lines) != "" {
		args := target
		if r.Complete || r.Made != nil {
			args = append(args, "--no-deps")
		}
		if strings.Contains(lines, "--hash=") {
			args = append(args, "--require-hashes")
		} else {
			i.source.In.Log.Warn("the packages have no hashes: nothing but the index vouches for them")
		}
		file, err := i.write("requirements.txt", lines)
		if err != nil {
			return err
		}
		if err := uv.run(ctx, i.home, append(args, "--requirements", file)...); err != nil {
			return err
		}
	}
	if strings.TrimSpace(r.Direct) != "" {
		i.source.In.Log.Warn("packages in git and in folders have no hashes")
		file, err := i.write("direct.txt", r.Direct)
		if err != nil {
			return err
		}
		if err := uv.run(ctx, r.Dir, append(target, "--no-deps", "--requirements", file)...); err != nil {
			return err
		}
	}
	return i.environmentOf(dir, uv.folder)
}

// environmentOf makes a folder with packages a virtual environment for an interpreter in a folder.
func (i *Installer) environmentOf(dir, python string) error {
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "bin"), 0o755), os.MkdirAll(filepath.Join(dir, i.site()), 0o755), tree.Remove(filepath.Join(dir, ".lock")),
		os.WriteFile(filepath.Join(dir, "pyvenv.cfg"), fmt.Appendf(nil,
			"home = %s\ninclude-system-site-packages = false\nversion = %s\n", filepath.Join(python, "bin"), i.source.Python.Version), 0o644),
	)
	for _, name := range []string{"python", "python3", i.minor()} {
		err = errors.Join(err, os.Symlink(filepath.Join(python, "bin", i.minor()), filepath.Join(dir, "bin", name)))
	}
	if err != nil {
		return fmt.Errorf("making the virtual environment: %w", err)
	}
	return nil
}

// minor returns the name of the interpreter's program: python3.13.
func (i *Installer) minor() string {
	parts := strings.SplitN(i.source.Python.Version, ".", 3)
	return "python" + strings.Join(parts[:min(2, len(parts))], ".")
}

// site is the folder site-packages in a virtual environment.
func (i *Installer) site() string { return filepath.Join("lib", i.minor(), "site-packages") }

// write writes a file that uv reads.
func (i *Installer) write(name, text string) (string, error) {
	file := filepath.Join(i.home, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("preparing the install: %w", err)
	}
	return file, nil
}

// caller runs uv for an interpreter.
type caller struct {
	i      *Installer
	folder string // of the interpreter
	python string // its program
	env    config.Environment
}

// uv returns what runs uv.
func (i *Installer) uv(ctx context.Context) (caller, error) {
	programs, err := i.programs(ctx)
	if err != nil {
		return caller{}, err
	}
	python, err := i.source.Python.Folder(ctx)
	if err != nil {
		return caller{}, err
	}
	c := caller{i: i, folder: python, python: filepath.Join(python, "bin", i.minor())}
	c.env = i.indexes.Env().With(i.source.In.Env.Git()).With(libraryPath(python)).With(config.Environment{
		"HOME": i.home, "PATH": programs + ":" + i.source.In.Env["PATH"], "UV_CACHE_DIR": i.cache,
		"PYTHONDONTWRITEBYTECODE": "1", "SOURCE_DATE_EPOCH": "315532800",
	})
	return c, nil
}

func (c caller) command(dir string, args []string) command.Command {
	return command.Command{Path: UVID, Args: args, Dir: dir, Env: c.env.List(), Log: c.i.source.In.Log}
}

// run runs uv, whose words are in the log.
func (c caller) run(ctx context.Context, dir string, args ...string) error {
	done := c.i.source.In.Log.Phase("Running uv %s", strings.Join(args[:2], " "))
	if err := command.Run(ctx, c.command(dir, args)); err != nil {
		return c.i.explain(err)
	}
	done()
	return nil
}

// output runs uv and returns what it prints.
func (c caller) output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	out, err := command.Output(ctx, c.command(dir, append(args, "--python", c.python)))
	return out, c.i.explain(err)
}
