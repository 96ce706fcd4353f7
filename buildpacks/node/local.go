package node

import (
	"encoding/json"
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
	if err := d.addPatches(); err != nil {
		return err
	}
	slices.Sort(d.members)
	slices.Sort(d.copied)
	return nil
}

// addPatches adds the patches of packages that pnpm and Bun are told of, wherever they are.
func (d *decision) addPatches() error {
	var file struct {
		Patches map[string]string `yaml:"patchedDependencies"`
	}
	if err := readYAML(filepath.Join(d.root, pnpmWorkspace), &file); err != nil {
		return err
	}
	var ofPnpm struct {
		Patches map[string]string `json:"patchedDependencies"`
	}
	var ofBun map[string]string
	_, _ = json.Unmarshal(d.base.fields["pnpm"], &ofPnpm), json.Unmarshal(d.base.fields["patchedDependencies"], &ofBun) // they say what is wrong with them
	for _, patches := range []map[string]string{file.Patches, ofPnpm.Patches, ofBun} {
		for _, patch := range patches {
			if filepath.IsLocal(patch) && !slices.Contains(d.copied, path.Clean(patch)) {
				d.copied = append(d.copied, path.Clean(patch))
			}
		}
	}
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
