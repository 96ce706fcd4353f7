package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/builder/registries"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// readBuildpacks reads the buildpacks of builder.toml and the members of their composites, and fills in what an order
// leaves out: a member's version, and where it is. Both the lifecycle and pack want each version to be said.
func (b *Builder) readBuildpacks() error {
	for _, ref := range b.Config.Buildpacks {
		bp, err := b.readBuildpack(ref)
		if err != nil {
			return err
		}
		b.buildpacks = append(b.buildpacks, bp)
	}
	if first := b.buildpacks[0]; first.composite() {
		return fault.Fault{
			ID:   "builder-buildpack",
			What: first.Info.ID + " is an order and the first of [[buildpacks]], which has the suite's programs",
			Do:   "put another one first",
		}
	}
	for i := 0; i < len(b.buildpacks); i++ { // a member may be a composite itself
		if err := b.readMembers(b.buildpacks[i]); err != nil {
			return err
		}
	}
	for i, bp := range b.buildpacks {
		if !bp.composite() {
			continue
		}
		var err error
		if bp.Order, err = b.resolve(bp.Order, bp.uri+"/buildpack.toml", "neither [[buildpacks]] nor a folder beside it has"); err != nil {
			return err
		}
		written, err := encode("buildpack.toml", definition{API: bp.API, Buildpack: bp.Info, Order: bp.Order})
		if err != nil {
			return err
		}
		bp.source = written.data
		b.buildpacks[i] = bp
	}
	var err error
	b.order, err = b.resolve(b.Config.Order, "builder.toml", "[[buildpacks]] does not have")
	return err
}

// readMembers reads the members of a composite that are not there yet from the folders beside it.
func (b *Builder) readMembers(composite buildpack) error {
	var missing []string
	for _, group := range composite.Order {
		for _, ref := range group.Group {
			if !slices.ContainsFunc(b.buildpacks, func(bp buildpack) bool { return bp.Info.ID == ref.ID }) {
				missing = append(missing, ref.ID)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	files, err := fs.Glob(os.DirFS(b.Root), path.Join(path.Dir(composite.uri), "*", "buildpack.toml"))
	if err != nil {
		return fmt.Errorf("looking for the members of %s: %w", composite.Info.ID, err)
	}
	for _, file := range files {
		var beside buildpack
		if _, err := toml.DecodeFile(filepath.Join(b.Root, filepath.FromSlash(file)), &beside); err != nil {
			return fault.Fault{ID: "builder-buildpack", What: file + " is not valid TOML", Err: err, Do: "correct the file"}
		}
		if !slices.Contains(missing, beside.Info.ID) {
			continue
		}
		bp, err := b.readBuildpack(BuildpackRef{URI: path.Dir(file)})
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(b.buildpacks, func(other buildpack) bool { return other.Info.ID == bp.Info.ID }); i >= 0 {
			return fault.Fault{
				ID:   "builder-buildpack",
				What: fmt.Sprintf("%s and %s are both buildpack %s", b.buildpacks[i].uri, bp.uri, bp.Info.ID),
				Do:   "remove one of them",
			}
		}
		b.buildpacks = append(b.buildpacks, bp)
	}
	return nil
}

// readBuildpack reads the buildpack that ref names and checks that it is the
// one, and that this lifecycle can run it on this architecture.
func (b *Builder) readBuildpack(ref BuildpackRef) (buildpack, error) {
	uri := path.Clean(filepath.ToSlash(ref.URI))
	name := path.Join(uri, "buildpack.toml")
	wrong := func(what string, err error, do string) (buildpack, error) {
		return buildpack{}, fault.Fault{ID: "builder-buildpack", What: name + what, Err: err, Do: do}
	}
	data, err := os.ReadFile(filepath.Join(b.Root, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return wrong(" is missing", nil, fmt.Sprintf("correct the uri %q in builder.toml", ref.URI))
	}
	if err != nil {
		return buildpack{}, fmt.Errorf("reading a buildpack: %w", err)
	}
	bp := buildpack{uri: uri, source: data}
	if err := toml.Unmarshal(data, &bp); err != nil {
		return wrong(" is not valid TOML", err, "correct the file")
	}
	if bp.registries, err = registries.Read(name, data); err != nil {
		return buildpack{}, err
	}
	switch lc := b.lifecycle; {
	case bp.Info.ID == "" || bp.Info.Version == "":
		return wrong(" lacks an id or a version", nil, "add it")
	case ref.ID != "" && bp.Info.ID != ref.ID:
		return wrong(fmt.Sprintf(" has id %q, builder.toml says %q", bp.Info.ID, ref.ID), nil, "make them agree")
	case ref.Version != "" && bp.Info.Version != ref.Version:
		return wrong(fmt.Sprintf(" has version %q, builder.toml says %q", bp.Info.Version, ref.Version), nil, "make them agree")
	case !lc.APIs.Buildpack.has(bp.API):
		return wrong(fmt.Sprintf(" has api %q, lifecycle %s supports %s", bp.API, lc.Lifecycle.Version,
			strings.Join(lc.APIs.Buildpack.Supported, ", ")), nil, "use one of these")
	case bp.composite() && len(bp.Targets)+len(bp.Stacks) > 0:
		return wrong(" has an order and targets", nil, "leave the targets out: those of its members count")
	case !supports(bp.Targets, "linux", b.arch, b.distro):
		return wrong(fmt.Sprintf(" has no target linux/%s, which the build image is", b.arch), nil, "add the target or use another build image")
	}
	return bp.version(b.patch)
}

// resolve returns an order of a file with every version filled in. The words of without complete the fault for a buildpack
// that is missing.
func (b *Builder) resolve(order []Group, file, without string) ([]Group, error) {
	out := make([]Group, 0, len(order))
	for _, g := range order {
		var refs []GroupRef
		for _, ref := range g.Group {
			i := slices.IndexFunc(b.buildpacks, func(bp buildpack) bool {
				return bp.Info.ID == ref.ID && (ref.Version == "" || ref.Version == bp.written)
			})
			if i < 0 {
				return nil, fault.Fault{
					ID:   "builder-order",
					What: fmt.Sprintf("%s: the order names buildpack %q, which %s", file, ref.name(), without),
					Do:   "add it there or take it out of the order",
				}
			}
			ref.Version = b.buildpacks[i].Info.Version
			refs = append(refs, ref)
		}
		out = append(out, Group{Group: refs})
	}
	return out, nil
}

func (r GroupRef) name() string {
	if r.Version == "" {
		return r.ID
	}
	return r.ID + "@" + r.Version
}
