package cnb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Types say what a layer is for, and what its buildpack knows of it (buildpack.md, "Layer Content Metadata").
type Types struct {
	Data   any  `json:"data"`
	Build  bool `json:"build"`
	Launch bool `json:"launch"`
	Cache  bool `json:"cache"`
}

// Found is a layer in the folder of layers.
type Found struct {
	Name string
	Types
	Filled bool // it has content
}

// ID returns the name by which people know the layer.
func (f Found) ID(by Member) string { return by.ID + ":" + f.Name }

// Read reads what a buildpack left in a folder of layers: its layers by name, and its store. No link leads out of the folder.
func Read(layers *os.Root, by Member) ([]Found, *Store, error) {
	dir := by.Folder()
	info, err := layers.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err == nil && !info.IsDir() {
		return nil, nil, wrong(dir, by, errors.New("it is no folder"))
	}
	var entries []fs.DirEntry
	if err == nil {
		entries, err = fs.ReadDir(layers.FS(), dir)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the layers of %s: %w", by.ID, err)
	}
	var store *Store
	names := map[string]bool{}
	for _, entry := range entries {
		name, isTOML := strings.CutSuffix(entry.Name(), ".toml")
		switch {
		case entry.IsDir():
			names[entry.Name()] = true
		case !isTOML || name == "launch" || name == "build":
		case name == "store":
			store = &Store{}
			if err := decode(layers, path.Join(dir, entry.Name()), store, by); err != nil {
				return nil, nil, err
			}
		default:
			names[name] = true
		}
	}
	found := make([]Found, 0, len(names))
	for name := range names {
		one, err := readLayer(layers, name, by)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, one)
	}
	slices.SortFunc(found, func(a, b Found) int { return strings.Compare(a.Name, b.Name) })
	return found, store, nil
}

func readLayer(layers *os.Root, name string, by Member) (Found, error) {
	one, content := Found{Name: name}, path.Join(by.Folder(), name)
	_, err := layers.Lstat(content)
	if one.Filled = err == nil; err != nil && !errors.Is(err, fs.ErrNotExist) {
		return one, fmt.Errorf("reading the layers of %s: %w", by.ID, err)
	}
	var file struct {
		Data  any `toml:"metadata"`
		Types struct {
			Build  bool `toml:"build"`
			Launch bool `toml:"launch"`
			Cache  bool `toml:"cache"`
		} `toml:"types"`
		Build  any `toml:"build"` // where Buildpack APIs before 0.6 had them
		Launch any `toml:"launch"`
		Cache  any `toml:"cache"`
	}
	err = decode(layers, content+".toml", &file, by)
	if errors.Is(err, fs.ErrNotExist) {
		return one, nil
	}
	if err != nil {
		return one, err
	}
	if file.Build != nil || file.Launch != nil || file.Cache != nil {
		return one, wrong(content+".toml", by, errors.New("build, launch and cache have to be in the table [types]"))
	}
	one.Types = Types{Data: file.Data, Build: file.Types.Build, Launch: file.Types.Launch, Cache: file.Types.Cache}
	return one, nil
}

// decode reads a TOML file of a buildpack. What a build leaves in a file's place is not trusted to be one. Labels of images say in
// JSON what it has, and JSON has no nan and inf.
func decode(layers *os.Root, file string, into any, by Member) error {
	err := readTOML(layers, file, into)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		_, err = json.Marshal(into)
	}
	if err != nil {
		return wrong(file, by, err)
	}
	return nil
}

// wrong is the fault of a file that a buildpack wrote and nobody can read.
func wrong(file string, by Member, err error) error {
	return fault.Fault{
		ID:   "layer-metadata",
		What: fmt.Sprintf("buildpack %s left %s, which cannot be read", by.ID, path.Join("/layers", file)),
		Err:  err,
		Do:   "report it to the maintainers of the buildpack, unless the app's own build writes there",
	}
}
