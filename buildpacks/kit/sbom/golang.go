package sbom

import (
	"debug/buildinfo"
	"fmt"
	"path"
	"runtime/debug"
	"strings"

	"github.com/package-url/packageurl-go"
)

// Licences returns the SPDX expressions of the licences of a Go module, none when they are not known. What replaces the module is in it.
type Licences func(*debug.Module) []string

// FromGoBinary returns the modules that the Go binary at file was linked from, by its own build information: the main
// module as the subject, its dependencies (a replacement instead of what it replaces) and the standard library.
// licences may be nil.
func FromGoBinary(file string, licences Licences) (Document, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return Document{}, fmt.Errorf("reading build information of %s: %w", file, err)
	}
	if licences == nil {
		licences = func(*debug.Module) []string { return nil }
	}
	// A program that is built from loose files has no main module, only a path.
	main := info.Main
	if main.Path == "" {
		main.Path = info.Path
	}
	d := Document{Subject: goModule(&main, licences)}
	d.Subject.Type = "application"
	for _, module := range info.Deps {
		d.Components = append(d.Components, goModule(module, licences))
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	d.Components = append(d.Components, Component{
		Name: "stdlib", Version: version, PURL: goPURL("stdlib", version), Licenses: []string{"BSD-3-Clause"},
	})
	for _, c := range d.Components {
		d.Subject.Dependencies = append(d.Subject.Dependencies, c.Ref())
	}
	return d.sorted(), nil
}

func goModule(m *debug.Module, licences Licences) Component {
	name, version := m.Path, m.Version
	if m.Replace != nil {
		version = m.Replace.Version
		if !FromFolder(m.Replace) { // a folder's path says nothing outside of the source tree; the module keeps its name
			name = m.Replace.Path
		}
	}
	if version == inFolder {
		version = ""
	}
	return Component{Name: name, Version: version, PURL: goPURL(name, version), Licenses: licences(m)}
}

// inFolder is the version of a module that comes from a folder.
const inFolder = "(devel)"

// FromFolder reports whether a module comes from a folder, not from a registry or a repository's tag.
func FromFolder(m *debug.Module) bool { return m.Version == "" || m.Version == inFolder }

// goPURL keeps the case of letters, which the purl specification folds: module paths differ by case, in the proxy, in
// the vulnerability database and in what other scanners write.
func goPURL(module, version string) string {
	namespace, name := path.Split(module)
	return packageurl.NewPackageURL(packageurl.TypeGolang, strings.TrimSuffix(namespace, "/"), name, version, nil, "").ToString()
}
