package golang

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/golang/missing"
	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	gcc "github.com/strata-buildpacks/strata/buildpacks/kit/compiler"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/launchhelper"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tool"
	"github.com/strata-buildpacks/strata/buildpacks/kit/upx"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// recipe changes when the same inputs give other binaries or another SBOM.
const recipe = 4

// key is everything that the layer of binaries depends on.
type key struct {
	Recipe  int                `json:"recipe"`
	Go      string             `json:"go"`
	Source  string             `json:"source"`
	VCS     string             `json:"vcs"`
	Targets []target           `json:"targets"`
	Flags   []string           `json:"flags"`
	LDFlags string             `json:"ldflags"`
	Env     config.Environment `json:"env"`
	WorkUse []string           `json:"workUse"`
	Cgo     string             `json:"cgo"`
	Target  [4]string          `json:"target"` // os, arch, variant, distro

	Compiler  string `json:"compiler,omitempty"`  // of packages in C, if there are any
	Debian    string `json:"debian,omitempty"`    // packages that they are compiled with
	UPX       string `json:"upx,omitempty"`       // what packs the binaries
	Unvouched bool   `json:"unvouched,omitempty"` // nothing vouches for this Go
}

// decision is what a build does, known before it does anything.
type decision struct {
	settings
	lock      lock.Lock
	mods      modules
	choice    version.Choice
	finder    finder
	selection selection
	keep      keep.Patterns
	compiling gcc.Mode
	compiler  string // its version, "" without cgo
	debian    debian.Packages
	packer    upx.Packer
}

func decide(ctx context.Context, in bp.BuildContext) (decision, error) {
	var d decision
	if err := in.Config.Decode(&d.settings); err != nil {
		return d, err
	}
	var err error
	all := parseFlags(d.Flags)
	if d.linker, err = all.linker(d.LDFlags); err != nil {
		return d, err
	}
	d.flags = all.without("ldflags")
	if err := d.decideNative(ctx, in); err != nil {
		return d, err
	}
	if d.keep, err = keep.Parse(d.KeepFiles); err != nil {
		return d, err
	}
	if d.packer, err = upx.Asked(in.Config); err != nil {
		return d, err
	}
	if d.lock, err = lock.Read(lockFile); err != nil {
		return d, err
	}
	if d.mods, err = readModules(in.AppDir, d.WorkUse); err != nil {
		return d, err
	}
	patch := func(minor string) (string, error) { return newestListed(ctx, in.Workspace, minor) }
	if d.choice, err = chooseVersion(in.AppDir, d.Version, d.mods, d.lock, patch); err != nil {
		return d, err
	}
	members := d.mods.Members
	if d.mods.File == "" {
		bare, err := bareModule(in.AppDir)
		if err != nil {
			return d, err
		}
		members = []member{bare}
	}
	d.finder = newFinder(in.AppDir, members, d.choice.Version, in.Target.Arch, d.flags.tags())
	if len(d.Targets) == 0 {
		d.Targets = d.mods.Install
	}
	d.selection, err = d.finder.find(d.Targets)
	return d, err
}

// decideNative decides with what packages in C are compiled, if there are any.
func (d *decision) decideNative(ctx context.Context, in bp.BuildContext) error {
	libc, _ := in.Target.Libc()
	err := checkMode(d.Cgo, libc)
	if err == nil {
		err = d.flags.check(libc, d.Cgo)
	}
	if err != nil || d.Cgo == cgoOff {
		return err
	}
	if d.compiling, err = gcc.Asked(in.Config); err != nil {
		return err
	}
	if d.compiler, err = gcc.Version(in.Target.Arch, d.compiling); err != nil {
		return err
	}
	d.debian, err = debian.Open(ctx, in)
	return err
}

// Build compiles the app into the launch layer "targets" and empties the app's
// folder. An unchanged app costs no more than reading its source.
func Build(ctx context.Context, in bp.BuildContext) (bp.BuildResult, error) {
	d, err := decide(ctx, in)
	if err != nil {
		return bp.BuildResult{}, err
	}
	in.Log.Decision("Go", d.choice.Version, d.choice.Reason)
	src, err := hashSource(in.AppDir)
	if err != nil {
		return bp.BuildResult{}, err
	}
	g := &compiler{settings: d.settings, dir: in.AppDir, finder: d.finder, targets: d.selection.Targets, log: in.Log}
	g.vendored = d.mods.vendored(in.AppDir)
	g.env = g.environment(in.Workspace, os.DevNull) // enough to ask git
	repo := readRepository(ctx, in.AppDir, g.env, in.Log)
	g.stamp, g.filters = repo.State != "", repo.Filters
	describe(in, d, repo)

	k := key{
		Recipe: recipe, Go: d.choice.Version, Source: src.All, VCS: digest(repo.State), Targets: d.selection.Targets, Flags: d.flags.words(),
		LDFlags: d.linker, Env: in.Env.Only(shaping...), WorkUse: d.WorkUse, Cgo: d.Cgo,
		Target:   [4]string{in.Target.OS, in.Target.Arch, in.Target.Variant, in.Target.Distro},
		Compiler: d.compiler, Debian: d.debian.Key(), UPX: d.packer.Key(),
		Unvouched: toolchain{Choice: d.choice, lock: d.lock, sumdb: in.Env["GOSUMDB"], unverified: d.Unverified}.unvouched(),
	}
	imports := k
	imports.Source, imports.VCS, imports.Cgo, imports.Compiler, imports.Debian, imports.UPX = src.Imports, "", "", "", "", ""
	g.imports, g.linked = digest(fmt.Sprintf("%+v", imports)), src.Linked

	var toolchains string
	caches := []struct {
		name string
		path *string
	}{{"go", &toolchains}, {"go-mod", &g.modCache}, {"go-build", &g.buildCache}}
	for _, c := range caches {
		if *c.path, err = in.Cache(ctx, c.name); err != nil {
			return bp.BuildResult{}, err
		}
	}
	if err := d.warnMissing(in, filepath.Join(g.buildCache, "strata-missing.json"), digest(fmt.Sprintf("%+v", k))); err != nil {
		return bp.BuildResult{}, err
	}
	out, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "targets", Flags: layer.Flags{Launch: true}, Key: k,
		Fill: func(ctx context.Context, l *layer.Layer) error { return g.fill(ctx, in, d, toolchains, l) },
	})
	if err != nil {
		return bp.BuildResult{}, err
	}
	if err := d.keep.Clear(in.AppDir, in.Log, procfile.Name); err != nil {
		return bp.BuildResult{}, err
	}
	bin := filepath.Join(out.Path, "bin")
	list := processes(d.selection.Targets, bin)
	if d.Reload {
		list = launchhelper.Reload(in, list, in.AppDir, bin)
	}
	return bp.BuildResult{Processes: list}, nil
}

// describe prints the decisions before anything is done.
func describe(in bp.BuildContext, d decision, repo repository) {
	for i, t := range d.selection.Targets {
		why := t.Package
		if i == 0 {
			why += ", default"
		}
		in.Log.Decision("Binary", t.Binary, why)
	}
	if path, bare := d.finder.bare(); bare {
		in.Log.Warn("there is no go.mod: the app is built as the module %s; make one with go mod init %s", path, path)
	}
	if d.mods.unsummed(in.AppDir, in.Env) {
		in.Log.Warn("there is no go.sum: the checksum database vouches for modules; make one with go mod tidy, and commit it")
	}
	if len(d.selection.Left) > 0 {
		in.Log.Decision("Not built", enumerate(d.selection.Left), "BP_GO_TARGETS names what is built")
	}
	for _, err := range d.selection.Broken {
		in.Log.Warn("%v: the file does not parse, so its folder is taken for no program; BP_GO_TARGETS names what is built", err)
	}
	warnSubstitutes(in.Env, in.Target, in.Log)
	if d.flags.last("mod") == "mod" {
		in.Log.Warn("-mod=mod may take versions of modules that go.mod and go.sum do not name; run go mod tidy, and leave it out")
	}
	flags := append([]string{"-trimpath", "-ldflags=" + d.linker}, d.flags.words()...)
	in.Log.Decision("Flags", strings.Join(flags, " "), "BP_GO_CGO="+d.Cgo)
	switch {
	case repo.State != "":
		in.Log.Decision("Version", "stamped from git", "")
	case repo.Why != "":
		in.Log.Warn("not stamped with a version: %s", repo.Why)
	}
	for _, t := range d.selection.Targets {
		if _, err := os.Stat(filepath.Join(in.AppDir, t.Package, "default.pgo")); err == nil {
			in.Log.Decision("Profile", filepath.ToSlash(filepath.Join(t.Package, "default.pgo")), "used by the compiler for "+t.Binary)
		}
	}
}

// warnMissing says which files of the app the programs may read when they run, and how to keep them. It reads the source again where
// the file of a cache has no answer for the key of what is built.
func (d decision) warnMissing(in bp.BuildContext, file, key string) error {
	files := answer[missing.Files]{Key: digest(fmt.Sprintf("%s %s %q", in.Buildpack.Version, key, d.KeepFiles))}
	if !files.recall(file) {
		var err error
		if files.Value, err = missing.Find(in.AppDir, d.finder.linked(d.selection.Targets), d.keep); err != nil {
			return err
		}
		if err := writeJSON(file, files); err != nil {
			return fmt.Errorf("keeping what the source names: %w", err)
		}
	}
	if len(files.Value.Patterns) == 0 {
		return nil
	}
	const shown = 6
	places := files.Value.Places
	if more := len(places) - shown; more > 0 {
		places = append(places[:shown:shown], fmt.Sprintf("%d more", more))
	}
	in.Log.Warn("the source names files that the image will not have: %s", strings.Join(places, ", "))
	in.Log.Warn("if the programs read them when they run, set %s=%s", keep.Variable,
		strings.Join(slices.Concat(d.KeepFiles, files.Value.Patterns), ":"))
	return nil
}

// fill makes the layer of binaries.
func (g *compiler) fill(ctx context.Context, in bp.BuildContext, d decision, toolchains string, l *layer.Layer) error {
	home, remove, err := command.Home()
	if err != nil {
		return err
	}
	defer remove()
	netrc, err := bindNetrc(in.Workspace, home)
	if err != nil {
		return err
	}
	t, err := newToolchain(in.Workspace, d.lock, d.choice, d.Unverified)
	if err != nil {
		return err
	}
	if g.goroot, err = t.install(ctx, in.Workspace, toolchains); err != nil {
		return err
	}
	g.shared = hasStandard(g.goroot, in.Target)
	g.env = g.environment(in.Workspace, home)
	if netrc {
		g.env["NETRC"] = filepath.Join(home, ".netrc")
	}
	if path, bare := g.finder.bare(); bare {
		flag, err := overlay(home, path, in.AppDir, d.choice.Version)
		if err != nil {
			return err
		}
		g.env["GOFLAGS"] += " " + flag
	}
	if d.mods.unsummed(in.AppDir, in.Env) {
		if err := g.sum(ctx, home); err != nil {
			return err
		}
	}
	if g.env["GOWORK"], err = workspace(d.mods, in.AppDir, home, d.choice.Version); err != nil {
		return err
	}
	bin := filepath.Join(l.Path, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	if err := g.build(ctx, in, d, bin); err != nil {
		return err
	}
	if l.SBOM, err = g.bill(bin); err != nil {
		return err
	}
	return d.packer.Pack(ctx, in, bin)
}

// bindNetrc puts the .netrc of a binding where the go command, git and curl look for it, and reports whether there is one.
func bindNetrc(in bp.Workspace, home string) (bool, error) {
	file, err := tool.Netrc(in)
	if err != nil || file == "" {
		return false, err
	}
	in.Log.Decision("Credentials", "binding "+filepath.Base(filepath.Dir(file)), "netrc")
	return true, os.Symlink(file, filepath.Join(home, ".netrc"))
}

// workspace returns the value of GOWORK: a file outside of the source for
// BP_GO_WORK_USE, the app's own go.work, or off.
func workspace(m modules, appDir, home, goVersion string) (string, error) {
	switch m.File {
	case "go.work":
		return filepath.Join(appDir, "go.work"), nil
	case "BP_GO_WORK_USE":
	default:
		return "off", nil
	}
	lang := m.Go
	if lang == "" {
		lang = goVersion
	}
	var text strings.Builder
	text.WriteString("go " + lang + "\n")
	for _, one := range m.Members {
		fmt.Fprintf(&text, "use %q\n", filepath.Join(appDir, filepath.FromSlash(one.Dir)))
	}
	file := filepath.Join(home, "go.work")
	return file, os.WriteFile(file, []byte(text.String()), 0o644)
}

// bill lists what the binaries were linked from.
func (g *compiler) bill(bin string) (*sbom.Document, error) {
	found := openLicences(g.finder, g.modCache)
	var documents []sbom.Document
	for _, t := range g.targets {
		document, err := sbom.FromGoBinary(filepath.Join(bin, t.Binary), found.of)
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	if g.native != nil {
		linked, err := g.native.components()
		if err != nil {
			return nil, err
		}
		for _, c := range linked {
			documents[0].Subject.Dependencies = append(documents[0].Subject.Dependencies, c.Ref())
		}
		documents = append(documents, sbom.Document{Components: linked})
	}
	all := documents[0]
	if len(documents) > 1 {
		all = sbom.Merge(documents[0].Subject, documents...)
	}
	return &all, found.save()
}

// processes returns one process for each binary, and "web" for the default one
// unless a binary has that name already.
func processes(targets []target, bin string) []bp.Process {
	var list []bp.Process
	web := slices.IndexFunc(targets, func(t target) bool { return t.Binary == "web" })
	for i, t := range targets {
		command := []string{filepath.Join(bin, t.Binary)}
		list = append(list, bp.Process{Type: processType(t.Binary, list), Command: command, Default: i == web})
		if i == 0 && web < 0 {
			list = append(list, bp.Process{Type: "web", Command: command, Default: true})
		}
	}
	return list
}

// invalid is what a process type must not contain (Buildpack API, "launch.toml").
var invalid = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// processType makes a binary's name valid and unlike those before it.
func processType(name string, taken []bp.Process) string {
	base := invalid.ReplaceAllString(name, "-")
	unique := base
	for i := 2; slices.ContainsFunc(taken, func(p bp.Process) bool { return p.Type == unique }); i++ {
		unique = fmt.Sprintf("%s-%d", base, i)
	}
	return unique
}
