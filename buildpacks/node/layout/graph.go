package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// graph is what the dependencies of some packages lead to, as Node.js finds it on disk: the same for every package manager and
// every way to make folders node_modules.
type graph struct {
	paths
	arch       string                // as Node.js calls it
	everything bool                  // all that is in the folders of packages is needed
	packages   map[string]*installed // by path
}

// grow follows the dependencies of the packages at some paths, without those that are for development.
func (g *graph) grow(starts ...string) error {
	g.packages = map[string]*installed{}
	queue := starts
	if g.everything {
		queue = append(queue, ".")
	}
	for ; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if _, seen := g.packages[at]; seen {
			continue
		}
		p, err := g.read(at)
		if err != nil {
			return err
		}
		if ours(at) || p.fits(g.arch) {
			g.packages[at] = p
			queue = append(queue, p.needs...)
		}
	}
	for _, p := range g.packages { // what does not fit this machine is not there
		p.needs = append(p.needs, p.may...)
		slices.Sort(p.needs)
		p.needs = slices.DeleteFunc(p.needs, func(at string) bool { return g.packages[at] == nil })
	}
	return nil
}

// read reads one package and finds what it can load.
func (g graph) read(at string) (*installed, error) {
	dir := filepath.Join(g.dir(at), filepath.FromSlash(at))
	data, err := tree.ReadFile(filepath.Join(dir, project.ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("reading a package: %w", err)
	}
	p := &installed{facts: readFacts(data), addon: isAddon(dir)}
	needs, may, err := g.named(at, p.facts)
	if err != nil {
		return nil, err
	}
	beside := []string{}
	if store := storeOf(at); store != "" {
		beside = append(beside, store)
	}
	if g.everything || len(p.Bundled)+len(p.BundledToo) > 0 {
		beside = append(beside, path.Join(at, project.ModulesDir))
	}
	for _, folder := range beside {
		if err := g.all(folder, needs); err != nil {
			return nil, err
		}
	}
	for _, none := range []string{"", at} {
		delete(needs, none)
		delete(may, none)
	}
	maps.DeleteFunc(needs, func(found string, _ bool) bool { return may[found] }) // it is in a store
	p.needs, p.may = slices.Sorted(maps.Keys(needs)), slices.Sorted(maps.Keys(may))
	return p, nil
}

// named finds the packages that a package names. It needs no optional peer that the app has for development alone.
func (g graph) named(at string, f facts) (needs, may map[string]bool, err error) {
	needs, may = map[string]bool{}, map[string]bool{}
	for i, names := range []map[string]string{f.Peer, f.Dependencies, f.Optional} {
		for name := range names {
			found, err := g.resolve(at, name)
			if err != nil {
				return nil, nil, err
			}
			if i == 0 && f.PeerMeta[name].Optional && !g.everything {
				may[found] = true
				continue
			}
			delete(may, found)
			needs[found] = found != "" // what is optional may be missing
		}
	}
	return needs, may, nil
}

var (
	inStore     = regexp.MustCompile(`^.*node_modules/\.(pnpm|bun)/[^/]+/node_modules`)
	inYarnStore = regexp.MustCompile(`^(.*node_modules/\.store/[^/]+)/package$`)
)

// storeOf returns the folder around or beside a package in which pnpm, Bun and Yarn's pnpm linker put links to what it can load,
// "" if there is none.
func storeOf(at string) string {
	if parts := inYarnStore.FindStringSubmatch(at); parts != nil {
		return path.Join(parts[1], project.ModulesDir)
	}
	return inStore.FindString(at)
}

// all adds the packages of a node_modules folder.
func (g graph) all(folder string, needs map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(g.root, folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if strings.HasPrefix(entry.Name(), "@") {
			if err := g.all(name, needs); err != nil {
				return err
			}
			continue
		}
		found, err := g.follow(name)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(g.dir(found), found, project.ManifestFile)); errors.Is(err, fs.ErrNotExist) {
			continue // no package
		}
		needs[found] = found != ""
	}
	return nil
}

// parents are the folders that packages of the graph are in.
func (g graph) parents() map[string]bool {
	found := map[string]bool{}
	for at := range g.packages {
		for dir := path.Dir(at); dir != "." && !found[dir]; dir = path.Dir(dir) {
			found[dir] = true
		}
	}
	return found
}

// owner returns the package of the graph that a file or folder belongs to, "" if none does.
func (g graph) owner(name string) string {
	for at := name; at != "."; at = path.Dir(at) {
		if g.packages[at] != nil {
			return at
		}
		// Package managers make folders of packages in the app's own and at the top of a package; one that is deeper is the package's.
		if in := path.Dir(at); path.Base(at) == project.ModulesDir && (ours(in) || packageOf(in) == in) {
			return ""
		}
	}
	return ""
}

// has reports whether a package of this name is in the graph.
func (g graph) has(name string) bool {
	for at := range g.packages {
		if at == project.ModulesDir+"/"+name || strings.HasSuffix(at, "/"+project.ModulesDir+"/"+name) || g.packages[at].Name == name {
			return true
		}
	}
	return false
}

// bill lists the packages that were installed. The subject needs what the app's own packages need.
func (g graph) bill(subject sbom.Component) *sbom.Document {
	document := sbom.Document{Subject: subject}
	for _, at := range slices.Sorted(maps.Keys(g.packages)) {
		p := g.packages[at]
		var needs []string
		for _, needed := range p.needs {
			if !ours(needed) {
				needs = append(needs, g.packages[needed].purl())
			}
		}
		if ours(at) {
			document.Subject.Dependencies = append(document.Subject.Dependencies, needs...)
			continue
		}
		document.Components = append(document.Components, sbom.Component{
			Name: p.Name, Version: p.Version, PURL: p.purl(), Licenses: p.licences(), Dependencies: needs,
		})
	}
	return &document
}
