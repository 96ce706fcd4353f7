package project

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

// WithLocal returns the project with the folders and archives of the app that packages come from ("file:./lib"). A folder that
// the package manager links to is a member, as workspaces are. What it copies is in Copied: archives, patches, and, where
// copies says so, folders with "file:".
func (p Project) WithLocal(copies bool) (Project, error) {
	p.Members, p.Copied = slices.Clone(p.Members), slices.Clone(p.Copied)
	for waiting := append([]string{"."}, p.Members...); len(waiting) > 0; waiting = waiting[1:] {
		m, err := p.ReadManifest(waiting[0])
		if err != nil {
			return p, err
		}
		for _, all := range []map[string]string{m.Dependencies, m.Dev, m.Optional} {
			for _, name := range slices.Sorted(maps.Keys(all)) {
				kind, to, _ := strings.Cut(all[name], ":")
				if kind != "file" && kind != "link" && kind != "portal" {
					continue
				}
				source, archive, err := p.local(waiting[0], name, all[name], to)
				switch {
				case err != nil:
					return p, err
				case source == "." || slices.Contains(p.Members, source) || slices.Contains(p.Copied, source):
				case archive:
					p.Copied = append(p.Copied, source)
				case copies && kind == "file":
					p.Copied = append(p.Copied, source)
					waiting = append(waiting, source)
				default:
					p.Members = append(p.Members, source)
					waiting = append(waiting, source)
				}
			}
		}
	}
	var err error
	if p.Copied, err = p.withPatches(); err != nil {
		return p, err
	}
	slices.Sort(p.Members)
	slices.Sort(p.Copied)
	return p, nil
}

// withPatches returns Copied with the patches of packages that pnpm and Bun are told of, wherever they are.
func (p Project) withPatches() ([]string, error) {
	file, err := ReadYAML(filepath.Join(p.Root, PnpmWorkspace))
	if err != nil {
		return nil, err
	}
	copied := p.Copied
	for _, patch := range slices.AppendSeq(p.Base.patches(), maps.Values(file.Texts("patchedDependencies"))) {
		if filepath.IsLocal(patch) && !slices.Contains(copied, path.Clean(patch)) {
			copied = append(copied, path.Clean(patch))
		}
	}
	return copied, nil
}

// local returns the folder or archive that a package comes from, relative to Root.
func (p Project) local(from, name, spec, to string) (source string, archive bool, err error) {
	refuse := func(why, do string) (string, bool, error) {
		what := fmt.Sprintf("%s takes %s from %s, %s", path.Join(from, ManifestFile), name, spec, why)
		return "", false, fault.Fault{ID: "node-local", What: what, Do: do}
	}
	source = path.Join(from, to)
	if path.IsAbs(to) || !filepath.IsLocal(source) {
		return refuse("which is outside of the app", "take it from a registry or from a workspace of the app")
	}
	regular := func(name string) bool {
		info, err := os.Stat(filepath.Join(p.Root, filepath.FromSlash(name)))
		return err == nil && info.Mode().IsRegular()
	}
	if !regular(source) && !regular(path.Join(source, ManifestFile)) {
		return refuse("which is no archive and no folder with a package.json", "take it from a registry or from a folder of the app")
	}
	return source, regular(source), nil
}
