package keep

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// During runs a build in the app's folder, and then removes all from it that Clear would not keep, and all that was not there before. What
// stays is as it was before the build. So an image has the same files whether its app was built or not. It warns of files that the build
// made and a pattern matches.
func (p Patterns) During(app string, log *report.Log, build func() error, files ...string) (err error) {
	kept := func(name string) bool { return slices.Contains(files, name) || p.Keeps(name) }
	before, err := list(app, kept)
	if err != nil {
		return err
	}
	aside, err := os.MkdirTemp("", "strata-keep-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Remove(aside)) }()
	var tops []string
	for _, name := range before {
		if folder := path.Dir(name); folder != "." && kept(folder) {
			continue // it is copied with the folder
		}
		tops = append(tops, name)
		if err := copyOne(filepath.Join(app, name), filepath.Join(aside, name)); err != nil {
			return fmt.Errorf("copying the files that stay: %w", err)
		}
	}
	if err := build(); err != nil {
		return err
	}
	after, err := list(app, p.Keeps)
	if err != nil {
		return err
	}
	made := slices.DeleteFunc(after, func(name string) bool { return in(before, name) })
	if more := len(made) - 5; more > 0 {
		made = append(made[:5], fmt.Sprintf("and %d more", more))
	}
	if len(made) > 0 {
		log.Warn("%s matches what the build made, and keeps files of the source alone: %s", Variable, strings.Join(made, ", "))
	}
	if err := tree.Only(app, func(name string) bool { return in(tops, name) }); err != nil {
		return fmt.Errorf("removing the source: %w", err)
	}
	for _, name := range tops { // the folders above are none of the build's links: those are removed
		err := tree.Remove(filepath.Join(app, name))
		if err == nil {
			err = copyOne(filepath.Join(aside, name), filepath.Join(app, name))
		}
		if err != nil {
			return fmt.Errorf("restoring the files that stay: %w", err)
		}
	}
	return nil
}

// in reports whether a sorted list has a name.
func in(names []string, name string) bool {
	_, found := slices.BinarySearch(names, name)
	return found
}

// list returns the paths in a folder that are kept, sorted.
func list(app string, kept func(string) bool) ([]string, error) {
	var names []string
	all, err := tree.Each(app, nil, func(e tree.Entry) (string, error) { return e.Rel, nil })
	if err != nil {
		return nil, fmt.Errorf("reading the files that stay: %w", err)
	}
	for _, one := range all {
		if kept(one.Value) {
			names = append(names, one.Value)
		}
	}
	slices.Sort(names)
	return names, nil
}

// copyOne copies a file, a link or a folder with all that is in it. It makes the folders above.
func copyOne(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if end, err := os.Readlink(from); err == nil {
		return os.Symlink(end, to)
	}
	return tree.Copy(from, to)
}
