package project

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Manifest is what a build reads of a package.json (npm's documentation, "package.json").
type Manifest struct {
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

// ReadManifest reads the package.json of a folder.
func ReadManifest(dir string) (Manifest, error) {
	data, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return Manifest{}, fmt.Errorf("reading package.json: %w", err)
	}
	var m Manifest
	err = json.Unmarshal(data, &m)
	if err == nil {
		err = json.Unmarshal(data, &m.fields)
	}
	if err != nil {
		return Manifest{}, fault.Fault{ID: "node-manifest", What: "reading package.json", Err: err, Do: "correct the file"}
	}
	return m, nil
}

// Has reports whether a package asks for another one, when it runs or for development.
func (m Manifest) Has(name string) bool { return m.Dependencies[name] != "" || m.Dev[name] != "" }

// OnlyDev reports whether a dependency is only for development.
func (m Manifest) OnlyDev(name string) bool {
	return m.Dev[name] != "" && m.Dependencies[name] == "" && m.Optional[name] == ""
}

// needs reports whether there is anything to install for a package.
func (m Manifest) needs() bool {
	return len(m.Dependencies)+len(m.Dev)+len(m.Optional)+len(m.Peer) > 0
}

// programs returns the files of a package's own programs, those below its folder.
func (m Manifest) programs() []string {
	var one string
	files := map[string]string{}
	if json.Unmarshal(m.fields["bin"], &one) == nil {
		files[""] = one
	} else if err := json.Unmarshal(m.fields["bin"], &files); err != nil {
		return nil // package managers say what is wrong with it
	}
	return slices.DeleteFunc(slices.Sorted(maps.Values(files)), func(file string) bool { return !filepath.IsLocal(file) })
}

// patches returns the files of the patches that pnpm and Bun are told of. They say themselves what is wrong with a field.
func (m Manifest) patches() []string {
	var ofPnpm struct {
		Patches map[string]string `json:"patchedDependencies"`
	}
	var ofBun map[string]string
	_ = json.Unmarshal(m.fields["pnpm"], &ofPnpm)
	_ = json.Unmarshal(m.fields["patchedDependencies"], &ofBun)
	return slices.AppendSeq(slices.Collect(maps.Values(ofPnpm.Patches)), maps.Values(ofBun))
}

// workspaces returns the patterns that name the workspaces: a list, or Yarn's object with one.
func (m Manifest) workspaces() ([]string, error) {
	var list []string
	var object struct{ Packages []string }
	if len(m.Workspaces) == 0 || json.Unmarshal(m.Workspaces, &list) == nil {
		return list, nil
	}
	if err := json.Unmarshal(m.Workspaces, &object); err != nil {
		return nil, fault.Fault{
			ID: "node-manifest", What: "package.json: workspaces is no list of folders", Err: err, Do: "correct the file",
		}
	}
	return object.Packages, nil
}

// withoutScripts returns a package.json that gives the same install and has no scripts.
func (m Manifest) withoutScripts() ([]byte, error) {
	kept := map[string]json.RawMessage{}
	for _, name := range installing {
		if value, ok := m.fields[name]; ok {
			kept[name] = value
		}
	}
	data, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("reading package.json: %w", err)
	}
	return data, nil
}
