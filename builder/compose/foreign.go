package compose

import (
	"context"
	"path"
	"path/filepath"
	"slices"
)

// others returns the architectures that the builder makes images for besides its own: those of the targets of builder.toml.
func (b *Builder) others() []string {
	var archs []string
	for _, t := range b.Config.Targets {
		if t.OS == "linux" && t.Arch != "" && t.Arch != b.arch && !slices.Contains(archs, t.Arch) {
			archs = append(archs, t.Arch)
		}
	}
	return archs
}

// addForeign makes a layer for each other architecture and hands it to add.
func (b *Builder) addForeign(ctx context.Context, add func(what string, content blob, err error) error) error {
	for _, arch := range b.others() {
		content, err := b.foreignLayer(ctx, arch)
		if err := add("programs for "+arch, content, err); err != nil {
			return err
		}
	}
	return nil
}

// foreignLayer makes the layer of what comes from the builder into an image of another architecture: the launcher, and the
// programs that buildpacks put into images. Each is in a folder of the architecture's name, beside the one of the builder's own.
func (b *Builder) foreignLayer(ctx context.Context, arch string) (blob, error) {
	first := b.buildpacks[0]
	flags := []string{suiteFlags, b.lifecycleFlags(), first.Info.ID, first.Info.Version}
	return b.compiledLayer("programs", arch, flags, []string{"buildpacks", "builder/lifecycle"}, func() (entries []entry, err error) {
		b.Progress("compiling programs for " + arch)
		foreign := b.compiler
		foreign.arch = arch
		dir := path.Join(lifecycleDir, arch)
		entries = append(entries, folder(dir))
		err = foreign.build(ctx, filepath.Join(b.Root, "builder/lifecycle"), b.lifecycleFlags(), func(binaries string) error {
			launcher, err := described(binaries, dir, "launcher")
			entries = append(entries, launcher...)
			return err
		}, lifecycleModule+"/cmd/launcher")
		if err != nil {
			return nil, err
		}
		dir = path.Join(buildpacksDir, folderName(first.Info.ID), first.Info.Version, "bin", arch)
		entries = append(entries, folder(dir))
		err = foreign.build(ctx, b.Root, suiteFlags, func(binaries string) error {
			files, err := executables(binaries, dir)
			entries = append(entries, files...)
			return err
		}, programPackages()...)
		return entries, err
	})
}
