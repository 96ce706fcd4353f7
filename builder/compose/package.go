package compose

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/klauspost/compress/gzip"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// suiteID is the buildpack that is all the others in the order of builder.toml.
const suiteID = "strata/suite"

// The buildpacks that put programs into images, which are beside the suite's binary.
const (
	helperID = "strata/launch-helper"
	webID    = "strata/web"
)

// parts is the folder of the buildpacks that share the programs of the first one.
const parts = "parts"

// Folders writes what pack makes buildpackages and builders of into a folder that is new or empty: a folder for each
// buildpack, with the programs that it needs, and for the suite, each with a package.toml, the lifecycle as an archive,
// and a builder.toml. That and the suite are made of the buildpacks in the folder parts, which are those of the image.
func (b *Builder) Folders(ctx context.Context, env map[string]string, dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fault.Fault{ID: "builder-folders", What: dir + " is not empty", Do: "name a new or an empty folder"}
	}
	suite, err := b.suiteLayer(ctx)
	if err != nil {
		return err
	}
	compiled, err := suite.files(path.Join(buildpacksDir, folderName(b.buildpacks[0].Info.ID), b.buildpacks[0].Info.Version, "bin"))
	if err != nil {
		return err
	}
	lifecycle, err := b.lifecycleLayer(ctx)
	if err != nil {
		return err
	}
	archive, err := b.lifecycleArchive(lifecycle)
	if err != nil {
		return err
	}
	entries := []entry{file("lifecycle.tgz", 0o644, archive), folder(parts)}
	for i, bp := range b.buildpacks {
		if !bp.composite() { // it needs its members beside it
			entries = append(entries, bp.alone(compiled)...)
		}
		part := bp.linked(b.buildpacks[0])
		if i == 0 {
			part = bp.files(suiteBinary, compiled...)
		}
		entries = append(entries, in(parts+"/"+folderName(bp.Info.ID), part)...)
	}
	composite, err := b.composite()
	if err != nil {
		return err
	}
	config, err := b.packConfig(env)
	if err != nil {
		return err
	}
	return write(dir, slices.Concat(entries, composite, []entry{config}))
}

// alone is the folder of a buildpack that needs nothing beside it.
func (b buildpack) alone(files []entry) []entry {
	needed := slices.DeleteFunc(slices.Clone(files), func(program entry) bool {
		return program.name != suiteBinary && !b.putsIntoImages(program.name)
	})
	all := append(b.files(suiteBinary, needed...), file("package.toml", 0o644, []byte("[buildpack]\nuri = \".\"\n")))
	return in(folderName(b.Info.ID), all)
}

// putsIntoImages reports whether a program is one that this buildpack puts into images.
func (b buildpack) putsIntoImages(program string) bool {
	for name, by := range programs {
		if path.Base(name) == program {
			return by == b.Info.ID
		}
	}
	return false
}

// in is a folder with entries.
func in(dir string, entries []entry) []entry {
	all := []entry{folder(dir)}
	for _, e := range entries {
		e.name = dir + "/" + e.name
		all = append(all, e)
	}
	return all
}

// definition is the buildpack.toml of a composite, with every version.
type definition struct {
	API       string  `toml:"api"`
	Buildpack info    `toml:"buildpack"`
	Order     []Group `toml:"order"`
}

// composite are the files of the suite as one buildpack. The suite is released as one, so its buildpacks have one version.
func (b *Builder) composite() ([]entry, error) {
	type dependency struct {
		URI string `toml:"uri"`
	}
	var packaged struct {
		Buildpack    dependency   `toml:"buildpack"`
		Dependencies []dependency `toml:"dependencies"`
	}
	packaged.Buildpack.URI = "."
	first := b.buildpacks[0]
	all := definition{API: first.API, Order: b.order}
	all.Buildpack = info{ID: suiteID, Name: "Strata", Version: first.Info.Version, Description: b.Config.Description}
	for _, bp := range b.buildpacks {
		if bp.Info.Version != first.Info.Version {
			return nil, fault.Fault{
				ID:   "builder-folders",
				What: fmt.Sprintf("%s has version %s, %s has %s", first.Info.ID, first.Info.Version, bp.Info.ID, bp.Info.Version),
				Do:   "give all buildpacks of the suite one version",
			}
		}
		packaged.Dependencies = append(packaged.Dependencies, dependency{"../" + parts + "/" + folderName(bp.Info.ID)})
	}
	dir := folderName(suiteID)
	entries := []entry{folder(dir)}
	for name, content := range map[string]any{"buildpack.toml": all, "package.toml": packaged} {
		written, err := encode(dir+"/"+name, content)
		if err != nil {
			return nil, err
		}
		entries = append(entries, written)
	}
	return entries, nil
}

// packConfig is a builder.toml of which `pack builder create` makes the builder.
func (b *Builder) packConfig(env map[string]string) (entry, error) {
	type variable struct {
		Name  string `toml:"name"`
		Value string `toml:"value"`
	}
	var config struct {
		Description string         `toml:"description"`
		Buildpacks  []BuildpackRef `toml:"buildpacks"`
		Order       []Group        `toml:"order"`
		Lifecycle   struct {
			URI string `toml:"uri"`
		} `toml:"lifecycle"`
		Build struct {
			Image string     `toml:"image"`
			Env   []variable `toml:"env,omitempty"`
		} `toml:"build"`
		Run RunImages `toml:"run"`
	}
	config.Description, config.Order, config.Run = b.Config.Description, b.Config.Order, b.Config.Run
	config.Lifecycle.URI, config.Build.Image = "lifecycle.tgz", b.Config.Build.Image
	for _, bp := range b.buildpacks {
		ref := BuildpackRef{ID: bp.Info.ID, Version: bp.Info.Version, URI: parts + "/" + folderName(bp.Info.ID)}
		config.Buildpacks = append(config.Buildpacks, ref)
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		config.Build.Env = append(config.Build.Env, variable{name, env[name]})
	}
	return encode("builder.toml", config)
}

func encode(name string, content any) (entry, error) {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(content); err != nil {
		return entry{}, fmt.Errorf("internal error: writing %s: %w", name, err)
	}
	return file(name, 0o644, text.Bytes()), nil
}

// files reads the files of a folder of a layer, named without it.
func (b blob) files(dir string) ([]entry, error) {
	var files []entry
	err := b.each(func(header *tar.Header, content io.Reader) error {
		if header.Typeflag != tar.TypeReg || path.Dir(strings.TrimPrefix(header.Name, "/")) != dir {
			return nil
		}
		data, err := io.ReadAll(content)
		files = append(files, file(path.Base(header.Name), header.Mode, data))
		return err
	})
	return files, err
}

// lifecycleArchive is the layer of the lifecycle as its releases are packed: lifecycle.toml beside the folder lifecycle.
func (b *Builder) lifecycleArchive(layer blob) ([]byte, error) {
	entries := []entry{file(lifecycleToml, 0o644, b.lifecycle.source)}
	err := layer.each(func(header *tar.Header, content io.Reader) error {
		name, inside := strings.CutPrefix(strings.Trim(header.Name, "/"), "cnb/")
		if !inside {
			return nil
		}
		data, err := io.ReadAll(content)
		entries = append(entries, entry{kind: header.Typeflag, name: name, mode: header.Mode, target: header.Linkname, data: data})
		return err
	})
	if err != nil {
		return nil, err
	}
	packed, err := pack("", entries)
	return packed.data, err
}

// each calls read for everything in a layer.
func (b blob) each(read func(*tar.Header, io.Reader) error) error {
	plain, err := gzip.NewReader(bytes.NewReader(b.data))
	if err != nil {
		return fmt.Errorf("reading a layer: %w", err)
	}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = read(header, archive)
		}
		if err != nil {
			return fmt.Errorf("reading a layer: %w", err)
		}
	}
}

// write makes a folder with the entries; it is there whole or not at all.
func write(dir string, entries []entry) error {
	partial := filepath.Clean(dir) + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return fault.Fault{ID: "builder-folders", What: dir + " cannot be made", Err: err, Do: "name a folder where you may write"}
	}
	for _, e := range entries {
		target := filepath.Join(partial, filepath.FromSlash(e.name))
		var err error
		switch e.kind {
		case tar.TypeDir:
			err = os.Mkdir(target, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(e.target, target)
		default:
			if err = os.WriteFile(target, e.data, os.FileMode(e.mode)); err == nil {
				err = os.Chmod(target, os.FileMode(e.mode))
			}
		}
		if err != nil {
			return errors.Join(fmt.Errorf("writing %s: %w", dir, err), os.RemoveAll(partial))
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) { // it is empty
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	return os.Rename(partial, dir)
}
