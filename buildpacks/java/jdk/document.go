package jdk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb/archive"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// licenceID is the licence of OpenJDK's own files, as SPDX has it.
const licenceID = "GPL-2.0-only WITH Classpath-exception-2.0"

// Document returns the bill of materials of the runtime in a folder: Java itself, and the packages of Debian that it was linked from.
func (r Runtime) Document(dir string) (*sbom.Document, error) {
	java := sbom.Component{
		Type: "application", Name: "openjdk", Version: r.jdk.Version, PURL: "pkg:generic/openjdk@" + r.jdk.Version, Licenses: []string{licenceID},
	}
	document := &sbom.Document{Subject: sbom.Component{Name: Home}}
	if r.jdk.Vendor() {
		java.PURL = r.jdk.release.PURL
	}
	for _, one := range r.jdk.packages {
		copyright, err := tree.ReadFile(filepath.Join(dir, "legal", one.Name, "copyright"))
		if errors.Is(err, fs.ErrNotExist) { // a package whose documentation is another one's
			copyright, err = tree.ReadFile(filepath.Join(dir, "legal", fmt.Sprintf("openjdk-%d-jre-headless", r.jdk.Major()), "copyright"))
		}
		if err != nil {
			return nil, fmt.Errorf("reading the licences of %s: %w", one.Name, err)
		}
		document.Components = append(document.Components, sbom.Component{
			Name: one.Name, Version: one.Version, PURL: one.Purl, SHA256: one.SHA256, Licenses: archive.Licences(string(copyright)),
		})
		java.Dependencies = append(java.Dependencies, one.Purl)
	}
	document.Components = append(document.Components, java)
	return document, nil
}
