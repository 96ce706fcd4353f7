package attest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/store"
)

const (
	// StatementType is the media type of an in-toto statement (in-toto/attestation, spec/v1/envelope.md).
	StatementType = "application/vnd.in-toto+json"

	// predicateType and billType are the types of SLSA provenance and of a CycloneDX document in a statement.
	predicateType = "https://slsa.dev/provenance/v1"
	billType      = "https://cyclonedx.org/bom"

	statementV1 = "https://in-toto.io/Statement/v1"

	builderID = "https://github.com/strata-buildpacks/strata"
	// buildType and rebaseType are addresses of the text that explains the parameters.
	buildType  = builderID + "/blob/main/builder/platform/README.md#build-v1"
	rebaseType = builderID + "/blob/main/builder/platform/README.md#rebase-v1"
)

// Provenance says how an image was made. It has no clock: the same build has the same provenance.
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

// Resource names something by its digest (in-toto/attestation, spec/v1/resource_descriptor.md).
type Resource struct {
	Name      string            `json:"name"`
	URI       string            `json:"uri,omitempty"`
	Digest    map[string]string `json:"digest"`
	MediaType string            `json:"mediaType,omitempty"`
}

// Image is an image that another one is made of.
type Image struct {
	Ref    name.Reference
	Digest v1.Hash
}

// What a provenance calls the things that an image is made of.
const (
	sourceRole  = "source"
	builderRole = "builder"
	runRole     = "run image"
	imageRole   = "image"
	makerRole   = "builder of runtimes"
)

// resource names an image by its digest.
func (i Image) resource(role string) Resource {
	return Resource{Name: role, URI: containerPURL(i.Ref, i.Digest, map[string]string{"tag": i.Ref.Identifier()}), Digest: digestSet(i.Digest)}
}

// digestSet is a digest in the form of in-toto (in-toto/attestation, spec/v1/digest_set.md).
func digestSet(digest v1.Hash) map[string]string {
	return map[string]string{digest.Algorithm: digest.Hex}
}

// newProvenance returns the provenance of an image that this program makes.
func newProvenance(buildType string, parameters map[string]any, dependencies ...Resource) Provenance {
	var p Provenance
	p.BuildDefinition.BuildType = buildType
	p.BuildDefinition.ExternalParameters = parameters
	p.BuildDefinition.ResolvedDependencies = dependencies
	p.RunDetails.Builder.ID = builderID
	return p
}

// Build says what a build was asked for and what it was made of.
type Build struct {
	RunImage              string            // what --run-image said
	Platform              string            // what --platform said of this image, such as linux/arm64; empty if nothing
	Network               string            // "default", "none" or "host"
	Allowed               []string          // what else the network lets through
	Env                   map[string]string // the variables of the build
	Bindings              []string          // the folders of its bindings
	Buildpacks, Pre, Post []string          // what a project descriptor says of the order of buildpacks
	Builder, Run          Image
	Source                string // dirHash of the app in hexadecimal (digest_set.md); empty if it has none
}

// published reports whether the value of a variable is published: it configures a buildpack. The address of a dependency
// mirror may have a login.
func published(name string) bool {
	return (strings.HasPrefix(name, "BP_") || strings.HasPrefix(name, "BPE_")) && !strings.HasPrefix(name, "BP_DEPENDENCY_MIRROR")
}

// Provenance returns what the build publishes of itself. It publishes the values of variables that begin with BP_ or
// BPE_, except those of dependency mirrors. The values of all others may be secrets: it publishes their names alone. Of a
// binding it publishes the folder's name.
func (b Build) Provenance() Provenance {
	env, withheld := map[string]string{}, []string{}
	for key, value := range b.Env {
		if published(key) {
			env[key] = value
		} else {
			withheld = append(withheld, key)
		}
	}
	slices.Sort(withheld)
	bindings := make([]string, len(b.Bindings))
	for i, binding := range b.Bindings {
		bindings[i] = filepath.Base(binding)
	}
	parameters := map[string]any{"env": env, "envWithheld": withheld, "bindings": bindings, "network": b.Network, "runImage": b.RunImage}
	for key, list := range map[string][]string{
		"buildpacks": b.Buildpacks, "preBuildpacks": b.Pre, "postBuildpacks": b.Post, "networkAllow": b.Allowed,
	} {
		if len(list) > 0 {
			parameters[key] = list
		}
	}
	if b.Platform != "" {
		parameters["platform"] = b.Platform
	}
	dependencies := []Resource{b.Builder.resource(builderRole), b.Run.resource(runRole)}
	if b.Source != "" {
		dependencies = append(dependencies, Resource{Name: sourceRole, Digest: map[string]string{"dirHash": b.Source}})
	}
	return newProvenance(buildType, parameters, dependencies...)
}

// Rebase says which image was moved to which run image.
type Rebase struct {
	Image    Image // as it was before
	Run      Image
	Attached []store.Artifact // what was attached to the image before
	Runtimes []Runtime        // what took the place of runtimes
	Maker    Image            // the builder that made them, if there are any
}

// Runtime is a runtime of an image and what took its place: versions of one line.
type Runtime struct {
	ID   string `json:"id"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Provenance returns what the rebase publishes of itself. It takes source and builder over from the image's provenance.
func (r Rebase) Provenance() (Provenance, error) {
	dependencies := []Resource{r.Image.resource(imageRole), r.Run.resource(runRole)}
	for _, a := range r.Attached {
		if a.Type != StatementType {
			continue
		}
		built, err := parseStatement(a.Content)
		if err != nil {
			return Provenance{}, fmt.Errorf("reading what is attached to %s: %w", r.Image.Ref, err)
		}
		for _, d := range built.BuildDefinition.ResolvedDependencies {
			if d.Name == sourceRole || d.Name == builderRole || d.Name == makerRole && len(r.Runtimes) == 0 {
				dependencies = append(dependencies, d)
			}
		}
	}
	parameters := map[string]any{"runImage": r.Run.Ref.String()}
	if len(r.Runtimes) > 0 {
		parameters["runtimes"] = r.Runtimes
		dependencies = append(dependencies, r.Maker.resource(makerRole))
	}
	return newProvenance(rebaseType, parameters, dependencies...), nil
}

// ErrNotRebased is the error of an image that no provenance calls a rebase of another one.
var ErrNotRebased = errors.New("it has no provenance that says of which image it is a rebase")

// Before returns the digest of the image of which another one is a rebase, as the provenance says that is attached to it.
func Before(image v1.Hash, attached []store.Artifact) (v1.Hash, error) {
	for _, a := range attached {
		var p Provenance
		s := statement{Predicate: &p}
		if a.Type != StatementType || json.Unmarshal(a.Content, &s) != nil || p.BuildDefinition.BuildType != rebaseType {
			continue // it is somebody else's, or of something else
		}
		if len(s.Subject) != 1 || s.Subject[0].Digest[image.Algorithm] != image.Hex {
			continue
		}
		for _, d := range p.BuildDefinition.ResolvedDependencies {
			if hex, found := d.Digest["sha256"]; found && d.Name == imageRole {
				return v1.NewHash("sha256:" + hex)
			}
		}
	}
	return v1.Hash{}, ErrNotRebased
}

// statement is an in-toto statement (in-toto/attestation, spec/v1/statement.md).
type statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     any        `json:"predicate"`
}

// statement encodes the provenance of an image as an in-toto statement.
func (p Provenance) statement(ref name.Reference, digest v1.Hash) ([]byte, error) {
	content, err := json.Marshal(newStatement(ref, digest, predicateType, p))
	if err != nil {
		return nil, fmt.Errorf("encoding the provenance of %s: %w", ref, err)
	}
	return content, nil
}

// newStatement returns what is stated about an image.
func newStatement(ref name.Reference, digest v1.Hash, predicateType string, predicate any) statement {
	return statement{statementV1, []Resource{{Name: repository(ref), Digest: digestSet(digest)}}, predicateType, predicate}
}

// parseStatement reads the provenance of a statement.
func parseStatement(content []byte) (Provenance, error) {
	var p Provenance
	s := statement{Predicate: &p}
	if err := json.Unmarshal(content, &s); err != nil {
		return Provenance{}, fmt.Errorf("decoding provenance: %w", err)
	}
	if s.PredicateType != predicateType {
		return Provenance{}, fmt.Errorf("decoding provenance: its type is %q", s.PredicateType)
	}
	return p, nil
}

// billStatement encodes a CycloneDX document as an in-toto statement (in-toto/attestation, spec/predicates/cyclonedx.md).
func billStatement(ref name.Reference, digest v1.Hash, document []byte) ([]byte, error) {
	content, err := json.Marshal(newStatement(ref, digest, billType, json.RawMessage(document)))
	if err != nil {
		return nil, fmt.Errorf("encoding the bill of materials of %s: %w", ref, err)
	}
	return content, nil
}

// fileResource names a file that came of making an image.
func fileResource(a store.Artifact) Resource {
	sum := sha256.Sum256(a.Content)
	return Resource{Name: a.Title, Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}, MediaType: a.Type}
}
