package sbom

import (
	"bytes"
	"cmp"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// CycloneDX returns the document as CycloneDX 1.6 JSON.
func (d Document) CycloneDX() ([]byte, error) {
	d = d.sorted()
	bom := cdx.NewBOM() // of the library's newest version, and with nothing in it that 1.6 lacks
	bom.SpecVersion, bom.JSONSchema = cdx.SpecVersion1_6, "http://cyclonedx.org/schema/bom-1.6.schema.json"
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
	if err := encoder.Encode(bom); err != nil {
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

// ParseCycloneDX reads a document that CycloneDX wrote, or another writer of CycloneDX JSON, of which it keeps what a
// Document has.
func ParseCycloneDX(content []byte) (Document, error) {
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(content), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return Document{}, fmt.Errorf("decoding CycloneDX: %w", err)
	}
	// References are of the file; what a component depends on becomes the Ref of it.
	refs, needs := map[string]string{}, map[string][]string{}
	var d Document
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		d.Subject = component(*bom.Metadata.Component)
		refs[bom.Metadata.Component.BOMRef] = d.Subject.Ref()
	}
	if bom.Components != nil {
		for _, c := range *bom.Components {
			read := component(c)
			d.Components = append(d.Components, read)
			refs[c.BOMRef] = read.Ref()
		}
	}
	if bom.Dependencies != nil {
		for _, dependency := range *bom.Dependencies {
			if dependency.Dependencies == nil {
				continue
			}
			for _, on := range *dependency.Dependencies {
				if ref, ok := refs[on]; ok {
					needs[refs[dependency.Ref]] = append(needs[refs[dependency.Ref]], ref)
				}
			}
		}
	}
	d.Subject.Dependencies = needs[d.Subject.Ref()]
	for i := range d.Components {
		d.Components[i].Dependencies = needs[d.Components[i].Ref()]
	}
	return d.sorted(), nil
}

func component(c cdx.Component) Component {
	out := Component{Type: string(c.Type), Name: c.Name, Version: c.Version, PURL: c.PackageURL}
	if c.Type == cdx.ComponentTypeLibrary {
		out.Type = ""
	}
	if c.Licenses != nil {
		for _, l := range *c.Licenses {
			switch {
			case l.Expression != "":
				out.Licenses = append(out.Licenses, l.Expression)
			case l.License != nil:
				out.Licenses = append(out.Licenses, cmp.Or(l.License.ID, l.License.Name))
			}
		}
	}
	if c.Hashes != nil {
		for _, h := range *c.Hashes {
			if h.Algorithm == cdx.HashAlgoSHA256 {
				out.SHA256 = h.Value
			}
		}
	}
	return out
}
