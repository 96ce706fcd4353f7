package assemble

import (
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	packageurl "github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// sbom describes the finished image: the packages that are in it, and the release of Debian, by which scanners choose their
// advisories.
func (a *assembled) sbom(img v1.Image) (sbom.Document, error) {
	digest, err := img.Digest()
	if err != nil {
		return sbom.Document{}, err
	}
	name, tag, _ := strings.Cut(a.stack.Image, ":")
	qualifiers := packageurl.QualifiersFromMap(map[string]string{"arch": a.arch, "tag": tag})
	d := sbom.Document{Subject: sbom.Component{Type: "container", Name: name, Version: tag,
		PURL: packageurl.NewPackageURL(packageurl.TypeOCI, "", path.Base(name), digest.String(), qualifiers, "").ToString()}}
	d.Components = append(d.Components, sbom.Component{Type: "operating-system", Name: "debian", Version: a.stack.Version})
	for _, l := range a.layers {
		for _, p := range l.packages {
			d.Components = append(d.Components, sbom.Component{Name: p.Name, Version: p.Version, PURL: p.Purl, SHA256: p.SHA256,
				Licenses: l.Packages()[p.Name].Licences})
		}
	}
	for _, c := range d.Components {
		d.Subject.Dependencies = append(d.Subject.Dependencies, c.Ref())
	}
	return d, nil
}
