package native

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/debian"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// member matches a line of a linker's map that begins with a member of a static library.
var member = regexp.MustCompile(`(?m)^(/[^\n(]+\.a)\([^\n()]+\)`)

// bill lists what the programs were made from: the app, the packages of Debian that the user names, whose headers they were compiled with,
// and those of static libraries. Maps is the folder of the linker's maps.
func (b build) bill(root debian.Root, maps, programs string) (*sbom.Document, error) {
	document := sbom.Document{Subject: sbom.Component{Type: "application", Name: filepath.Base(b.AppDir)}}
	linked := map[string]bool{}
	for _, one := range b.packages.Locked {
		asked := func(name string) bool { return name == one.Name || strings.HasPrefix(name, one.Name+"=") }
		linked[one.Purl] = slices.ContainsFunc(b.named, asked)
	}
	archives, err := linkedArchives(maps)
	if err != nil {
		return nil, err
	}
	if len(archives) > 0 {
		libraries, err := root.Libraries()
		if err != nil {
			return nil, err
		}
		for _, file := range archives {
			if c, ok := b.compiler.Linked(programs, file); ok && !linked[c.PURL] {
				linked[c.PURL] = true
				document.Components = append(document.Components, c)
			}
			if purl, ok := libraries.Of(file); ok {
				linked[purl] = true
			}
		}
	}
	for _, one := range b.packages.Locked {
		if !linked[one.Purl] {
			continue
		}
		component, err := root.Component(one.Purl)
		if err != nil {
			return nil, err
		}
		document.Components = append(document.Components, component)
	}
	return &document, nil
}

// linkedArchives returns the paths of the static libraries of which maps in a folder have members, sorted.
func linkedArchives(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("reading what was linked: %w", err)
	}
	var files []string
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading what was linked: %w", err)
		}
		for _, found := range member.FindAllSubmatch(text, -1) {
			files = append(files, string(found[1]))
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}
