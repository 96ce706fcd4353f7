package install

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"

	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

var (
	// brought matches the bills of materials that a package has of what was built into it (PEP 770).
	brought = regexp.MustCompile(`^[^/]+\.dist-info/sboms/.+\.json$`)
	// repaired matches the libraries that auditwheel copied into a package.
	repaired = regexp.MustCompile(`^[^/]+\.libs/.+\.so(\.|$)`)
	// vendored matches what describes a distribution in a folder of a package.
	vendored = regexp.MustCompile(`/[^/]+\.dist-info/METADATA$`)
)

// document returns the bill of materials of packages that are copied from a folder site-packages to another: the packages, the
// distributions that are in their folders, what their own bills of materials name, and the libraries that were copied into them, as files.
func (i *Installer) document(site, to, layer string, all []*packaged) (*sbom.Document, error) {
	root, err := os.OpenRoot(to)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	d := &sbom.Document{Subject: sbom.Component{Name: layer}}
	for _, p := range all {
		c := p.component(site)
		for _, name := range p.kept {
			inside, err := p.inside(root, name)
			if err != nil {
				i.source.In.Log.Warn("what %s of %s describes is not in the bill of materials: %v", name, p.name, err)
			}
			for _, one := range inside {
				c.Dependencies = append(c.Dependencies, one.Ref())
			}
			d.Components = append(d.Components, inside...)
		}
		d.Components = append(d.Components, c)
	}
	return d, nil
}

// inside returns what a file of a package shows to be inside of it.
func (p *packaged) inside(root *os.Root, name string) ([]sbom.Component, error) {
	switch {
	case vendored.MatchString(name):
		d, err := describe(root, path.Dir(name))
		if err != nil || d.name == "" {
			return nil, err
		}
		return []sbom.Component{d.component(root.Name())}, nil
	case brought.MatchString(name):
		return p.named(root, name)
	case repaired.MatchString(name):
		file, err := root.Open(name)
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, file)
		one := sbom.Component{Type: "file", Name: name, SHA256: hex.EncodeToString(sum.Sum(nil))}
		return []sbom.Component{one}, errors.Join(err, file.Close())
	}
	return nil, nil
}

// named returns what a bill of materials of a package names, except the package and parts of it. What the bill says beyond name, version,
// package URL and licences cannot be known to be so.
func (p *packaged) named(root *os.Root, name string) ([]sbom.Component, error) {
	text, err := tree.ReadIn(root, name)
	if err != nil {
		return nil, err
	}
	bill, err := sbom.ParseCycloneDX(text)
	if err != nil {
		return nil, fmt.Errorf("it is no CycloneDX: %w", err)
	}
	var all []sbom.Component
	for _, c := range bill.Components {
		purl, err := packageurl.FromString(c.PURL)
		if err != nil {
			c.PURL = ""
		}
		if c.Name != "" && (purl.Type != packageurl.TypePyPi || Normalized(purl.Name) != p.name) {
			all = append(all, sbom.Component{Name: c.Name, Version: c.Version, PURL: c.PURL, Licenses: c.Licenses})
		}
	}
	return all, nil
}
