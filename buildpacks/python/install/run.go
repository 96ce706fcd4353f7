package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/python/compile"
)

// exportedDir is the folder, beside installs, that keeps what uv exported.
const exportedDir = "exported"

// All returns a folder with all packages of the app, as a virtual environment for the interpreter of the build, and installs them if they
// are not there. Only the newest is kept.
func (i *Installer) All(ctx context.Context) (string, error) {
	dir := filepath.Join(i.installs, i.name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := tree.Empty(i.installs, compiledDir, compiledProject, exportedDir); err != nil {
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
	return filepath.Join(dir, "bin", "python3"), compile.Environment(python), err
}

// fill installs into an empty folder.
func (i *Installer) fill(ctx context.Context, dir string) error {
	uv, err := i.uv(ctx)
	if err != nil {
		return err
	}
	r, log := i.wanted, i.source.In.Log
	lines, dropped := withoutIndexes(r.Lines)
	for _, option := range dropped {
		log.Warn("%s in the app's requirements is not heeded: the build's settings say where packages come from", option)
	}
	args := []string{"--prefix", dir}
	for _, folder := range r.Wheels {
		args = append(args, "--find-links", folder)
	}
	if r.Constraints != "" {
		file, err := i.write("constraints.txt", r.Constraints)
		if err != nil {
			return err
		}
		args = append(args, "--constraints", file)
	}
	if strings.TrimSpace(lines) != "" {
		first := slices.Clone(args)
		if r.Complete {
			first = append(first, "--no-deps")
		}
		if strings.Contains(lines, "--hash=") {
			first = append(first, "--require-hashes")
		} else {
			log.Warn("the packages have no hashes: nothing but the index vouches for them")
		}
		if err := uv.install(ctx, i.home, lines, first); err != nil {
			return err
		}
	}
	if strings.TrimSpace(r.Direct) != "" {
		log.Warn("packages in git and in folders have no hashes: nothing but their address vouches for them")
		if r.Complete {
			args = append(args, "--no-deps")
		}
		if err := uv.install(ctx, r.Dir, r.Direct, args); err != nil {
			return err
		}
	}
	return i.environmentOf(dir, uv.folder)
}

// environmentOf makes a folder with packages a virtual environment for an interpreter in a folder. It does not note the interpreter's
// version, which nothing reads: a later patch may take its place.
func (i *Installer) environmentOf(dir, python string) error {
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "bin"), 0o755), os.MkdirAll(filepath.Join(dir, i.site()), 0o755), tree.Remove(filepath.Join(dir, ".lock")),
		os.WriteFile(filepath.Join(dir, "pyvenv.cfg"),
			fmt.Appendf(nil, "home = %s\ninclude-system-site-packages = false\n", filepath.Join(python, "bin")), 0o644),
	)
	for _, name := range []string{"python", "python3", i.minor()} {
		err = errors.Join(err, os.Symlink(filepath.Join(python, "bin", i.minor()), filepath.Join(dir, "bin", name)))
	}
	if err != nil {
		return fmt.Errorf("making the virtual environment: %w", err)
	}
	return nil
}

// version returns the minor version of the interpreter: "3.13".
func (i *Installer) version() string {
	parts := strings.SplitN(i.source.Python.Version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// minor returns the name of the interpreter's program: "python3.13".
func (i *Installer) minor() string { return "python" + i.version() }

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

// platforms are uv's names of the run images: those of Debian 13 have glibc 2.41.
var platforms = map[string]string{"amd64": "x86_64-manylinux_2_40", "arm64": "aarch64-manylinux_2_40"}

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
	libraries, err := i.debian.Install(ctx)
	if err != nil {
		return caller{}, err
	}
	c := caller{i: i, folder: python, python: filepath.Join(python, "bin", i.minor())}
	c.env = i.indexes.Env().With(i.source.In.Env.Git()).With(compile.Environment(python)).With(config.Environment{
		"HOME": i.home, "PATH": programs + ":" + i.source.In.Env["PATH"], "UV_CACHE_DIR": i.cache,
		"PYTHONDONTWRITEBYTECODE": "1", "SOURCE_DATE_EPOCH": "315532800",
	})
	c.env = libraries.In(c.env)
	return c, nil
}

// install installs the packages of lines. Paths in them begin at a folder. A package may have to be compiled, which shows when it is built:
// then uv is ended, and all is done again with a real compiler.
func (c caller) install(ctx context.Context, dir, lines string, args []string) error {
	file, err := c.i.write("requirements.txt", lines)
	if err != nil {
		return err
	}
	args = append([]string{"pip", "install", "--python", c.python, "--requirements", file}, args...)
	target := c.i.source.In.Target
	if target.Foreign() { // which glibc it is makes a difference to what is taken, not to what runs
		args = append(args, "--python-platform", platforms[target.Arch])
	}
	rust := filepath.Join(c.i.home, "rust-asking")
	oxidized, err := compiler.StandIns(rust, "cargo", "rustc", "rustup")
	if err != nil {
		return fmt.Errorf("preparing the install: %w", err)
	}
	env := c.env.With(config.Environment{"PATH": rust + ":" + c.env["PATH"], "CC": "cc", "CXX": "c++"})
	compilers, cached, err := c.i.compiler(ctx)
	if err != nil {
		return err
	}
	if !cached || target.Foreign() {
		asking := filepath.Join(c.i.home, "compiler-asking")
		asked, err := compiler.StandIns(asking, "cc", "c++", "gcc", "g++", "clang", "make", "gfortran")
		if err != nil {
			return fmt.Errorf("preparing the install: %w", err)
		}
		err = c.run(ctx, dir, env.With(config.Environment{"PATH": asking + ":" + env["PATH"]}), args)
		from, absent := tree.ReadFile(asked)
		if absent != nil {
			return c.i.explain(err, oxidized)
		}
		if target.Foreign() {
			return fault.Fault{ID: "python-compile-arch",
				What: fmt.Sprintf("%s has no wheel for linux/%s, and is not compiled for that on linux/%s",
					built(string(from)), target.Arch, runtime.GOARCH),
				Do: "take a release of it that has one, or build on a machine with linux/" + target.Arch}
		}
		c.i.source.In.Log.Bullet("%s is to be compiled: packages are installed again, with a compiler", built(string(from)))
	}
	if env, err = c.i.compiling(ctx, compilers, env); err != nil {
		return err
	}
	return c.i.explain(c.run(ctx, dir, env, args), oxidized)
}

// compiler returns the compiler of packages, and whether it is in the cache.
func (i *Installer) compiler(ctx context.Context) (c compiler.Compiler, cached bool, err error) {
	c.In = i.source.In.Workspace
	if c.Dir, err = i.source.In.Cache(ctx, "compiler"); err != nil {
		return c, false, err
	}
	if c.Mirrors, err = tool.Debian(c.In); err != nil {
		return c, false, err
	}
	if c.Mode, err = compiler.Asked(c.In.Config); err != nil {
		return c, false, err
	}
	cached, err = c.Cached()
	return c, cached, err
}

// compiling returns an environment in which packages are compiled for the interpreter.
func (i *Installer) compiling(ctx context.Context, c compiler.Compiler, env config.Environment) (config.Environment, error) {
	programs, err := c.Install(ctx)
	if err != nil {
		return nil, err
	}
	headers, err := i.source.Python.Headers(ctx)
	if err != nil {
		return nil, err
	}
	if libraries := env["CPATH"]; libraries != "" {
		headers = append(headers, libraries)
	}
	return env.With(config.Environment{
		"PATH": programs + ":" + env["PATH"], "CPATH": strings.Join(headers, ":"), "CFLAGS": "-g0", "CXXFLAGS": "-g0", "LDFLAGS": "-s",
	}), nil
}

// run runs uv, whose words are in the log.
func (c caller) run(ctx context.Context, dir string, env config.Environment, args []string) error {
	done := c.i.source.In.Log.Phase("Running uv %s", strings.Join(args[:2], " "))
	err := command.Run(ctx, command.Command{Path: UVID, Args: args, Dir: dir, Env: env.List(), Log: c.i.source.In.Log})
	if err == nil {
		done()
	}
	return err
}

// Export returns what uv prints with some arguments, such as those by which it exports its lockfile, in a folder. It is kept until one of
// the files changes that it is made from.
func (i *Installer) Export(ctx context.Context, dir string, args, files []string) ([]byte, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q\n", args, i.source.UV.Version, i.source.Python.Version)
	for _, file := range files {
		text, err := tree.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading what the app requires: %w", err)
		}
		fmt.Fprintf(sum, "%d %s\n", len(text), text)
	}
	kept := filepath.Join(i.installs, exportedDir, hex.EncodeToString(sum.Sum(nil)[:16]))
	if text, err := tree.ReadFile(kept); err == nil {
		return text, nil
	}
	uv, err := i.uv(ctx)
	if err != nil {
		return nil, err
	}
	text, err := command.Output(ctx, command.Command{
		Path: UVID, Args: append(slices.Clone(args), "--python", uv.python), Dir: dir, Env: uv.env.List(), Log: i.source.In.Log,
	})
	if err != nil {
		return nil, i.explain(err, "")
	}
	err = errors.Join(tree.Remove(filepath.Dir(kept)), os.MkdirAll(filepath.Dir(kept), 0o755))
	if err == nil {
		err = tree.WriteFile(kept, text)
	}
	return text, err
}
