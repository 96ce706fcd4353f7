package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const (
	lifecycleDir    = "cnb/lifecycle"
	lifecycleToml   = "lifecycle.toml"
	lifecycleModule = "github.com/buildpacks/lifecycle"
)

// descriptor is a lifecycle.toml (pack's lifecycle descriptor, RFC 0011 and
// RFC 0049).
type descriptor struct {
	Lifecycle struct {
		Version string `toml:"version" json:"version"`
	} `toml:"lifecycle"`
	API  apiVersions `toml:"api"`
	APIs apis        `toml:"apis"`

	source []byte
}

// apiVersions are the earliest APIs, for platforms that know no other field.
type apiVersions struct {
	Buildpack string `toml:"buildpack" json:"buildpack"`
	Platform  string `toml:"platform" json:"platform"`
}

type apis struct {
	Buildpack apiSet `toml:"buildpack" json:"buildpack"`
	Platform  apiSet `toml:"platform" json:"platform"`
}

type apiSet struct {
	Deprecated []string `toml:"deprecated" json:"deprecated"`
	Supported  []string `toml:"supported" json:"supported"`
}

func (s apiSet) has(version string) bool {
	return slices.Contains(s.Supported, version) || slices.Contains(s.Deprecated, version)
}

// readDescriptor reads the descriptor of the pinned lifecycle, which must be
// the version that builder.toml names.
func readDescriptor(root, version string) (descriptor, error) {
	const path = "builder/lifecycle/" + lifecycleToml
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return descriptor{}, fmt.Errorf("reading the lifecycle's descriptor: %w", err)
	}
	d := descriptor{source: data}
	if err := toml.Unmarshal(data, &d); err != nil {
		return descriptor{}, fmt.Errorf("reading %s: %w", path, err)
	}
	if d.Lifecycle.Version != version {
		return descriptor{}, fault.Fault{
			ID:   "builder-lifecycle",
			What: fmt.Sprintf("builder.toml asks for lifecycle %s, builder/lifecycle pins %s", version, d.Lifecycle.Version),
			Do:   "see builder/lifecycle/README.md for how to change it",
		}
	}
	return d, nil
}

// lifecycleLayer compiles the lifecycle and its launcher and lays them out as
// the platform looks for them. "lifecycle" is every phase, told apart by name.
func (b *Builder) lifecycleLayer(ctx context.Context) (blob, error) {
	ldflags := b.lifecycleFlags()
	return b.compiledLayer("lifecycle", b.arch, []string{ldflags}, []string{"builder/lifecycle"}, func() (entries []entry, err error) {
		b.Progress("compiling lifecycle " + b.lifecycle.Lifecycle.Version)
		err = b.compiler.build(ctx, filepath.Join(b.Root, "builder/lifecycle"), ldflags, func(dir string) error {
			entries, err = b.lifecycleEntries(dir)
			return err
		}, lifecycleModule+"/cmd/launcher", lifecycleModule+"/cmd/lifecycle")
		return entries, err
	})
}

// lifecycleFlags are the flags of the linker for programs of the lifecycle.
func (b *Builder) lifecycleFlags() string {
	return fmt.Sprintf("-s -w -buildid= -X %[1]s/cmd.Version=%[2]s -X %[1]s/cmd.SCMRepository=%[1]s",
		lifecycleModule, b.lifecycle.Lifecycle.Version)
}

// described returns programs in a folder of the builder, each beside its bills of materials, in the order of their names.
func described(binaries, dir string, names ...string) ([]entry, error) {
	var entries []entry
	for _, name := range names {
		path := filepath.Join(binaries, name)
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("adding the %s: %w", name, err)
		}
		entries = append(entries, file(dir+"/"+name, 0o755, data))
		boms, err := billsOfMaterials(path)
		if err != nil {
			return nil, fmt.Errorf("describing the %s: %w", name, err)
		}
		for extension, bom := range boms {
			entries = append(entries, file(dir+"/"+name+extension, 0o644, bom))
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return entries, nil
}

func (b *Builder) lifecycleEntries(binaries string) ([]entry, error) {
	entries, err := described(binaries, lifecycleDir, "launcher", "lifecycle")
	if err != nil {
		return nil, err
	}
	for _, phase := range []string{"analyzer", "builder", "creator", "detector", "exporter", "rebaser", "restorer"} {
		entries = append(entries, symlink(lifecycleDir+"/"+phase, 0o777, "lifecycle"))
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	before := symlink("lifecycle", 0o644, "/"+lifecycleDir) // where platforms looked before CNB 1.0
	return slices.Concat([]entry{folder(lifecycleDir)}, entries, []entry{before}), nil
}
