package attest

import (
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// suffixProvenance ends the name of a file with provenance.
const suffixProvenance = ".provenance.json"

// App returns what is attached to an app's image: bills of materials of all of it, and how it was made.
func App(ref name.Reference, image v1.Image, base Base, how Provenance) ([]store.Artifact, error) {
	bill, err := bill(ref, image, base)
	if err != nil {
		return nil, err
	}
	return describe(ref, image, bill, &how)
}

// Bills returns a bill of materials in its formats. title begins the names of its files.
func Bills(title string, bill sbom.Document) ([]store.Artifact, error) {
	cdx, err := bill.CycloneDX()
	if err != nil {
		return nil, err
	}
	spdx, err := bill.SPDX()
	if err != nil {
		return nil, err
	}
	return []store.Artifact{
		{Type: sbom.TypeCycloneDX, Title: title + sbom.SuffixCycloneDX, Content: cdx},
		{Type: sbom.TypeSPDX, Title: title + sbom.SuffixSPDX, Content: spdx},
	}, nil
}

// describe encodes what is attached to an image. A run image has no provenance: its lock says what it is made of.
func describe(ref name.Reference, image v1.Image, bill sbom.Document, how *Provenance) ([]store.Artifact, error) {
	title := imagename.Base(ref.Context().RepositoryStr())
	attached, err := Bills(title, bill)
	if err != nil || how == nil {
		return attached, err
	}
	profile, err := profiles(title, image)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	attached = append(attached, profile...)
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	how.RunDetails.Byproducts = nil
	for _, a := range attached {
		how.RunDetails.Byproducts = append(how.RunDetails.Byproducts, fileResource(a))
	}
	statement, err := how.statement(ref, digest)
	if err != nil {
		return nil, err
	}
	return append(attached, store.Artifact{Type: StatementType, Title: title + suffixProvenance, Content: statement}), nil
}

// Repacked returns what is attached to an image, said of another image that has the same files.
func Repacked(ref name.Reference, image v1.Image, attached []store.Artifact) ([]store.Artifact, error) {
	i := slices.IndexFunc(attached, func(a store.Artifact) bool { return a.Type == sbom.TypeCycloneDX })
	if i < 0 {
		return nil, nil
	}
	bill, err := sbom.ParseCycloneDX(attached[i].Content)
	if err != nil {
		return nil, fmt.Errorf("reading the bill of materials of %s: %w", ref, err)
	}
	subject, err := container(ref, image)
	if err != nil {
		return nil, err
	}
	subject.Dependencies = bill.Subject.Dependencies
	bill.Subject = subject
	var how *Provenance
	for _, a := range attached {
		if a.Type == StatementType {
			read, err := parseStatement(a.Content)
			if err != nil {
				return nil, fmt.Errorf("reading the provenance of %s: %w", ref, err)
			}
			how = &read
		}
	}
	return describe(ref, image, bill, how)
}
