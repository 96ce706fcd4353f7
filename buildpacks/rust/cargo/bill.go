package cargo

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// cratesIO is what Cargo.lock calls the registry of all crates that name none. It is a name, and nobody is asked there.
const cratesIO = "registry+https://github.com/rust-lang/crates.io-index"

// Part is a package of Cargo.lock that was compiled.
type Part struct {
	Locked
	Runtime  bool   // it is in a program, and not only in a build script or a macro
	Manifest string // the path of its Cargo.toml
	Needs    []int  // the parts that it needs, in order
}

// Parts returns the packages that were compiled, in the order of Cargo.lock. What cargo names and Cargo.lock does not have is left out: a
// macro may print what it likes, and the lockfile was read before it could.
func (p Project) Parts(m Made, triple string) []Part {
	var all []Part
	at := map[int]int{} // from Cargo.lock's order to that of parts
	for i, one := range p.Locked {
		found := Part{Locked: one}
		compiled := false
		for _, u := range m {
			if !u.of(one) || slices.Contains(u.Target.Kind, "custom-build") {
				continue
			}
			compiled = true
			target := slices.ContainsFunc(u.Files, func(file string) bool { return strings.Contains(file, "/"+triple+"/") })
			found.Runtime = found.Runtime || target
			found.Manifest = u.Manifest
		}
		if compiled {
			at[i] = len(all)
			all = append(all, found)
		}
	}
	for i := range all {
		for _, need := range all[i].Dependencies {
			if to, ok := at[p.find(need)]; ok {
				all[i].Needs = append(all[i].Needs, to)
			}
		}
		slices.Sort(all[i].Needs)
	}
	return all
}

// find returns the index of the package that a dependency of Cargo.lock names: "name", "name version" or "name version (source)".
func (p Project) find(need string) int {
	words := append(strings.Fields(need), "", "")
	return slices.IndexFunc(p.Locked, func(one Locked) bool {
		source := strings.Trim(words[2], "()")
		return one.Name == words[0] && (words[1] == "" || one.Version == words[1]) && (source == "" || one.Source == source)
	})
}

// of reports whether a unit is of a package. Its id is a package id specification of cargo.
func (u Unit) of(one Locked) bool {
	if u.Reason != "compiler-artifact" {
		return false
	}
	source, fragment, found := strings.Cut(u.Package, "#")
	if !found { // before cargo 1.77: "name version (source)"
		words := append(strings.Fields(u.Package), "", "")
		return words[0] == one.Name && words[1] == one.Version
	}
	name, version, named := strings.Cut(fragment, "@")
	if !named {
		source, _, _ = strings.Cut(source, "?")
		name, version = source[strings.LastIndex(source, "/")+1:], fragment
		name = strings.TrimSuffix(name, ".git")
	}
	return name == one.Name && version == one.Version
}

// purl returns the package URL of a package, "" for one of the app itself.
func (one Locked) purl() string {
	at := "pkg:cargo/" + one.Name + "@" + strings.ReplaceAll(one.Version, "+", "%2B")
	kind, address, _ := strings.Cut(one.Source, "+")
	switch {
	case one.Source == "":
		return ""
	case one.Source == cratesIO:
		return at
	case kind == "git":
		address = one.Source
		if repository, commit, found := strings.Cut(address, "#"); found {
			repository, _, _ = strings.Cut(repository, "?")
			address = repository + "@" + commit
		}
		return at + "?vcs_url=" + url.QueryEscape(address)
	}
	return at + "?repository_url=" + url.QueryEscape(address)
}

// Document returns the bill of materials of the layer: what is in its programs.
func Document(parts []Part, rust string) *sbom.Document {
	std := sbom.Component{
		Name: "rust", Version: rust, PURL: "pkg:generic/rust@" + rust, Licenses: []string{"MIT OR Apache-2.0"},
	}
	d := &sbom.Document{Subject: sbom.Component{Name: "targets"}, Components: []sbom.Component{std}}
	component := func(p Part) sbom.Component {
		return sbom.Component{Name: p.Name, Version: p.Version, PURL: p.purl(), SHA256: p.Checksum}
	}
	for _, p := range parts {
		if !p.Runtime {
			continue
		}
		c := component(p)
		c.Licenses = licences(p.Manifest)
		for _, need := range p.Needs {
			if parts[need].Runtime {
				c.Dependencies = append(c.Dependencies, component(parts[need]).Ref())
			}
		}
		d.Components = append(d.Components, c)
	}
	return d
}

// licences returns the licence that a manifest names. What cannot be read names none.
func licences(manifest string) []string {
	data, err := tree.ReadFile(manifest)
	if err != nil {
		return nil
	}
	o, err := fields.TOML(manifest, data)
	if text := o.Object("package").Text("license"); err == nil && text != "" {
		return []string{strings.ReplaceAll(text, "/", " OR ")}
	}
	return nil
}

// audited is a package in the format of cargo-auditable.
type audited struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Source       string `json:"source"`
	Kind         string `json:"kind,omitempty"`
	Dependencies []int  `json:"dependencies,omitempty"`
	Root         bool   `json:"root,omitempty"`
}

// Audit returns the content of a program's section .dep-v0, by which scanners know what it is made of.
func Audit(parts []Part, p Program) ([]byte, error) {
	reached := map[int]bool{}
	var reach func(i int)
	reach = func(i int) {
		if !reached[i] {
			reached[i] = true
			for _, need := range parts[i].Needs {
				reach(need)
			}
		}
	}
	root := slices.IndexFunc(parts, func(one Part) bool { return one.Source == "" && one.Name == p.Package && one.Version == p.Version })
	if root < 0 {
		return nil, fmt.Errorf("the package %s of the program %s was not compiled", p.Package, p.Name)
	}
	reach(root)
	var order []int
	for i := range parts {
		if reached[i] {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(strings.Compare(parts[a].Name, parts[b].Name), strings.Compare(parts[a].Version, parts[b].Version), a-b)
	})
	var list struct {
		Packages []audited `json:"packages"`
	}
	for _, i := range order {
		one := audited{Name: parts[i].Name, Version: parts[i].Version, Source: parts[i].origin(), Root: i == root}
		if !parts[i].Runtime {
			one.Kind = "build"
		}
		for _, need := range parts[i].Needs {
			one.Dependencies = append(one.Dependencies, slices.Index(order, need))
		}
		slices.Sort(one.Dependencies)
		list.Packages = append(list.Packages, one)
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	err := json.NewEncoder(w).Encode(list)
	if err == nil {
		err = w.Close()
	}
	return packed.Bytes(), err
}

// origin is what cargo-auditable calls the place that a package is from.
func (one Locked) origin() string {
	kind, _, _ := strings.Cut(one.Source, "+")
	switch {
	case one.Source == "":
		return "local"
	case one.Source == cratesIO:
		return "crates.io"
	case kind == "git":
		return "git"
	}
	return "registry"
}
