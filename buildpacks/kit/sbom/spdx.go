package sbom

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// SPDX asks for a time of creation; ours is fixed, as the layers' own times are.
const spdxCreated = "1980-01-01T00:00:01Z"

const spdxNone = "NOASSERTION"

type spdxDocument struct {
	Version       string             `json:"spdxVersion"`
	DataLicense   string             `json:"dataLicense"`
	ID            string             `json:"SPDXID"`
	Name          string             `json:"name"`
	Namespace     string             `json:"documentNamespace"`
	Creation      spdxCreation       `json:"creationInfo"`
	Packages      []spdxPackage      `json:"packages"`
	Licenses      []spdxLicense      `json:"hasExtractedLicensingInfos,omitempty"`
	Relationships []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID               string         `json:"SPDXID"`
	Name             string         `json:"name"`
	Version          string         `json:"versionInfo,omitempty"`
	Purpose          string         `json:"primaryPackagePurpose,omitempty"`
	DownloadLocation string         `json:"downloadLocation"`
	FilesAnalyzed    bool           `json:"filesAnalyzed"`
	LicenseConcluded string         `json:"licenseConcluded"`
	LicenseDeclared  string         `json:"licenseDeclared"`
	Copyright        string         `json:"copyrightText"`
	Checksums        []spdxChecksum `json:"checksums,omitempty"`
	References       []spdxRef      `json:"externalRefs,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxLicense struct {
	ID   string `json:"licenseId"`
	Text string `json:"extractedText"`
}

type spdxRelationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

// SPDX returns the document as SPDX 2.3 JSON.
func (d Document) SPDX() ([]byte, error) {
	d = d.sorted()
	subject := d.Subject
	subject.Type = cmp.Or(subject.Type, "application")
	out := spdxDocument{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT",
		Name: subject.Name, Namespace: d.uuid(),
		Creation: spdxCreation{Created: spdxCreated, Creators: []string{"Tool: strata"}},
		Packages: []spdxPackage{spdxPackageOf(subject)},
		Relationships: []spdxRelationship{
			{"SPDXRef-DOCUMENT", "DESCRIBES", spdxID(subject)},
		},
	}
	known := map[string]Component{subject.Ref(): subject}
	for _, c := range d.Components {
		out.Packages = append(out.Packages, spdxPackageOf(c))
		out.Relationships = append(out.Relationships, spdxRelationship{spdxID(subject), "CONTAINS", spdxID(c)})
		known[c.Ref()] = c
	}
	for _, c := range append([]Component{subject}, d.Components...) {
		for _, ref := range c.Dependencies {
			if to, ok := known[ref]; ok { // SPDX refuses relationships to elements that are not there
				out.Relationships = append(out.Relationships, spdxRelationship{spdxID(c), "DEPENDS_ON", spdxID(to)})
			}
		}
	}
	out.Licenses = spdxLicenses(append([]Component{subject}, d.Components...))

	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		return nil, fmt.Errorf("encoding SPDX: %w", err)
	}
	return buf.Bytes(), nil
}

func spdxPackageOf(c Component) spdxPackage {
	p := spdxPackage{
		ID: spdxID(c), Name: c.Name, Version: c.Version,
		Purpose:          strings.ToUpper(cmp.Or(c.Type, "library")),
		DownloadLocation: spdxNone, LicenseConcluded: spdxNone,
		LicenseDeclared: cmp.Or(c.licence(), spdxNone), Copyright: spdxNone,
	}
	if c.SHA256 != "" {
		p.Checksums = []spdxChecksum{{"SHA256", c.SHA256}}
	}
	if c.PURL != "" {
		p.References = []spdxRef{{"PACKAGE-MANAGER", "purl", c.PURL}}
	}
	return p
}

// spdxID returns an identifier that reads like the component and is unique as its reference is.
func spdxID(c Component) string {
	hash := sha256.Sum256([]byte(c.Ref()))
	name := strings.Trim(notID.ReplaceAllString(c.Name, "-"), "-")
	return fmt.Sprintf("SPDXRef-%s-%x", name, hash[:4])
}

var licenceRef = regexp.MustCompile(`LicenseRef-[A-Za-z0-9.\-]+`)

// spdxLicenses declares every LicenseRef- that the components use, in order.
func spdxLicenses(components []Component) []spdxLicense {
	var ids []string
	for _, c := range components {
		ids = append(ids, licenceRef.FindAllString(c.licence(), -1)...)
	}
	var out []spdxLicense
	for _, id := range sortedSet(ids) {
		out = append(out, spdxLicense{ID: id, Text: strings.TrimPrefix(id, "LicenseRef-")})
	}
	return out
}
