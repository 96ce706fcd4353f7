package layout

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// pnpData is .pnp.data.json (Yarn's documentation, "PnP specification"), as far as it is read.
type pnpData struct {
	Packages []pair[[]pair[pnpPackage]] `json:"packageRegistryData"` // by name, by reference
}

type pnpPackage struct {
	Location     string                  `json:"packageLocation"`
	Dependencies []pair[json.RawMessage] `json:"packageDependencies"` // name -> reference, [name, reference] or null
}

// pair is a list of two: a name, or null for the app, and what it stands for.
type pair[V any] struct {
	name  string
	value V
}

// UnmarshalJSON takes null for an empty name.
func (p *pair[V]) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&p.name, &p.value})
}

// target returns the name and reference of a dependency. What is neither of the two forms is not there.
func (p pair[V]) target() [2]string {
	data, _ := any(p.value).(json.RawMessage)
	var reference string
	if json.Unmarshal(data, &reference) == nil {
		return [2]string{p.name, reference}
	}
	var alias [2]string
	_ = json.Unmarshal(data, &alias)
	return alias
}

// inYarn matches where an installed package is: the archive or folder below .yarn, and the package in it. A virtual path stands
// for the same package with other peers.
var inYarn = regexp.MustCompile(
	`^\./\.yarn/(?:(?:__virtual__|\$\$virtual)/[^/]+/0/)?(cache/[^/]+\.zip|unplugged/[^/]+)/(.+)/$`)

// readPnP reads what Yarn installed in a folder.
func readPnP(dir string) (pnpData, error) {
	var all pnpData
	data, err := tree.ReadFile(filepath.Join(dir, dataFile))
	if err != nil {
		return all, fmt.Errorf("reading what Yarn installed: %w", err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return all, fmt.Errorf("reading %s: %w", dataFile, err)
	}
	return all, nil
}

// workspace returns the name and reference of a package of the app by its folder, relative to the root.
func (d pnpData) workspace(folder string) (key [2]string, one pnpPackage, found bool) {
	location := "./" + folder + "/"
	if folder == "." {
		location = "./"
	}
	for _, releases := range d.Packages {
		for _, release := range releases.value {
			// The root is there under its name and, for programs outside of any package, under none.
			if releases.name != "" && release.value.Location == location {
				return [2]string{releases.name, release.name}, release.value, true
			}
		}
	}
	return key, one, false
}

// at returns a package by its name and reference.
func (d pnpData) at(key [2]string) (pnpPackage, bool) {
	for _, releases := range d.Packages {
		if releases.name != key[0] {
			continue
		}
		for _, release := range releases.value {
			if release.name == key[1] {
				return release.value, true
			}
		}
	}
	return pnpPackage{}, false
}

// reach returns what a package of the app leads to. It follows no dependency that is only for the development of a package of the app;
// dev reports that by the package's folder and the dependency's name.
func (d pnpData) reach(first [2]string, dev func(folder, name string) bool) pnpData {
	reached := map[[2]string]bool{first: true}
	for waiting := [][2]string{first}; len(waiting) > 0; waiting = waiting[1:] {
		one, _ := d.at(waiting[0])
		for _, dependency := range one.Dependencies {
			if !inYarn.MatchString(one.Location) && dev(one.Location, dependency.name) {
				continue
			}
			// A peer that is not there has no target; without a name the root is there once more.
			if next := dependency.target(); next[0] != "" && !reached[next] {
				reached[next] = true
				waiting = append(waiting, next)
			}
		}
	}
	var kept pnpData
	for _, releases := range d.Packages {
		var list []pair[pnpPackage]
		for _, release := range releases.value {
			if reached[[2]string{releases.name, release.name}] {
				list = append(list, release)
			}
		}
		kept.Packages = append(kept.Packages, pair[[]pair[pnpPackage]]{releases.name, list})
	}
	return kept
}

// holders returns the archives and folders that packages are in, and where in them.
func (d pnpData) holders() map[string]string {
	found := map[string]string{}
	for _, releases := range d.Packages {
		for _, one := range releases.value {
			if parts := inYarn.FindStringSubmatch(one.value.Location); parts != nil {
				found[parts[1]] = parts[2]
			}
		}
	}
	return found
}

// bill lists the packages. The subject needs what the app's own packages need. A package has an entry for each set of peers, and
// one without them.
func (d pnpData) bill(yarn string, subject sbom.Component) (*sbom.Document, error) {
	purls, components := map[[2]string]string{}, map[string]*sbom.Component{"": &subject}
	for _, releases := range d.Packages {
		for _, one := range releases.value {
			parts := inYarn.FindStringSubmatch(one.value.Location)
			if parts == nil {
				continue
			}
			f, err := readHeld(filepath.Join(yarn, parts[1]), parts[2])
			if err != nil {
				return nil, err
			}
			purls[[2]string{releases.name, one.name}] = f.purl()
			components[f.purl()] = &sbom.Component{Name: f.Name, Version: f.Version, PURL: f.purl(), Licenses: f.licences()}
		}
	}
	for _, releases := range d.Packages {
		for _, one := range releases.value {
			purl := purls[[2]string{releases.name, one.name}] // "" for the app's own
			for _, dependency := range one.value.Dependencies {
				if needed := purls[dependency.target()]; needed != "" && needed != purl {
					components[purl].Dependencies = append(components[purl].Dependencies, needed)
				}
			}
		}
	}
	document := sbom.Document{Subject: *components[""]}
	for _, purl := range slices.Sorted(maps.Keys(components)) {
		if purl != "" {
			document.Components = append(document.Components, *components[purl])
		}
	}
	return &document, nil
}

// readHeld reads the package.json of a package in an archive or a folder.
func readHeld(holder, dir string) (facts, error) {
	from := os.DirFS(holder)
	if filepath.Ext(holder) == ".zip" {
		archive, err := zip.OpenReader(holder)
		if err != nil {
			return facts{}, fmt.Errorf("reading %s: %w", filepath.Base(holder), err)
		}
		defer func() { _ = archive.Close() }() // only read
		from = archive
	}
	file, err := from.Open(dir + "/" + project.ManifestFile)
	if err != nil {
		return facts{}, fmt.Errorf("reading %s: %w", filepath.Base(holder), err)
	}
	defer func() { _ = file.Close() }() // only read
	data, err := io.ReadAll(file)
	if err != nil {
		return facts{}, fmt.Errorf("reading %s: %w", filepath.Base(holder), err)
	}
	return readFacts(data), nil
}
