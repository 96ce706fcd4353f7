package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/registry"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// signatures are the types of artifacts that are signatures of an image: those of cosign and Notation.
var signatures = []string{"application/vnd.dev.cosign.artifact.sig.v1+json", "application/vnd.cncf.notary.signature"}

// signs is what a bundle of cosign states that is a signature.
const signs = "https://sigstore.dev/cosign/sign/v1"

// vouched looks for signatures, provenance and bills of materials beside the image. What cannot be read is the row's reason.
func (r *reader) vouched(ctx context.Context, row *Image, image name.Digest) {
	if row.Kind != App && row.Kind != RunImage {
		return
	}
	attached, err := r.client.Attachments(ctx, image)
	for _, is := range attached {
		row.attached(is)
	}
	digest, hashErr := v1.NewHash(image.DigestStr())
	if hashErr != nil {
		row.Unvouched = short(hashErr.Error(), maxReason)
		return
	}
	var tagErr, statedErr error
	if !row.Signed {
		row.Signed, tagErr = r.client.HasName(ctx, attest.SignatureTag(image.Context(), digest))
	}
	var stated []string
	if !row.Attested || !row.Described {
		stated, statedErr = r.client.Stated(ctx, attest.AttestationTag(image.Context(), digest))
	}
	for _, predicate := range stated {
		row.states(predicate)
	}
	if err := errors.Join(err, tagErr, statedErr); err != nil && (!row.Signed || !row.Attested) {
		row.Unvouched = short(err.Error(), maxReason)
	}
}

func (i *Image) attached(is registry.Attachment) {
	i.Signed = i.Signed || slices.Contains(signatures, is.Type) || is.Signature || is.Bundle && is.Predicate == signs
	i.Attested = i.Attested || is.Type == attest.StatementType && is.Predicate == ""
	i.Described = i.Described || is.Type == sbom.TypeCycloneDX || is.Type == sbom.TypeSPDX
	i.states(is.Predicate)
}

// states notes what an attestation states, by its type (in-toto/attestation, spec/predicates).
func (i *Image) states(predicate string) {
	i.Attested = i.Attested || strings.HasPrefix(predicate, "https://slsa.dev/provenance/")
	isBill := strings.HasPrefix(predicate, "https://cyclonedx.org/bom") || strings.HasPrefix(predicate, "https://spdx.dev/Document")
	i.Described = i.Described || isBill
}
