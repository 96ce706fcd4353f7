// Package layer keeps or makes the layers of a buildpack.
//
// A layer has a key: a struct that holds everything its content depends on. As long as the key is that of the restored
// layer, the layer stays as it is. Otherwise it is made again.
package layer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Flags says where a layer goes (Buildpack API, "Layer Types"). A layer that is only Launch is reused from the previous
// image without its content: it is neither on disk nor in the cache.
type Flags struct {
	Launch bool // in the app image
	Build  bool // its bin, lib and environment are seen by later buildpacks
	Cache  bool // kept for the next build
}

// Layer is a folder that becomes a layer. A fill function writes below Path and may set the rest.
type Layer struct {
	Name      string
	Path      string
	Flags     Flags
	Reused    bool // nothing was made; Path may be missing if the layer is only Launch
	Key       string
	BuildEnv  Env
	LaunchEnv Env
	SBOM      *sbom.Document    // what is in the layer, for CycloneDX and SPDX files
	Contents  Contents          // what processes find in a launch layer
	Runtime   *runtimes.Runtime // which runtime the layer is; nil for none
	Needs     []runtimes.Need
	Shown     int // the recipe of the later buildpack that looked into launch layers in the build; 0 for none
}

// Request describes the layer that is wanted. Key is a struct that encoding/json can encode; its fields are what the
// content depends on.
type Request struct {
	Name  string
	Flags Flags
	Key   any
	Needs []runtimes.Need // runtimes of the image that the content depends on, beside the key
	Fill  func(context.Context, *Layer) error
}

// Dir is the folder of one buildpack's layers, CNB_LAYERS_DIR.
type Dir struct {
	path   string
	log    *report.Log
	layers []*Layer
	shown  int // as Layer.Shown
}

// Open returns the layers folder at path. Nothing is read or written yet.
func Open(path string, log *report.Log) *Dir {
	return &Dir{path: path, log: log}
}

// Show has a later buildpack look into launch layers, by a recipe that is not 0. A layer that none has looked into by that recipe is made
// again: it has no content otherwise.
func (d *Dir) Show(recipe int) { d.shown = recipe }

// Path returns the folder that holds the layers.
func (d *Dir) Path() string { return d.path }

// Layers returns what was contributed so far, in that order.
func (d *Dir) Layers() []*Layer { return d.layers }

// Contribute keeps the restored layer if its key is the requested one, or else empties the folder and fills it. When
// Fill fails, the folder and its metadata are removed.
func (d *Dir) Contribute(ctx context.Context, r Request) (*Layer, error) {
	if slices.Contains([]string{"launch", "build", "store"}, r.Name) && r.Flags.Launch {
		return nil, fmt.Errorf("layer %s has the name of a file of the buildpack: no image would have it", r.Name)
	}
	key, err := json.Marshal(r.Key)
	if err != nil {
		return nil, fmt.Errorf("encoding key of layer %s: %w", r.Name, err)
	}
	l := &Layer{
		Name: r.Name, Path: filepath.Join(d.path, r.Name), Flags: r.Flags, Key: string(key), Needs: r.Needs, Shown: d.shown,
		BuildEnv: Env{}, LaunchEnv: Env{},
	}
	l.Reused, err = d.restored(l)
	if err != nil {
		return nil, err
	}
	if l.Reused {
		d.log.Bullet("Layer %s: reused", l.Name)
	} else if err := d.fill(ctx, l, r.Fill); err != nil {
		return nil, errors.Join(err, d.remove(l))
	}
	d.layers = append(d.layers, l)
	return l, nil
}

// metadata is what the build before told of a layer.
type metadata struct {
	Key      string   `toml:"key"`
	Contents Contents `toml:"contents"`

	Runtime *runtimes.Runtime `toml:"runtime"`
	Needs   []runtimes.Need   `toml:"needs"`
	Shown   string            `toml:"shown_to"` // a number as text: from the label of an image, JSON, a number comes back as another type
}

// before reads what the lifecycle restored of a layer's metadata, and reports whether there is any.
func (d *Dir) before(name string) (metadata, bool, error) {
	var file struct {
		Metadata metadata `toml:"metadata"`
	}
	_, err := tree.ReadTOML(filepath.Join(d.path, name+".toml"), &file)
	if errors.Is(err, fs.ErrNotExist) {
		return metadata{}, false, nil
	}
	if err != nil {
		return metadata{}, false, fmt.Errorf("reading metadata of layer %s: %w", name, err)
	}
	return file.Metadata, true, nil
}

// Allow notes which versions of the layer's runtime the app allows, as it writes them. What is too long to note allows no other one.
func (l *Layer) Allow(asked string) {
	if l.Runtime == nil {
		return
	}
	allowed := *l.Runtime
	if allowed.Asked = asked; !allowed.Fits() {
		allowed.Asked = l.Runtime.Version
	}
	l.Runtime = &allowed
}

// KeyBefore decodes the key of a layer of the build before, before the layer is contributed. It reports whether there is one of the form,
// for the same runtimes.
func (d *Dir) KeyBefore(name string, key any, needs ...runtimes.Need) (bool, error) {
	about, found, err := d.before(name)
	return found && slices.Equal(about.Needs, needs) && json.Unmarshal([]byte(about.Key), key) == nil, err
}

// restored reports whether the layer that the lifecycle restored is the one that is wanted.
func (d *Dir) restored(l *Layer) (bool, error) {
	about, found, err := d.before(l.Name)
	if err != nil || !found {
		return false, err
	}
	if about.Key != l.Key {
		d.log.Debug("layer %s is made again: its key differs in %s", l.Name, changed(about.Key, l.Key))
		return false, nil
	}
	if !slices.Equal(about.Needs, l.Needs) {
		d.log.Debug("layer %s is made again: it was made for another version of a runtime", l.Name)
		return false, nil
	}
	if d.shown > 0 && strconv.Itoa(d.shown) != about.Shown && l.Flags.Launch {
		d.log.Debug("layer %s is made again: a later buildpack looks into it", l.Name)
		return false, nil
	}
	l.Contents, l.Runtime = about.Contents, about.Runtime
	if !l.Flags.Build && !l.Flags.Cache {
		return true, nil
	}
	// The metadata may come from the previous image while the cache, and with it the content, is gone.
	info, err := os.Stat(l.Path)
	if errors.Is(err, fs.ErrNotExist) {
		d.log.Debug("layer %s is made again: the cache does not have it", l.Name)
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

func (d *Dir) fill(ctx context.Context, l *Layer, fill func(context.Context, *Layer) error) error {
	if err := d.remove(l); err != nil {
		return err
	}
	if err := os.MkdirAll(l.Path, 0o755); err != nil {
		return fmt.Errorf("making layer %s: %w", l.Name, err)
	}
	if err := fill(ctx, l); err != nil {
		return err
	}
	if l.Flags.Launch {
		if err := d.clearSpecial(l); err != nil {
			return err
		}
		contents, err := contentsOf(l)
		if err != nil {
			return err
		}
		l.Contents = contents
	}
	if l.SBOM == nil {
		return nil
	}
	return l.SBOM.WriteFiles(l.Path)
}

// remove deletes the layer's folder, metadata and SBOM files.
func (d *Dir) remove(l *Layer) error {
	paths := []string{l.Path, l.Path + ".toml"}
	for _, suffix := range sbom.Suffixes() {
		paths = append(paths, l.Path+suffix)
	}
	for _, path := range paths {
		if err := tree.Remove(path); err != nil {
			return fmt.Errorf("emptying layer %s: %w", l.Name, err)
		}
	}
	return nil
}
