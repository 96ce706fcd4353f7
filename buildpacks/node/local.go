package node

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// addLocal makes the folders that packages are taken from ("file:./lib") members, as workspaces are. npm links to them; the
// other package managers copy them, or link and install nothing for them, each in ways of its own.
func (d *decision) addLocal() error {
	waiting := append([]string{"."}, d.members...)
	for len(waiting) > 0 {
		from := waiting[0]
		waiting = waiting[1:]
		m, err := readManifest(filepath.Join(d.root, from))
		if err != nil {
			return err
		}
		for _, all := range []map[string]string{m.Dependencies, m.Dev, m.Optional} {
			for _, name := range slices.Sorted(maps.Keys(all)) {
				kind, to, _ := strings.Cut(all[name], ":")
				if kind != "file" && kind != "link" && kind != "portal" {
					continue
				}
				folder, err := d.localFolder(from, name, all[name], to)
				if err != nil {
					return err
				}
				if folder != "." && !slices.Contains(d.members, folder) {
					d.members = append(d.members, folder)
					waiting = append(waiting, folder)
				}
			}
		}
	}
	slices.Sort(d.members)
	return nil
}

// localFolder returns the folder that a package is taken from, relative to the root.
func (d *decision) localFolder(from, name, spec, to string) (string, error) {
	refuse := func(why, do string) (string, error) {
		return "", fault.Fault{ID: "node-local", What: fmt.Sprintf("%s takes %s from %s, %s", path.Join(from, manifestFile), name, spec, why), Do: do}
	}
	folder := path.Join(from, to)
	switch info, err := os.Stat(filepath.Join(d.root, folder, manifestFile)); {
	case path.IsAbs(to) || !filepath.IsLocal(folder):
		return refuse("which is outside of the app", "take it from a registry or from a workspace of the app")
	case d.manager != npm:
		return refuse("which this buildpack does with npm alone", "make it a workspace")
	case err != nil || !info.Mode().IsRegular():
		return refuse("which is no folder with a package.json", "take it from a registry or from a folder of the app")
	}
	return folder, nil
}
