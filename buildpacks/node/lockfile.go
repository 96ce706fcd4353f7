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
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// lockfile is a package-lock.json (npm's documentation, "package-lock.json").
type lockfile struct {
	Version  int                       `json:"lockfileVersion"`
	Packages map[string]*lockedPackage `json:"packages"` // by path, from version 2 on: "node_modules/a/node_modules/b"; "" is the app
}

type lockedPackage struct {
	Version   string            `json:"version"`
	Resolved  string            `json:"resolved"`
	Integrity string            `json:"integrity"`
	InBundle  bool              `json:"inBundle"`
	Dev       bool              `json:"dev"`
	Link      bool              `json:"link"`
	Bin       map[string]string `json:"bin"`
}

// readLockfile reads a lockfile of npm and refuses what is not built yet.
func readLockfile(file string, local []string) (lockfile, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return lockfile{}, fmt.Errorf("reading the lockfile: %w", err)
	}
	name := filepath.Base(file)
	var l lockfile
	if err := json.Unmarshal(data, &l); err != nil {
		return lockfile{}, fault.Fault{ID: "node-lockfile", What: "reading " + name, Err: err, Do: "make it anew with npm install"}
	}
	if l.Version < 1 {
		return lockfile{}, fault.Fault{ID: "node-lockfile-old", What: fmt.Sprintf("%s has version %d of the format, which no npm reads", name, l.Version), Do: "renew it with npm install --package-lock-only"}
	}
	for _, at := range slices.Sorted(maps.Keys(l.Packages)) {
		p := l.Packages[at]
		member := at == "" || slices.Contains(local, at) || slices.Contains(local, strings.TrimPrefix(p.Resolved, "file:"))
		if !member && (p.Link || strings.HasPrefix(p.Resolved, "file:") || !strings.Contains("/"+at, "/"+project.ModulesDir+"/")) {
			return lockfile{}, fault.Fault{ID: "node-local", What: fmt.Sprintf("%s takes %s from a place that package.json does not name", name, at), Do: "make it anew with npm install"}
		}
	}
	return l, nil
}

// program returns the file of a program that Node.js finds from a folder of the app, both relative to the root.
func (l lockfile) program(from, name string) (file string, dev, found bool) {
	for dir := from; ; dir = path.Dir(dir) {
		folder := path.Join(dir, project.ModulesDir) + "/"
		for _, at := range slices.Sorted(maps.Keys(l.Packages)) {
			target, ok := l.Packages[at].Bin[name]
			if ok && strings.HasPrefix(at, folder) && strings.LastIndex(at, project.ModulesDir+"/") == len(folder)-len(project.ModulesDir)-1 {
				return path.Join(at, target), l.Packages[at].Dev, true
			}
		}
		if dir == "." {
			return "", false, false
		}
	}
}
