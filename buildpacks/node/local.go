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

// addLocal takes in the folders and archives of the app that packages come from ("file:./lib"). A folder that the package manager
// links to is a member, as workspaces are; what it copies is part of what it reads.
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
				source, archive, err := d.local(from, name, all[name], to)
				switch {
				case err != nil:
					return err
				case source == "." || slices.Contains(d.members, source) || slices.Contains(d.copied, source):
				case archive:
					d.copied = append(d.copied, source)
				case d.manager == npm || kind != "file":
					d.members = append(d.members, source)
					waiting = append(waiting, source)
				default:
					d.copied = append(d.copied, source)
					waiting = append(waiting, source)
				}
			}
		}
	}
	slices.Sort(d.members)
	slices.Sort(d.copied)
	return nil
}

// local returns the folder or archive that a package comes from, relative to the root.
func (d *decision) local(from, name, spec, to string) (source string, archive bool, err error) {
	refuse := func(why, do string) (string, bool, error) {
		return "", false, fault.Fault{ID: "node-local", What: fmt.Sprintf("%s takes %s from %s, %s", path.Join(from, manifestFile), name, spec, why), Do: do}
	}
	source = path.Join(from, to)
	if path.IsAbs(to) || !filepath.IsLocal(source) {
		return refuse("which is outside of the app", "take it from a registry or from a workspace of the app")
	}
	regular := func(name string) bool {
		info, err := os.Stat(filepath.Join(d.root, filepath.FromSlash(name)))
		return err == nil && info.Mode().IsRegular()
	}
	if !regular(source) && !regular(path.Join(source, manifestFile)) {
		return refuse("which is no archive and no folder with a package.json", "take it from a registry or from a folder of the app")
	}
	return source, regular(source), nil
}
