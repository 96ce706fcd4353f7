package project

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

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Manifest is what a build reads of a package.json (npm's documentation, "package.json").
type Manifest struct {
	Name           string
	Version        string
	Main           string
	PackageManager string
	Volta          string // the release of Node.js that Volta takes
	Runtime        string // the release of Node.js that devEngines asks for
	Scripts        map[string]string
	Engines        map[string]string
	Dependencies   map[string]string
	Dev            map[string]string
	Optional       map[string]string
	Peer           map[string]string
	Files          map[string]string // of scripts that another file than package.json has: that file

	fields fields.Object
}

// installing are the fields of package.json that decide what an install gives.
var installing = []string{
	"name", "version", "dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
	"peerDependenciesMeta", "bundleDependencies", "bundledDependencies", "overrides", "engines", "os", "cpu", "private",
	"workspaces", "bin", "type", "resolutions", "dependenciesMeta", "installConfig", // Yarn
	"allowScripts", "flat", "publishConfig", // npm, Yarn 1, pnpm
	"pnpm", "trustedDependencies", "patchedDependencies", "catalog", "catalogs", // pnpm, Bun
}

// ReadManifest reads the package.json of a folder, relative to Root. A field that is not of the kind that npm reads is passed over.
func (p Project) ReadManifest(folder string) (Manifest, error) {
	if m, found := p.manifests[path.Clean(folder)]; found {
		return m, nil
	}
	file := filepath.Join(p.Root, folder, ManifestFile)
	data, err := tree.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(file) == p.App && Alone(p.App) != "" {
		return Manifest{}, nil
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("reading package.json: %w", err)
	}
	f, err := fields.JSON(p.name(file), data)
	runtime := f.Object("devEngines").Object("runtime")
	if runtime.Text("name") != "node" {
		runtime = nil
	}
	return Manifest{
		Name: f.Text("name"), Version: f.Text("version"), Main: f.Text("main"), PackageManager: f.Text("packageManager"),
		Volta: f.Object("volta").Text("node"), Runtime: runtime.Text("version"), Scripts: f.Texts("scripts"), Engines: f.Texts("engines"),
		Dependencies: f.Texts("dependencies"), Dev: f.Texts("devDependencies"), Optional: f.Texts("optionalDependencies"),
		Peer: f.Texts("peerDependencies"), fields: f,
	}, err
}

// Extensions are those of the files that Node.js runs, the likeliest first. Older releases do not run the last three.
var Extensions = []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"}

// Alone returns the file that starts an app without a package.json, "" if there is none. A site that has such a file is no program.
func Alone(app string) string {
	there := func(name string) bool {
		info, err := os.Lstat(filepath.Join(app, name))
		return err == nil && info.Mode().IsRegular()
	}
	if there(ManifestFile) || there("index.html") {
		return ""
	}
	for _, name := range []string{"server", "index"} {
		for _, extension := range Extensions {
			if there(name + extension) {
				return name + extension
			}
		}
	}
	return ""
}

// starts are the names of files that start an app that does not say how it starts, the likeliest first.
var starts = []string{"server", "index", "app", "main", "src/server", "src/index", "src/app", "src/main"}

// Starts returns the files that may start an app without a script and Main, the likeliest first: those by which others load it, and
// those of a usual name. They have one of the extensions.
func (m Manifest) Starts(extensions []string) []string {
	files := slices.DeleteFunc(m.entries(), func(file string) bool { return !slices.Contains(extensions, path.Ext(file)) })
	for _, extension := range extensions {
		for _, name := range starts {
			files = append(files, name+extension)
		}
	}
	return files
}

// entries returns the files by which others load the package, besides Main.
func (m Manifest) entries() []string {
	entries := []string{m.fields.Text("module"), m.fields.Text("exports")}
	for _, conditions := range []fields.Object{m.fields.Object("exports"), m.fields.Object("exports").Object(".")} {
		for _, name := range []string{".", "node", "import", "require", "default"} {
			entries = append(entries, conditions.Text(name))
		}
	}
	return slices.DeleteFunc(entries, func(file string) bool { return file == "" || !filepath.IsLocal(file) })
}

// Library reports whether a package names a file by which others load it, or a program of its own.
func (m Manifest) Library() bool {
	return m.Main != "" || len(m.entries()) > 0 || len(m.programs()) > 0
}

// Has reports whether a package asks for another one, when it runs or for development.
func (m Manifest) Has(name string) bool { return names(m.Dependencies, name) || names(m.Dev, name) }

// Runs reports whether a package asks for another one when it runs.
func (m Manifest) Runs(name string) bool { return names(m.Dependencies, name) }

// OnlyDev reports whether a dependency is only for development.
func (m Manifest) OnlyDev(name string) bool {
	return names(m.Dev, name) && !names(m.Dependencies, name) && !names(m.Optional, name)
}

// names reports whether dependencies have one of a name; its range may be empty, which is any.
func names(dependencies map[string]string, name string) bool {
	_, found := dependencies[name]
	return found
}

// needs reports whether there is anything to install for a package.
func (m Manifest) needs() bool {
	return len(m.Dependencies)+len(m.Dev)+len(m.Optional)+len(m.Peer) > 0
}

// programs returns the files of a package's own programs, those below its folder.
func (m Manifest) programs() []string {
	files := slices.AppendSeq(m.fields.List("bin"), maps.Values(m.fields.Texts("bin")))
	slices.Sort(files)
	return slices.DeleteFunc(files, func(file string) bool { return !filepath.IsLocal(file) })
}

// Program returns the file of the only program of a package, "" if it has none or several.
func (m Manifest) Program() string {
	if programs := slices.Compact(m.programs()); len(programs) == 1 {
		return path.Clean(programs[0])
	}
	return ""
}

// patches returns the files of the patches that pnpm and Bun are told of.
func (m Manifest) patches() []string {
	ofPnpm, ofBun := m.fields.Object("pnpm").Texts("patchedDependencies"), m.fields.Texts("patchedDependencies")
	return slices.AppendSeq(slices.Collect(maps.Values(ofPnpm)), maps.Values(ofBun))
}

// workspaces returns the patterns that name the workspaces: a list, or Yarn's object with one.
func (m Manifest) workspaces() []string {
	return append(m.fields.List("workspaces"), m.fields.Object("workspaces").List("packages")...)
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
