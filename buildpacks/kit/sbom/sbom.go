// Package sbom writes bills of materials as CycloneDX 1.6 and SPDX 2.3, both JSON. The same document always gives the
// same bytes: identifiers come from its content, and there is no clock in it.
package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Component is one thing that was put together: a library, an application, an operating system package.
type Component struct {
	Type         string   // CycloneDX type: "library" (the default), "application", "operating-system", "file"
	Name         string   // as its ecosystem writes it
	Version      string   // empty when not known
	PURL         string   // package URL; empty when it has none
	Licenses     []string // SPDX expressions that all apply; anything else becomes a LicenseRef-
	SHA256       string   // of the file, in lower-case hexadecimal; empty when not known
	Dependencies []string // the Ref of each component that this one needs directly
}

// Ref returns what other components call this one: its package URL or, without one, "name@version".
func (c Component) Ref() string {
	if c.PURL != "" {
		return c.PURL
	}
	return c.Name + "@" + c.Version
}

// Document says what Subject consists of.
type Document struct {
	Subject    Component
	Components []Component
}

// How the names of the files end (Buildpack API, "Software-Bill-of-Materials"), and their media types.
const (
	SuffixCycloneDX = ".sbom.cdx.json"
	SuffixSPDX      = ".sbom.spdx.json"
	TypeCycloneDX   = "application/vnd.cyclonedx+json"
	TypeSPDX        = "application/spdx+json"
)

// Suffixes returns how the names of the files end that WriteFiles writes.
func Suffixes() []string { return []string{SuffixCycloneDX, SuffixSPDX} }

// WriteFiles writes both formats beside prefix: prefix + ".sbom.cdx.json" and prefix + ".sbom.spdx.json", mode 0644.
func (d Document) WriteFiles(prefix string) error {
	formats := []struct {
		suffix string
		encode func() ([]byte, error)
	}{{SuffixCycloneDX, d.CycloneDX}, {SuffixSPDX, d.SPDX}}
	for _, format := range formats {
		data, err := format.encode()
		if err != nil {
			return err
		}
		if err := os.WriteFile(prefix+format.suffix, data, 0o644); err != nil {
			return fmt.Errorf("writing SBOM: %w", err)
		}
	}
	return nil
}

// Merge returns a document of subject that holds the components of all documents, each once.
func Merge(subject Component, documents ...Document) Document {
	merged := Document{Subject: subject}
	for _, d := range documents {
		merged.Components = append(merged.Components, d.Components...)
	}
	return merged.sorted()
}

// sorted returns the document with its components and their lists in order and without duplicates.
func (d Document) sorted() Document {
	tidy := func(c Component) Component {
		c.Licenses = sortedSet(c.Licenses)
		c.Dependencies = sortedSet(c.Dependencies)
		return c
	}
	out := Document{Subject: tidy(d.Subject)}
	for _, c := range d.Components {
		out.Components = append(out.Components, tidy(c))
	}
	slices.SortStableFunc(out.Components, func(a, b Component) int { return cmp.Compare(a.Ref(), b.Ref()) })
	out.Components = slices.CompactFunc(out.Components, func(a, b Component) bool { return a.Ref() == b.Ref() })
	// References are unique in a document, so a component that is the subject is not listed again.
	out.Components = slices.DeleteFunc(out.Components, func(c Component) bool { return c.Ref() == out.Subject.Ref() })
	return out
}

func sortedSet(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// uuid returns a URN that is derived from the document's content (UUID version 8, RFC 9562).
func (d Document) uuid() string {
	content, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings and slices of strings always encode
	}
	h := sha256.Sum256(content)
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

var (
	expression = regexp.MustCompile(`^[A-Za-z0-9.+\-]+( (AND|OR|WITH) [A-Za-z0-9.+\-]+)*$`)
	notID      = regexp.MustCompile(`[^A-Za-z0-9.\-]+`)
)

// licence returns one SPDX expression for all of a component's licences, "" if none is known.
func (c Component) licence() string {
	parts := make([]string, 0, len(c.Licenses))
	for _, l := range c.Licenses {
		plain := strings.NewReplacer("(", "", ")", "").Replace(l)
		switch {
		case !expression.MatchString(plain):
			l = "LicenseRef-" + strings.Trim(notID.ReplaceAllString(l, "-"), "-")
		case len(c.Licenses) > 1 && strings.Contains(l, " "):
			l = "(" + l + ")"
		}
		parts = append(parts, l)
	}
	return strings.Join(parts, " AND ")
}
