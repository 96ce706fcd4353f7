package linkage

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// launchLayer is a layer that becomes part of the image. One that is taken from the previous image has no folder; it was checked
// when it was made.
type launchLayer struct {
	folder   string
	there    bool
	Contents layer.Contents
}

// launchLayers returns the layers of all buildpacks that become part of the image, sorted. Root is the parent of their folders.
func launchLayers(root string) ([]launchLayer, error) {
	files, err := filepath.Glob(filepath.Join(root, "*", "*.toml"))
	if err != nil {
		return nil, fmt.Errorf("listing layers of %s: %w", root, err)
	}
	var layers []launchLayer
	for _, file := range files {
		l := launchLayer{folder: strings.TrimSuffix(file, ".toml")}
		if slices.Contains([]string{"launch.toml", "build.toml", "store.toml"}, filepath.Base(file)) {
			continue // of the buildpack, not of a layer
		}
		launch, err := l.read(file)
		if err != nil {
			return nil, fmt.Errorf("reading layer %s: %w", l.folder, err)
		}
		if launch {
			layers = append(layers, l)
		}
	}
	return layers, nil
}

// read reads what is known of a layer, and reports whether it becomes part of the image. Of a layer without a folder, only a
// buildpack of the suite tells what is in it.
func (l *launchLayer) read(file string) (launch bool, err error) {
	var metadata struct {
		Types    struct{ Launch bool }
		Metadata struct{ Contents toml.Primitive }
	}
	decoded, err := tree.ReadTOML(file, &metadata)
	if err != nil || !metadata.Types.Launch {
		return false, err
	}
	ours := strings.HasPrefix(filepath.Base(filepath.Dir(file)), "strata_")
	info, err := os.Stat(l.folder)
	if l.there = err == nil && info.IsDir(); !l.there {
		if ours && decoded.IsDefined("metadata", "contents") {
			err = decoded.PrimitiveDecode(metadata.Metadata.Contents, &l.Contents)
		} else {
			err = nil
		}
		return true, err
	}
	_, err = os.Lstat(filepath.Join(l.folder, "exec.d"))
	l.Contents.Known = ours || err != nil // a program of exec.d may set PATH
	if l.Contents.Libraries, err = layer.LibrariesIn(l.folder); err != nil {
		return true, err
	}
	l.Contents.Path, err = pathOf(l.folder)
	return true, err
}

// pathOf returns the folders that the environment of a layer puts on PATH.
func pathOf(folder string) ([]string, error) {
	var folders []string
	for _, pattern := range []string{"env/PATH*", "env.launch/PATH*", "env.launch/*/PATH*"} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			name := filepath.Base(file)
			if variable, action, _ := strings.Cut(name, "."); variable != "PATH" || action == "delim" {
				continue
			}
			if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
				continue
			}
			value, err := head(file, 64<<10)
			if err != nil {
				return nil, err
			}
			folders = append(folders, filepath.SplitList(string(value))...)
		}
	}
	return folders, nil
}

// head returns the first bytes of a file.
func head(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
