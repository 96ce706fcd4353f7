package attest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// Names that cosign gives (sigstore/cosign, specs/SIGNATURE_SPEC.md and specs/ATTESTATION_SPEC.md).
const (
	payloadType         types.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	envelopeType        types.MediaType = "application/vnd.dsse.envelope.v1+json"
	signatureAnnotation                 = "dev.cosignproject.cosign/signature"
)

// passwordVariable holds the password of a key, for cosign as well.
const passwordVariable = "COSIGN_PASSWORD"

// Signer signs images with a key. It implements dsse.Signer.
type Signer struct{ key crypto.Signer }

// ReadKey reads a private key in PEM: one of `cosign generate-key-pair`, whose password is in COSIGN_PASSWORD, or an ECDSA
// or Ed25519 key in PKCS #8 or SEC 1, as openssl writes it. Its errors are faults.
func ReadKey(path string) (*Signer, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Fault{
			ID:   "sign-key",
			What: "the key cannot be read",
			Err:  err,
			Do:   "name the file of a private key with --sign",
		}
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fault.Fault{
			ID:   "sign-key",
			What: path + " is no private key in PEM",
			Do:   "make one with `cosign generate-key-pair` or `openssl genpkey`",
		}
	}
	key, err := parseKey(block)
	if err != nil {
		return nil, fault.Fault{
			ID:   "sign-key",
			What: "the key " + path + " cannot be used",
			Err:  err,
			Do:   "name an ECDSA or Ed25519 key; the password of cosign's is read from " + passwordVariable,
		}
	}
	return &Signer{key}, nil
}

func parseKey(block *pem.Block) (crypto.Signer, error) {
	der := block.Bytes
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(der)
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		var err error
		if der, err = encrypted.Decrypt(der, []byte(os.Getenv(passwordVariable))); err != nil {
			return nil, err
		}
	case "PRIVATE KEY":
	default:
		return nil, fmt.Errorf("it is %q", block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, fmt.Errorf("it is a %T", key)
}

// Sign signs with SHA-256 and, for ECDSA, with the nonce of RFC 6979: the same bytes get the same signature.
func (s *Signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	if _, ok := s.key.(ed25519.PrivateKey); ok {
		return s.key.Sign(nil, data, crypto.Hash(0))
	}
	digest := sha256.Sum256(data)
	return s.key.Sign(nil, digest[:], crypto.SHA256)
}

// KeyID returns no name: whoever verifies has the key.
func (s *Signer) KeyID() (string, error) { return "", nil }

// SignatureTag returns the tag under which cosign looks for the signatures of an image.
func SignatureTag(repository name.Repository, image v1.Hash) name.Tag {
	return repository.Tag(image.Algorithm + "-" + image.Hex + ".sig")
}

// AttestationTag returns the tag under which cosign looks for the signed statements about an image.
func AttestationTag(repository name.Repository, image v1.Hash) name.Tag {
	return repository.Tag(image.Algorithm + "-" + image.Hex + ".att")
}

// Signature adds a signature of an image, under its name in a repository, to those that are there. there may be nil.
func (s *Signer) Signature(ctx context.Context, repository name.Repository, image v1.Hash, there v1.Image) (v1.Image, error) {
	var payload struct {
		Critical struct {
			Identity struct {
				Reference string `json:"docker-reference"`
			} `json:"identity"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
			Type string `json:"type"`
		} `json:"critical"`
		Optional map[string]any `json:"optional"`
	}
	payload.Critical.Identity.Reference = repository.Name()
	payload.Critical.Image.Digest = image.String()
	payload.Critical.Type = "cosign container image signature"
	content, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("signing %s: %w", repository, err)
	}
	signature, err := s.Sign(ctx, content)
	if err != nil {
		return nil, fmt.Errorf("signing %s: %w", repository, err)
	}
	annotations := map[string]string{signatureAnnotation: base64.StdEncoding.EncodeToString(signature)}
	return add(there, static.NewLayer(content, payloadType), annotations)
}

// Attestations adds signed statements about an image to those that are there: its provenance and its CycloneDX document,
// as far as they are attached to it. there may be nil, and so may the result, if there is nothing to sign.
func (s *Signer) Attestations(
	ctx context.Context, ref name.Reference, image v1.Hash, attached []store.Artifact, there v1.Image,
) (v1.Image, error) {
	for _, a := range attached {
		content, kind := a.Content, predicateType
		var err error
		switch a.Type {
		case StatementType:
		case sbom.TypeCycloneDX:
			kind = billType
			if content, err = billStatement(ref, image, a.Content); err != nil {
				return nil, err
			}
		default:
			continue
		}
		if there, err = s.attestation(ctx, kind, content, there); err != nil {
			return nil, err
		}
	}
	return there, nil
}

// attestation adds a signed statement to those that are there.
func (s *Signer) attestation(ctx context.Context, predicateType string, statement []byte, there v1.Image) (v1.Image, error) {
	signer, err := dsse.NewEnvelopeSigner(s)
	if err != nil {
		return nil, fmt.Errorf("signing a statement: %w", err)
	}
	envelope, err := signer.SignPayload(ctx, StatementType, statement)
	if err != nil {
		return nil, fmt.Errorf("signing a statement: %w", err)
	}
	content, err := json.Marshal(envelope)
	if err != nil {
		return nil, fmt.Errorf("signing a statement: %w", err)
	}
	return add(there, static.NewLayer(content, envelopeType), map[string]string{signatureAnnotation: "", "predicateType": predicateType})
}

// add returns the image there with one more layer, or there itself if it has the layer. there may be nil.
func add(there v1.Image, layer v1.Layer, annotations map[string]string) (v1.Image, error) {
	if there == nil {
		there = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	}
	manifest, err := there.Manifest()
	if err != nil {
		return nil, err
	}
	digest, err := layer.Digest()
	if err != nil {
		return nil, err
	}
	for _, d := range manifest.Layers {
		if d.Digest == digest && d.Annotations[signatureAnnotation] == annotations[signatureAnnotation] {
			return there, nil
		}
	}
	mediaType, err := layer.MediaType()
	if err != nil {
		return nil, err
	}
	return mutate.Append(there, mutate.Addendum{Layer: layer, MediaType: mediaType, Annotations: annotations})
}
