package export

import (
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
)

// appName is the app's folder in an image.
const appName = "/workspace"

// slice divides the app's folder into one layer for each slice and one for the rest (platform.md, "Exporter"). A file is in
// the first slice that has it. Each layer has the folders above its files, too.
func slice(host string, wanted []cnb.Slice, owner ids) ([]archive, error) {
	all := map[string]file{}
	err := filepath.Walk(host, func(found string, info fs.FileInfo, err error) error {
		name := appName + strings.TrimPrefix(found, host)
		all[name] = file{name: name, path: found, info: info, uid: owner.uid, gid: owner.gid}
		return err
	})
	if err != nil {
		return nil, err
	}
	rest := app{files: all, taken: map[string]bool{}}
	var layers []archive
	for _, one := range wanted {
		layer, err := rest.take(one)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return append(layers, rest.remaining()), nil
}

// app is the app's folder, by the names of its files in the image.
type app struct {
	files map[string]file
	taken map[string]bool // they are in a layer
}

// take takes what a slice matches, and all that is below it.
func (a app) take(one cnb.Slice) (archive, error) {
	names := slices.Sorted(maps.Keys(a.files))
	matched := map[string]bool{}
	for _, pattern := range one.Paths {
		pattern = filepath.Clean(pattern)
		for _, name := range names {
			relative := strings.TrimPrefix(strings.TrimPrefix(name, appName), "/")
			if relative == "" {
				continue
			}
			match, err := filepath.Match(pattern, relative)
			if err != nil {
				return nil, err
			}
			if match {
				a.takeAll(name, names, matched)
			}
		}
	}
	layer := maps.Clone(matched)
	for name := range matched {
		for above := path.Dir(name); strings.HasPrefix(above, appName); above = path.Dir(above) {
			layer[above] = true
		}
	}
	a.takeFull(layer, matched)
	return a.sorted(layer), nil
}

// takeAll takes a file and what is below it, unless it is in a layer already.
func (a app) takeAll(name string, names []string, matched map[string]bool) {
	if a.taken[name] {
		return
	}
	for _, other := range names {
		if (other == name || strings.HasPrefix(other, name+"/")) && !a.taken[other] {
			a.taken[other], matched[other] = true, true
		}
	}
}

// takeFull takes the folders above the files of a slice that have nothing left for another layer.
func (a app) takeFull(layer, matched map[string]bool) {
	above := slices.DeleteFunc(slices.Sorted(maps.Keys(layer)), func(name string) bool { return matched[name] })
	deepest := func(x, y string) int { return strings.Count(y, "/") - strings.Count(x, "/") }
	slices.SortStableFunc(above, deepest)
	for _, dir := range above {
		full := true
		for name := range a.files {
			full = full && (path.Dir(name) != dir || a.taken[name])
		}
		a.taken[dir] = full
	}
}

// remaining returns what no slice has.
func (a app) remaining() archive {
	left := map[string]bool{}
	for name := range a.files {
		if !a.taken[name] {
			left[name] = true
		}
	}
	return a.sorted(left)
}

func (a app) sorted(names map[string]bool) archive {
	var layer archive
	for _, name := range slices.Sorted(maps.Keys(names)) {
		layer = append(layer, a.files[name])
	}
	return layer
}
