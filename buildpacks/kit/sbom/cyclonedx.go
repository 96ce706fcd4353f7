package sbom

import (
	"bytes"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// CycloneDX returns the document as CycloneDX 1.6 JSON.
func (d Document) CycloneDX() ([]byte, error) {
	d = d.sorted()
	bom := cdx.NewBOM()
	bom.SerialNumber = d.uuid()
	subject := cdxComponent(d.Subject)
	if d.Subject.Type == "" {
		subject.Type = cdx.ComponentTypeApplication
	}
	bom.Metadata = &cdx.Metadata{Component: &subject}

	components := make([]cdx.Component, 0, len(d.Components))
	dependencies := []cdx.Dependency{cdxDependency(d.Subject)}
	for _, c := range d.Components {
		components = append(components, cdxComponent(c))
		dependencies = append(dependencies, cdxDependency(c))
	}
	bom.Components, bom.Dependencies = &components, &dependencies

	var out bytes.Buffer
	encoder := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := encoder.EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("encoding CycloneDX: %w", err)
	}
	return out.Bytes(), nil
}

func cdxComponent(c Component) cdx.Component {
	out := cdx.Component{
		BOMRef: c.Ref(), Type: cdx.ComponentTypeLibrary,
		Name: c.Name, Version: c.Version, PackageURL: c.PURL,
	}
	if c.Type != "" {
		out.Type = cdx.ComponentType(c.Type)
	}
	if l := c.licence(); l != "" {
		out.Licenses = &cdx.Licenses{{Expression: l}}
	}
	if c.SHA256 != "" {
		out.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: c.SHA256}}
	}
	return out
}

func cdxDependency(c Component) cdx.Dependency {
	d := cdx.Dependency{Ref: c.Ref()}
	if len(c.Dependencies) > 0 {
		d.Dependencies = &c.Dependencies
	}
	return d
}
