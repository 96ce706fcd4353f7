// Package compose makes the builder image: the build image, the lifecycle, the
// suite's one binary, its buildpacks and the order they are tried in, laid out
// and labelled as "pack builder create" would, without Docker.
package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Options is what a builder is made from. All except Progress are needed.
type Options struct {
	Root       string            // folder of builder.toml, go.mod and buildpacks/
	Config     Config            // of Root/builder.toml
	BuildImage v1.Image          // what Config.Build.Image names; its architecture is the builder's
	CacheDir   string            // kept between runs; safe to delete
	Environ    []string          // for the Go command, as of os.Environ
	Progress   func(step string) // told of each step that takes seconds
}

// Builder is what was read of a builder that can be made.
type Builder struct {
	Options
	arch       string
	distro     Distro // of the build image; empty when it declares none
	uid, gid   int
	compiler   compiler
	cache      cache
	compiled   *Compiled // of an installed suite, nil of a checkout
	lifecycle  descriptor
	patch      string      // of the version of every buildpack
	buildpacks []buildpack // those of builder.toml, then the members of composites
	order      []Group     // with every version
}

// Registries are those that the builder's buildpacks take packages from.
func (b *Builder) Registries() registries.List {
	var all registries.List
	for _, bp := range b.buildpacks {
		all = append(all, bp.registries...)
	}
	return all
}

// Image composes the builder image with variables that it keeps for builds, such as GOPROXY (Platform API, build-config).
// The same input gives the same digest on every machine. The bytes of the layers are in memory.
func (b *Builder) Image(ctx context.Context, env map[string]string) (v1.Image, error) {
	adds, layers, err := b.layers(ctx, env)
	if err != nil {
		return nil, err
	}
	base, err := b.BuildImage.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the build image: %w", err)
	}
	config := *base.Config.DeepCopy()
	config.WorkingDir = "/layers"
	if config.Labels, err = b.labels(config.Labels, layers); err != nil {
		return nil, err
	}
	img, err := mutate.Append(b.BuildImage, adds...)
	if err != nil {
		return nil, fmt.Errorf("adding the builder's layers: %w", err)
	}
	if img, err = mutate.Config(img, config); err != nil {
		return nil, fmt.Errorf("labelling the builder: %w", err)
	}
	return img, nil
}

// Read reads and checks all that a builder is made from, before anything is compiled.
func Read(o Options) (*Builder, error) {
	return read(o, (*Builder).inspect)
}

// read reads a builder for the target that target sets.
func read(o Options, target func(*Builder) error) (*Builder, error) {
	b := &Builder{Options: o, cache: cache{dir: filepath.Join(o.CacheDir, "builder")}}
	if b.Progress == nil {
		b.Progress = func(string) {}
	}
	if err := target(b); err != nil {
		return nil, err
	}
	version, err := b.readSources()
	if err != nil {
		return nil, err
	}
	if b.lifecycle, err = readDescriptor(o.Root, o.Config.Lifecycle.Version); err != nil {
		return nil, err
	}
	if err := b.readBuildpacks(); err != nil {
		return nil, err
	}
	b.compiler = compiler{version: version, arch: b.arch, environ: o.Environ, dir: b.cache.dir}
	return b, nil
}

// readSources reads what compiles the suite, or what has compiled an installed one. It returns the release of Go.
func (b *Builder) readSources() (version string, err error) {
	if b.compiled, err = ReadCompiled(b.Root); err != nil {
		return "", err
	}
	if b.compiled != nil {
		b.patch = b.compiled.Patch
		return b.compiled.Go, nil
	}
	if b.patch, err = patchOf(b.Root); err != nil {
		return "", err
	}
	return pinnedGo(filepath.Join(b.Root, "go.mod"))
}

// inspect learns from the build image what the layers depend on.
func (b *Builder) inspect() error {
	cf, err := b.BuildImage.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading the build image: %w", err)
	}
	b.arch = cf.Architecture
	labels := cf.Config.Labels
	b.distro = Distro{Name: labels["io.buildpacks.base.distro.name"], Version: labels["io.buildpacks.base.distro.version"]}
	wrong := func(what, do string) error {
		return fault.Fault{ID: "builder-build-image", What: "build image " + b.Config.Build.Image + " " + what, Do: do}
	}
	if cf.OS != "linux" || !supports(b.Config.Targets, cf.OS, cf.Architecture, b.distro) {
		return wrong(fmt.Sprintf("is for %s/%s", cf.OS, cf.Architecture), "use one for a target of builder.toml or add the target there")
	}
	const do = "set it in the image's environment to the user or group that builds run as"
	if b.uid, err = numberIn(cf.Config.Env, "CNB_USER_ID"); err != nil {
		return wrong("has no number in CNB_USER_ID", do)
	}
	if b.gid, err = numberIn(cf.Config.Env, "CNB_GROUP_ID"); err != nil {
		return wrong("has no number in CNB_GROUP_ID", do)
	}
	return nil
}

func numberIn(env []string, name string) (int, error) {
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return strconv.Atoi(value)
		}
	}
	return 0, errors.New("not set")
}

// layers makes what is added to the build image, the layer that changes least
// first, and the label that says which layer is which buildpack's.
func (b *Builder) layers(ctx context.Context, env map[string]string) ([]mutate.Addendum, map[string]map[string]provided, error) {
	var adds []mutate.Addendum
	add := func(what string, content blob, err error) error {
		if err != nil {
			return err
		}
		layer, err := content.layer()
		if err != nil {
			return fmt.Errorf("adding the layer of %s: %w", what, err)
		}
		adds = append(adds, mutate.Addendum{Layer: layer, History: v1.History{
			Created: v1.Time{Time: modTime()}, CreatedBy: "strata builder create: " + what,
		}})
		return nil
	}
	small := func(what string, entries ...entry) error {
		content, err := pack("/", entries)
		return add(what, content, err)
	}

	if err := small("folders", b.folders()...); err != nil {
		return nil, nil, err
	}
	content, err := b.lifecycleLayer(ctx)
	if err := add("lifecycle "+b.lifecycle.Lifecycle.Version, content, err); err != nil {
		return nil, nil, err
	}
	label := map[string]map[string]provided{}
	sorted := slices.SortedFunc(slices.Values(b.buildpacks), func(x, y buildpack) int {
		return strings.Compare(x.Info.ID+"@"+x.Info.Version, y.Info.ID+"@"+y.Info.Version) // as pack
	})
	for _, bp := range sorted {
		content, err := b.buildpackLayer(ctx, bp)
		if err := add(bp.Info.ID+" "+bp.Info.Version, content, err); err != nil {
			return nil, nil, err
		}
		label[bp.Info.ID] = map[string]provided{bp.Info.Version: bp.provided(content)}
	}
	settings, err := b.settings()
	if err != nil {
		return nil, nil, err
	}
	for _, s := range settings {
		if err := small(path.Base(s.name), s); err != nil {
			return nil, nil, err
		}
	}
	if err := b.addForeign(ctx, add); err != nil {
		return nil, nil, err
	}
	if len(env) > 0 {
		if err := small("build configuration", environment(env)...); err != nil {
			return nil, nil, err
		}
	}
	return adds, label, small("environment") // empty, as pack's
}

// folders are those that a platform mounts or the lifecycle writes to, in pack's order; the
// first two belong to the user of the build.
func (b *Builder) folders() []entry {
	own := func(e entry) entry { e.uid, e.gid = b.uid, b.gid; return e }
	return []entry{
		own(folder("workspace")), own(folder("layers")),
		folder("cnb"), folder(buildpacksDir), folder("cnb/extensions"),
		folder("platform"), folder("platform/env"),
		folder("cnb/build-config"), folder("cnb/build-config/env"),
	}
}

// buildpackLayer makes the layer of a buildpack. That of the first one has the programs that the others are links to.
func (b *Builder) buildpackLayer(ctx context.Context, bp buildpack) (blob, error) {
	if first := b.buildpacks[0]; bp.Info.ID != first.Info.ID {
		return pack("/", bp.layer(bp.linked(first)))
	}
	return b.suiteLayer(ctx)
}

// programs are what buildpacks put into images, by their packages below buildpacks, and the buildpack that does.
var programs = map[string]string{"launch-helper/launch": helperID, "web/serve": webID}

// suiteLayer makes the layer of the first buildpack: it compiles the multi-call binary and, beside it, the programs that
// buildpacks put into images. They depend on buildpacks/ alone: nothing there may import from outside it.
func (b *Builder) suiteLayer(ctx context.Context) (blob, error) {
	first := b.buildpacks[0]
	return b.compiledLayer("suite", b.arch, []string{suiteFlags, first.Info.ID}, []string{"buildpacks"}, func() (entries []entry, err error) {
		b.Progress("compiling the suite")
		err = b.compiler.build(ctx, b.Root, suiteFlags, func(dir string) error {
			files, err := executables(dir, "")
			entries = first.layer(first.files(suiteBinary, files...))
			return err
		}, append(programPackages(), "./buildpacks/suite")...)
		return entries, err
	})
}

// suiteFlags are the flags of the linker for the suite and for the programs that buildpacks put into images.
const suiteFlags = "-s -w -buildid="

// programPackages returns the packages of the programs that buildpacks put into images.
func programPackages() []string {
	var packages []string
	for name := range programs {
		packages = append(packages, "./buildpacks/"+name)
	}
	slices.Sort(packages)
	return packages
}

// executables returns all files of a folder as programs in a folder of the builder, in the order of their names.
func executables(binaries, dir string) ([]entry, error) {
	made, err := os.ReadDir(binaries)
	if err != nil {
		return nil, err
	}
	var files []entry
	for _, program := range made {
		data, err := os.ReadFile(filepath.Join(binaries, program.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file(path.Join(dir, program.Name()), 0o755, data))
	}
	return files, nil
}

// settings are the files that the lifecycle reads its order and run images from.
func (b *Builder) settings() ([]entry, error) {
	var out []entry
	for _, f := range []struct {
		name  string
		value any
	}{
		{"cnb/order.toml", struct {
			Order []Group `toml:"order"`
		}{b.order}},
		{"cnb/stack.toml", stack{RunImage: b.Config.Run.Images[0]}},
		{"cnb/run.toml", b.Config.Run},
	} {
		var text bytes.Buffer
		if err := toml.NewEncoder(&text).Encode(f.value); err != nil {
			return nil, fmt.Errorf("internal error: writing %s: %w", f.name, err)
		}
		out = append(out, file(f.name, 0o644, text.Bytes()))
	}
	return out, nil
}

// environment holds the build-config variables, apart from all else because it
// is what differs from one machine to the next.
func environment(env map[string]string) []entry {
	var out []entry
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, file("cnb/build-config/env/"+name, 0o644, []byte(env[name])))
	}
	return out
}
