package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// LifecycleImage returns an image of the lifecycle alone, which kpack takes as a ClusterLifecycle: it reads these labels and the
// last layer.
func (b *Builder) LifecycleImage(ctx context.Context) (v1.Image, error) {
	content, err := b.lifecycleLayer(ctx)
	if err != nil {
		return nil, err
	}
	lc := b.lifecycle
	return b.image(map[string]any{
		"io.buildpacks.builder.metadata": map[string]lifecycleLabel{"lifecycle": {lc.Lifecycle.Version, lc.API, lc.APIs}},
		"io.buildpacks.lifecycle.apis":   lc.APIs,
	}, map[string]string{"io.buildpacks.lifecycle.version": lc.Lifecycle.Version}, content)
}

// StoreImage returns an image of all buildpacks, which kpack takes as a ClusterStore: a layer for each, and nothing else. A
// ClusterBuilder has only those that its order names. So the first program of each that runs is a script, which says what that order lacks.
func (b *Builder) StoreImage(ctx context.Context) (v1.Image, error) {
	var layers []blob
	label := map[string]map[string]provided{}
	for _, bp := range b.buildpacks {
		content, err := b.storedLayer(ctx, bp)
		if err != nil {
			return nil, err
		}
		layers = append(layers, content)
		label[bp.Info.ID] = map[string]provided{bp.Info.Version: bp.provided(content)}
	}
	return b.image(map[string]any{
		"io.buildpacks.buildpack.layers":      label,
		"io.buildpacks.buildpackage.metadata": info{ID: suiteID, Version: b.Version(), Name: "Strata", Description: b.Config.Description},
	}, nil, layers...)
}

// storedLayer makes the layer of a buildpack that may be without the first one, which has the programs.
func (b *Builder) storedLayer(ctx context.Context, bp buildpack) (blob, error) {
	first := b.buildpacks[0]
	if bp.Info.ID == first.Info.ID {
		return b.suiteLayer(ctx)
	}
	files := bp.linked(first)
	for i, f := range files {
		if f.name == "bin/detect" {
			files[i] = file(f.name, 0o755, fmt.Appendf(nil, `#!/bin/sh
program=${0%%/*}/%s
if [ -x "$program" ]; then exec "$program" "$@"; fi
echo "error: %s %s needs %s %s; add it to the order of the builder, before all others" >&2
exit 1
`, path.Join(path.Dir(f.target), "detect"), bp.Info.ID, bp.Info.Version, first.Info.ID, first.Info.Version))
		}
	}
	return pack("/", bp.layer(files))
}

// image returns an image of layers. Values of values become labels as JSON.
func (b *Builder) image(values map[string]any, labels map[string]string, layers ...blob) (v1.Image, error) {
	all := maps.Clone(labels)
	if all == nil {
		all = map[string]string{}
	}
	for name, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("internal error: writing label %s: %w", name, err)
		}
		all[name] = string(text)
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(img, &v1.ConfigFile{
		OS: "linux", Architecture: b.arch, Created: v1.Time{Time: modTime()}, Config: v1.Config{Labels: all},
	})
	if err != nil {
		return nil, fmt.Errorf("describing an image: %w", err)
	}
	return appended(img, layers...)
}

func appended(img v1.Image, layers ...blob) (v1.Image, error) {
	var adds []mutate.Addendum
	for _, content := range layers {
		layer, err := content.layer()
		if err != nil {
			return nil, fmt.Errorf("adding a layer: %w", err)
		}
		adds = append(adds, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: modTime()}, CreatedBy: "strata"}})
	}
	img, err := mutate.Append(img, adds...)
	if err != nil {
		return nil, fmt.Errorf("adding layers: %w", err)
	}
	return img, nil
}

// toolsDir is where a build image has tools that no build installs again. Some have their own path in scripts, which is that of strata
// build. kpack mounts a volume at /cache in phases that run no buildpack.
const toolsDir = "cache/tools"

// Tools are what build images have beside what they are made of. The zero value is none.
type Tools struct{ layers []blob }

// Configured returns a build image with variables for all builds (Platform API, build-config) and with tools. A name
// in env may have a suffix: without one it is a default, and with .override it goes before what an app or a user says.
func Configured(img v1.Image, env map[string]string, tools Tools) (v1.Image, error) {
	env = maps.Clone(env)
	layers := slices.Clone(tools.layers)
	if len(layers) > 0 {
		env["BP_TOOLS_DIR.override"] = "/" + toolsDir
	}
	content, err := pack("/", slices.Concat([]entry{folder("cnb/build-config"), folder("cnb/build-config/env")}, environment(env)))
	if err != nil {
		return nil, err
	}
	return appended(img, append(layers, content)...)
}

// PackTools packs folders of tools, in the order of their names. They have hundreds of megabytes: the best compression takes twelve
// times as long as the default one, and saves 4 %.
func PackTools(folders ...string) (Tools, error) {
	if len(folders) == 0 {
		return Tools{}, nil
	}
	folders = slices.SortedFunc(slices.Values(folders), func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	p, err := newPacker("/", gzip.DefaultCompression)
	if err != nil {
		return Tools{}, err
	}
	for _, dir := range []string{path.Dir(toolsDir), toolsDir} {
		if err := p.add(folder(dir)); err != nil {
			return Tools{}, err
		}
	}
	for _, dir := range folders {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			inside, err := filepath.Rel(filepath.Dir(dir), name)
			if err != nil {
				return err
			}
			e, err := toolEntry(name, d)
			e.name = path.Join(toolsDir, filepath.ToSlash(inside))
			if err != nil {
				return err
			}
			return p.add(e)
		})
		if err != nil {
			return Tools{}, fmt.Errorf("packing the tool %s: %w", filepath.Base(dir), err)
		}
	}
	content, err := p.finish()
	return Tools{[]blob{content}}, err
}

// toolEntry is a file of a tool with its bytes, a folder or a link.
func toolEntry(name string, d fs.DirEntry) (entry, error) {
	switch info, err := d.Info(); {
	case err != nil:
		return entry{}, err
	case d.IsDir():
		return folder(""), nil
	case d.Type() == fs.ModeSymlink:
		target, err := os.Readlink(name)
		return symlink("", 0o777, target), err
	case d.Type().IsRegular():
		mode := int64(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		data, err := os.ReadFile(name)
		return file("", mode, data), err
	}
	return entry{}, fault.Internal("%s is neither a file nor a folder nor a link", name)
}
