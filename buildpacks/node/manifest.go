package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const (
	manifestFile = "package.json"
	lockfileName = "package-lock.json"
	modulesDir   = "node_modules"
)

// manifest is what a build reads of a package.json.
type manifest struct {
	Name           string            `json:"name"`
	Version        string            `json:"version"`
	Main           string            `json:"main"`
	Scripts        map[string]string `json:"scripts"`
	Engines        map[string]string `json:"engines"`
	PackageManager string            `json:"packageManager"`
	Volta          struct {
		Node string `json:"node"`
	} `json:"volta"`
	Workspaces   json.RawMessage   `json:"workspaces"`
	Dependencies map[string]string `json:"dependencies"`
	Dev          map[string]string `json:"devDependencies"`
	Optional     map[string]string `json:"optionalDependencies"`
	Peer         map[string]string `json:"peerDependencies"`

	fields map[string]json.RawMessage
}

// installing are the fields of package.json that decide what an install gives.
var installing = []string{
	"name", "version", "dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
	"peerDependenciesMeta", "bundleDependencies", "bundledDependencies", "overrides", "engines", "os", "cpu", "private",
	"workspaces", "bin", "type", "resolutions", "dependenciesMeta", "installConfig", // Yarn
	"allowScripts", "flat", "publishConfig", // npm, Yarn 1, pnpm
	"pnpm", "trustedDependencies", "patchedDependencies", "catalog", "catalogs", // pnpm, Bun
}

func readManifest(dir string) (manifest, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return manifest{}, fmt.Errorf("reading package.json: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return manifest{}, fault.Fault{ID: "node-manifest", What: "reading package.json", Err: err, Do: "correct the file"}
	}
	if err := json.Unmarshal(data, &m.fields); err != nil {
		return manifest{}, fault.Fault{ID: "node-manifest", What: "reading package.json", Err: err, Do: "correct the file"}
	}
	return m, nil
}

// programs returns the files of the programs that a package of the app has.
func (m manifest) programs() []string {
	var one string
	files := map[string]string{}
	if json.Unmarshal(m.fields["bin"], &one) == nil {
		files[""] = one
	} else if err := json.Unmarshal(m.fields["bin"], &files); err != nil {
		return nil // package managers say what is wrong with it
	}
	return slices.DeleteFunc(slices.Sorted(maps.Values(files)), func(file string) bool { return !filepath.IsLocal(file) })
}

// hasPackages tells whether there is anything to install.
func (d decision) hasPackages() bool {
	for _, m := range []manifest{d.base, d.manifest} {
		if len(m.Dependencies)+len(m.Dev)+len(m.Optional)+len(m.Peer) > 0 {
			return true
		}
	}
	return len(d.members) > 0
}

// installed returns a package.json that gives the same install and has no scripts.
func (m manifest) installed() ([]byte, error) {
	kept := map[string]json.RawMessage{}
	for _, name := range installing {
		if value, ok := m.fields[name]; ok {
			kept[name] = value
		}
	}
	return json.MarshalIndent(kept, "", "  ")
}
