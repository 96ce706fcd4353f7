package attest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	// StatementType is the media type of an in-toto statement (in-toto/attestation, spec/v1/envelope.md).
	StatementType = "application/vnd.in-toto+json"
	// PredicateType is that of SLSA provenance in a statement.
	PredicateType = "https://slsa.dev/provenance/v1"
	// BillType is that of a CycloneDX document.
	BillType = "https://cyclonedx.org/bom"

	statementV1 = "https://in-toto.io/Statement/v1"

	builderID = "https://github.com/strata-buildpacks/strata"
	// BuildType says how the parameters of a build are to be read.
	BuildType = builderID + "/blob/main/builder/platform/README.md#build-v1"
	// RebaseType is BuildType for a rebase.
	RebaseType = builderID + "/blob/main/builder/platform/README.md#rebase-v1"
)

// Provenance says how an image was made. There is no clock in it: the same build has the same provenance.
type Provenance struct {
	BuildDefinition struct {
		BuildType            string         `json:"buildType"`
		ExternalParameters   map[string]any `json:"externalParameters"`
		InternalParameters   map[string]any `json:"internalParameters,omitempty"`
		ResolvedDependencies []Resource     `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Byproducts []Resource `json:"byproducts,omitempty"`
	} `json:"runDetails"`
}

// Resource is something by its digest (in-toto/attestation, spec/v1/resource_descriptor.md).
type Resource struct {
	Name      string            `json:"name"`
	URI       string            `json:"uri,omitempty"`
	Digest    map[string]string `json:"digest"`
	MediaType string            `json:"mediaType,omitempty"`
}

// NewProvenance begins the provenance of an image that this program makes.
func NewProvenance(buildType string, parameters map[string]any, dependencies ...Resource) Provenance {
	var p Provenance
	p.BuildDefinition.BuildType = buildType
	p.BuildDefinition.ExternalParameters = parameters
	p.BuildDefinition.ResolvedDependencies = dependencies
	p.RunDetails.Builder.ID = builderID
	return p
}

// ImageResource is an image that another is made of.
func ImageResource(role string, ref name.Reference, digest v1.Hash) Resource {
	return Resource{Name: role, URI: containerPURL(ref, digest, map[string]string{"tag": ref.Identifier()}), Digest: map[string]string{digest.Algorithm: digest.Hex}}
}

// statement is an in-toto statement (in-toto/attestation, spec/v1/statement.md).
type statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     any        `json:"predicate"`
}

// Statement encodes the provenance of an image as an in-toto statement.
func (p Provenance) Statement(ref name.Reference, digest v1.Hash) ([]byte, error) {
	subject := Resource{Name: repository(ref), Digest: map[string]string{digest.Algorithm: digest.Hex}}
	content, err := json.Marshal(statement{statementV1, []Resource{subject}, PredicateType, p})
	if err != nil {
		return nil, fmt.Errorf("encoding the provenance of %s: %w", ref, err)
	}
	return content, nil
}

// ParseStatement reads the provenance of a statement.
func ParseStatement(content []byte) (Provenance, error) {
	var p Provenance
	s := statement{Predicate: &p}
	if err := json.Unmarshal(content, &s); err != nil {
		return Provenance{}, fmt.Errorf("decoding provenance: %w", err)
	}
	if s.PredicateType != PredicateType {
		return Provenance{}, fmt.Errorf("decoding provenance: its type is %q", s.PredicateType)
	}
	return p, nil
}

// BillStatement is a CycloneDX document as an in-toto statement (in-toto/attestation, spec/predicates/cyclonedx.md).
func BillStatement(ref name.Reference, digest v1.Hash, document []byte) ([]byte, error) {
	subject := Resource{Name: repository(ref), Digest: map[string]string{digest.Algorithm: digest.Hex}}
	content, err := json.Marshal(statement{statementV1, []Resource{subject}, BillType, json.RawMessage(document)})
	if err != nil {
		return nil, fmt.Errorf("encoding the bill of materials of %s: %w", ref, err)
	}
	return content, nil
}

// FileResource is a file that came of making an image.
func FileResource(name, mediaType string, content []byte) Resource {
	sum := sha256.Sum256(content)
	return Resource{Name: name, Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}, MediaType: mediaType}
}
