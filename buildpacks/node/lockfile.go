package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// lockfile is a package-lock.json of version 2 or 3, or npm's own list of what it installed, which has the same form
// (npm's documentation, "package-lock.json").
type lockfile struct {
	Version  int                       `json:"lockfileVersion"`
	Packages map[string]*lockedPackage `json:"packages"` // by path: "node_modules/a/node_modules/b"; "" is the app
}

type lockedPackage struct {
	Name         string            `json:"name"` // where the path does not tell it
	Version      string            `json:"version"`
	Resolved     string            `json:"resolved"`
	Dev          bool              `json:"dev"`
	Link         bool              `json:"link"`
	Bin          map[string]string `json:"bin"`
	Dependencies map[string]string `json:"dependencies"`
	Optional     map[string]string `json:"optionalDependencies"`
	Peer         map[string]string `json:"peerDependencies"`
}

// lockfiles are the files that name a package manager, the manager, and whether it is npm.
var lockfiles = []struct{ file, manager string }{
	{"npm-shrinkwrap.json", "npm"}, {lockfileName, "npm"}, {"yarn.lock", "Yarn"},
	{"pnpm-lock.yaml", "pnpm"}, {"bun.lock", "Bun"}, {"bun.lockb", "Bun"},
}

// findLockfile returns the name of the app's lockfile, "" if it has none.
func findLockfile(dir string) (string, error) {
	found, manager := "", ""
	for _, one := range lockfiles {
		_, err := os.Stat(filepath.Join(dir, one.file))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", fmt.Errorf("looking for %s: %w", one.file, err)
		case found != "":
			return "", fault.Fault{ID: "node-lockfiles", What: fmt.Sprintf("there are two lockfiles, %s and %s", found, one.file), Do: "remove the one that is not kept up to date"}
		default:
			found, manager = one.file, one.manager
		}
	}
	if manager != "npm" && manager != "" {
		return "", unsupportedManager(found, manager)
	}
	return found, nil
}

// readLockfile reads a lockfile and refuses what is not built yet.
func readLockfile(file string) (lockfile, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return lockfile{}, fmt.Errorf("reading the lockfile: %w", err)
	}
	name := filepath.Base(file)
	var l lockfile
	if err := json.Unmarshal(data, &l); err != nil {
		return lockfile{}, fault.Fault{ID: "node-lockfile", What: "reading " + name, Err: err, Do: "make it anew with npm install"}
	}
	if l.Version < 2 {
		return lockfile{}, fault.Fault{ID: "node-lockfile-old", What: fmt.Sprintf("%s has version %d of the format, which npm 6 wrote", name, l.Version), Do: "renew it with npm install --package-lock-only"}
	}
	for _, at := range slices.Sorted(maps.Keys(l.Packages)) {
		if p := l.Packages[at]; p.Link || strings.HasPrefix(p.Resolved, "file:") || at != "" && !strings.HasPrefix(at, modulesDir+"/") {
			return lockfile{}, fault.Fault{ID: "node-local", What: fmt.Sprintf("%s takes %s from a folder, and this buildpack does not take packages from folders yet", name, at), Do: "take it from a registry"}
		}
	}
	return l, nil
}

// program returns the file of a program that a package of the app's own dependencies has, relative to the app.
func (l lockfile) program(name string) (file string, dev, found bool) {
	for _, at := range slices.Sorted(maps.Keys(l.Packages)) {
		p := l.Packages[at]
		if target, ok := p.Bin[name]; ok && strings.LastIndex(at, modulesDir+"/") == 0 {
			return path.Join(at, target), p.Dev, true
		}
	}
	return "", false, false
}

// nameAt returns the name that a package is installed under.
func nameAt(at string) string {
	const folder = modulesDir + "/"
	return at[strings.LastIndex(at, folder)+len(folder):]
}

// component describes the package that is installed at a path below root.
func (l lockfile) component(root, at string) (sbom.Component, error) {
	p := l.Packages[at]
	name := p.Name
	if name == "" {
		name = nameAt(at)
	}
	licences, err := licencesOf(filepath.Join(root, filepath.FromSlash(at)))
	if err != nil {
		return sbom.Component{}, err
	}
	c := sbom.Component{Name: name, Version: p.Version, PURL: npmPURL(name, p.Version), Licenses: licences}
	for _, names := range []map[string]string{p.Dependencies, p.Optional, p.Peer} {
		for dependency := range names {
			if found := l.lookUp(at, dependency); found != "" {
				c.Dependencies = append(c.Dependencies, l.purl(found))
			}
		}
	}
	return c, nil
}

func (l lockfile) purl(at string) string {
	p := l.Packages[at]
	if p.Name != "" {
		return npmPURL(p.Name, p.Version)
	}
	return npmPURL(nameAt(at), p.Version)
}

// lookUp finds a dependency as Node.js does, in the folders from the package's own up to the app's. What is only for
// development is not there.
func (l lockfile) lookUp(from, name string) string {
	for {
		at := path.Join(from, modulesDir, name)
		if p, ok := l.Packages[at]; ok {
			if p.Dev {
				return ""
			}
			return at
		}
		if from == "" {
			return ""
		}
		from = strings.TrimSuffix(from[:strings.LastIndex(from, modulesDir)], "/")
	}
}

func npmPURL(name, version string) string {
	namespace, base := path.Split(name)
	return packageurl.NewPackageURL(packageurl.TypeNPM, strings.TrimSuffix(namespace, "/"), base, version, nil, "").ToString()
}

// licencesOf reads what a package says about its licence: "license" as it is, or the older forms with a type.
func licencesOf(dir string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return nil, fmt.Errorf("reading the licence of a package: %w", err)
	}
	var m struct {
		License  json.RawMessage
		Licenses json.RawMessage
	}
	if json.Unmarshal(data, &m) != nil {
		return nil, nil // Node.js starts with it all the same
	}
	type typed struct{ Type string }
	var text string
	var one typed
	var several []typed
	switch {
	case json.Unmarshal(m.License, &text) == nil && text != "":
		return []string{text}, nil
	case json.Unmarshal(m.License, &one) == nil && one.Type != "":
		return []string{one.Type}, nil
	case json.Unmarshal(m.Licenses, &several) == nil:
		var list []string
		for _, l := range several {
			list = append(list, l.Type)
		}
		return list, nil
	}
	return nil, nil
}
