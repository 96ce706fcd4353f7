package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/kit/upx"
	"github.com/strata-buildpacks/strata/buildpacks/native/downloads"
	"github.com/strata-buildpacks/strata/buildpacks/native/tools"
)

// recipe changes when the same inputs give other files or another SBOM.
const recipe = 3

// installed is the name of the layer with what the builder installs. Programs know its path: it is their prefix.
const installed = "installed"

// key is everything that the layer of programs depends on.
type key struct {
	Recipe    int                `json:"recipe"`
	Source    string             `json:"source"`
	Builder   string             `json:"builder"`
	File      string             `json:"file"`
	Link      string             `json:"link"`
	Configure []string           `json:"configure"`
	Make      []string           `json:"make"`
	LeaveOut  []string           `json:"leaveOut"`
	KeepFiles []string           `json:"keepFiles"`
	Compiler  string             `json:"compiler"`
	Tools     string             `json:"tools"`
	Debian    string             `json:"debian"`
	Named     []string           `json:"named"` // packages that the bill has, of those of Debian
	Env       config.Environment `json:"env"`
	Target    [4]string          `json:"target"` // os, arch, variant, distro
	UPX       string             `json:"upx,omitempty"`
}

// shaping are the variables of a user that compilers and build systems read.
var shaping = []string{"CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS"}

// passed are those that only say how the network is reached, or where messages go.
var passed = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// build is a build of an app.
type build struct {
	bp.BuildContext
	settings
	builder  *builder
	file     string
	keep     keep.Patterns
	packages debian.Packages
	named    []string // those of the packages that the user names
	compiler compiler.Compiler
	tools    tool.Tool
	cache    string // of ccache, and of the tools where they are not for all apps
	version  string // of the compiler in its mode
	packer   upx.Packer
}

// newBuild decides what is done, before anything is.
func newBuild(ctx context.Context, in bp.BuildContext) (build, error) {
	b := build{BuildContext: in}
	var err error
	if b.settings, err = readSettings(in.Workspace); err != nil {
		return b, err
	}
	if b.builder, b.file, err = choose(in.AppDir, b.Builder); err != nil || b.builder == nil {
		return b, fmt.Errorf("choosing a builder: %s (%w)", b.file, err) // detection has found one
	}
	libc, _ := in.Target.Libc()
	if b.Link == "" && libc == bp.Static {
		b.Link = static
	}
	if b.keep, err = keep.Parse(b.KeepFiles); err != nil {
		return b, err
	}
	if b.named, _, err = debian.Named(in.Workspace, debian.Aptfiles...); err != nil {
		return b, err
	}
	if b.packages, err = debian.OpenAll(ctx, in); err != nil {
		return b, err
	}
	mirrors, err := tool.Debian(in.Workspace)
	if err != nil {
		return b, err
	}
	b.compiler = compiler.Compiler{In: in.Workspace, Mirrors: mirrors}
	if b.packer, err = upx.Asked(in.Config); err != nil {
		return b, err
	}
	if b.compiler.Mode, err = compiler.Asked(in.Config); err != nil {
		return b, err
	}
	if b.Link == static {
		b.compiler.Mode.Link = compiler.StaticPIE
	}
	if b.version, err = compiler.Version(in.Target.Arch, b.compiler.Mode); err != nil {
		return b, err
	}
	if b.compiler.Dir, err = in.Cache(ctx, "compiler"); err != nil {
		return b, err
	}
	if b.cache, err = in.Cache(ctx, "native"); err != nil {
		return b, err
	}
	b.tools, err = tools.New(in.Here(), filepath.Join(b.cache, "tools"), mirrors)
	return b, err
}

// Build compiles the app, installs it into the launch layer "installed" and empties the app's folder.
func Build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	b, err := newBuild(ctx, in)
	if err != nil {
		return bp.BuildResult{}, err
	}
	b.describe()
	if err := b.leaveOut(); err != nil {
		return bp.BuildResult{}, err
	}
	source, err := tree.Hash(in.AppDir, nil)
	if err != nil {
		return bp.BuildResult{}, err
	}
	stay := append(slices.Clone(debian.Aptfiles), procfile.Name)
	l, err := in.Layers.Contribute(ctx, layer.Request{
		Name: installed, Flags: layer.Flags{Launch: true},
		Fill: func(ctx context.Context, l *layer.Layer) error {
			return b.keep.During(in.AppDir, in.Log, func() error { return b.fill(ctx, l) }, stay...)
		},
		Key: b.key(source),
	})
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := b.keep.Clear(in.AppDir, in.Log, stay...); err != nil {
		return bp.BuildResult{}, err
	}
	list, err := b.processes(l)
	return bp.BuildResult{Processes: list}, err
}

// key returns what the layer depends on, with the hash of the app's folder.
func (b build) key(source string) key {
	return key{
		Recipe: recipe, Source: source, Builder: b.builder.name, File: b.file, Link: b.Link, Configure: b.Configure, Make: b.Make,
		LeaveOut: b.LeaveOut, KeepFiles: b.KeepFiles, Compiler: b.version, Tools: b.tools.Folder, Debian: b.packages.Key(), Named: b.named,
		Env: b.Env.Only(shaping...), Target: [4]string{b.Target.OS, b.Target.Arch, b.Target.Variant, b.Target.Distro},
		UPX: b.packer.Key(),
	}
}

// describe prints the decisions.
func (b build) describe() {
	b.Log.Decision("Builder", b.builder.name, b.file)
	why := "BP_NATIVE_LINK"
	if asked, _, _ := b.Config.Lookup("BP_NATIVE_LINK"); asked == "" {
		_, why = b.Target.Libc()
	}
	switch b.Link {
	case static:
		b.Log.Decision("Link", "static", why)
	default:
		b.Log.Decision("Link", "dynamic, with glibc", why)
	}
	if b.compiler.Mode.Plain {
		b.Log.Decision("Hardening", "off", compiler.Variable)
	}
}

// fill builds the app and fills the layer with what it installs.
func (b build) fill(ctx context.Context, l *layer.Layer) error {
	home, remove, err := command.Home()
	if err != nil {
		return err
	}
	defer remove()
	programs, err := b.compiler.Install(ctx)
	if err != nil {
		return err
	}
	root, err := b.packages.Install(ctx)
	if err != nil {
		return err
	}
	var other cross
	if b.Target.Foreign() {
		other.triplet, other.root = deb.Triplets[b.Target.Arch], filepath.Dir(programs)
		if other.here, err = compiler.Here(ctx, b.BuildContext, b.compiler.Mirrors, compiler.Mode{}); err != nil {
			return err
		}
	}
	work := filepath.Join(b.AppDir, workFolder)
	j := job{
		settings: b.settings, app: b.AppDir, out: filepath.Join(work, "out"), prefix: l.Path, staging: filepath.Join(work, "staging"),
		home: home, packages: root.Dir, file: b.file, cross: other,
	}
	if err := b.prepare(j); err != nil {
		return err
	}
	fetched, err := downloads.Find(b.AppDir, b.builder.name)
	if err != nil {
		return err
	}
	for _, d := range fetched {
		b.Log.Warn("%s line %d: %s has no hash, and may differ next time; give it URL_HASH, or a commit", d.File, d.Line, d.Name)
	}
	env, err := b.environment(ctx, programs, home, root, j.cross)
	if err != nil {
		return err
	}
	if err := b.run(ctx, j, env); err != nil {
		return err
	}
	if err := b.collect(j, l); err != nil {
		return err
	}
	if j.static() {
		if err := prove(l.Path); err != nil {
			return err
		}
	}
	if l.SBOM, err = b.bill(root, j.maps(), programs); err != nil {
		return err
	}
	if err := b.packer.Pack(ctx, b.BuildContext, l.Path); err != nil {
		return err
	}
	return tree.Remove(work)
}

// environment returns what the builder and the compiler see.
func (b build) environment(ctx context.Context, programs, home string, root debian.Root, other cross) (config.Environment, error) {
	if err := os.MkdirAll(filepath.Join(b.cache, "tools"), 0o755); err != nil {
		return nil, fmt.Errorf("making a folder for tools: %w", err)
	}
	dir, err := tool.Install(ctx, b.Here(), filepath.Join(b.cache, "tools"), b.tools)
	if err != nil {
		return nil, err
	}
	env := root.In(b.Env.Git().With(b.Env.Only(append(passed, shaping...)...)))
	// libtool asks the compiler for its linker, and calls that without the script.
	libraries := filepath.Join(filepath.Dir(programs), "usr/lib", deb.Triplets[runtime.GOARCH])
	if env["LD_LIBRARY_PATH"] != "" {
		libraries = env["LD_LIBRARY_PATH"] + ":" + libraries
	}
	path := []string{filepath.Join(dir, "cached"), programs, env["PATH"], filepath.Join(dir, "bin"), other.here, b.Env["PATH"]}
	path = slices.DeleteFunc(path, func(folder string) bool { return folder == "" })
	return env.With(other.environment()).With(config.Environment{
		"PATH": strings.Join(path, ":"), "LD_LIBRARY_PATH": libraries, "HOME": home, "TMPDIR": home, "LC_ALL": "C", "TZ": "UTC",
		"SOURCE_DATE_EPOCH": strconv.FormatInt(epoch.Unix(), 10),
		"NOCONFIGURE":       "1", "ACLOCAL_PATH": filepath.Join(root.Dir, "usr/share/aclocal"),
		"CCACHE_DIR": filepath.Join(b.cache, "ccache"), "CCACHE_PATH": programs, "CCACHE_COMPILERTYPE": "gcc", "CCACHE_NODIRECT": "true",
		"CCACHE_COMPILERCHECK": "string:" + b.version + b.packages.Key(), "CCACHE_MAXSIZE": "1G",
	}), nil
}

// run calls the builder step by step.
func (b build) run(ctx context.Context, j job, env config.Environment) error {
	for _, s := range b.builder.steps(j) {
		call := command.Command{Path: s.argv[0], Args: s.argv[1:], Dir: s.dir, Env: env.With(s.env).List(), Log: b.Log}
		if s.dry != nil {
			dry := call
			dry.Args, dry.Log = s.dry[1:], nil
			if found, err := j.installs(ctx, dry); err != nil {
				return err
			} else if !found {
				b.Log.Bullet("The Makefile has no target install that heeds DESTDIR or PREFIX: what was built is taken")
				continue
			}
		}
		done := b.Log.Phase("Running %s", s.title)
		if err := command.Run(ctx, call); err != nil {
			return b.explain(ctx, j, s, err)
		}
		done()
	}
	return nil
}

// noInstall matches what make says of a Makefile without a target install. A folder below or a file that the target needs is another
// matter.
var noInstall = regexp.MustCompile(`^make: \*\*\* No rule to make target 'install'\.`)

// installs reports whether a dry run of make install names where the job installs. It does so, too, where the dry run fails for another
// reason than that there is no target: make install itself fails and says why, or does what cannot be tried dry.
func (j job) installs(ctx context.Context, dry command.Command) (bool, error) {
	out, err := command.Output(ctx, dry)
	failed, ok := errors.AsType[*command.Error](err)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case ok:
		return !slices.ContainsFunc(failed.Tail, noInstall.MatchString), nil
	case err != nil:
		return false, err
	}
	return bytes.Contains(out, []byte(j.staging)) || bytes.Contains(out, []byte(j.prefix)), nil
}
