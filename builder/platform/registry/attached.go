package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// emptyType is the media type of the configuration of an artifact (image-spec, manifest.md, "Guidance for an Empty
// Descriptor").
const emptyType = "application/vnd.oci.empty.v1+json"

// maxAttached is how many artifacts of an image are read, because the list does not say what they are.
const maxAttached = 64

// Annotations of a Sigstore bundle, and of an in-toto statement in another artifact, that say what it states. Sigstore's are hints that
// clients write (sigstore/cosign, "Bundle Specification").
const (
	bundlePredicate  = "dev.sigstore.bundle.predicateType"
	bundleContent    = "dev.sigstore.bundle.content" // "dsse-envelope" or "message-signature"
	inTotoPredicate  = "in-toto.io/predicate-type"
	layerPredicate   = "predicateType" // of a layer under cosign's tag .att
	sigstoreBundle   = "application/vnd.dev.sigstore.bundle"
	messageSignature = "message-signature"
)

// Attachment says what an artifact is whose subject is an image.
type Attachment struct {
	Type      string // of the artifact
	Predicate string // the type of what an attestation states, empty if it is none or does not say it
	Bundle    bool   // a Sigstore bundle, which may be a signature or an attestation
	Signature bool   // a bundle that is a plain signature
}

func attachment(artifactType string, annotations map[string]string) Attachment {
	a := Attachment{Type: artifactType, Predicate: annotations[inTotoPredicate], Bundle: strings.HasPrefix(artifactType, sigstoreBundle)}
	if a.Bundle {
		a.Predicate, a.Signature = annotations[bundlePredicate], annotations[bundleContent] == messageSignature
	}
	return a
}

// Attached returns the artifacts of some types whose subject is an image.
func (c *Client) Attached(ctx context.Context, image name.Digest, artifactTypes ...string) ([]v1.Image, error) {
	index, err := remote.Referrers(image, remote.WithContext(ctx), remote.Reuse(c.puller))
	if err != nil {
		return nil, explain("reading", image, err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, explain("reading", image, err)
	}
	var found []v1.Image
	for _, d := range list.Manifests {
		// Some registries list the type of the configuration instead, which is the same for all artifacts.
		if d.ArtifactType != "" && d.ArtifactType != emptyType && !slices.Contains(artifactTypes, d.ArtifactType) {
			continue
		}
		artifact, err := c.Single(ctx, image.Digest(d.Digest.String()))
		if err != nil {
			return nil, err
		}
		manifest, err := artifact.Manifest()
		if err != nil {
			return nil, explain("reading", image, err)
		}
		if slices.Contains(artifactTypes, manifest.ArtifactType) {
			found = append(found, artifact)
		}
	}
	return found, nil
}

// Attachments returns what the artifacts are whose subject is an image. Those that cannot be read are left out, and the error says why.
func (c *Client) Attachments(ctx context.Context, image name.Digest) ([]Attachment, error) {
	index, err := remote.Referrers(image, remote.WithContext(ctx), remote.Reuse(c.puller))
	if err != nil {
		return nil, explain("reading", image, err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, explain("reading", image, err)
	}
	var found []Attachment
	var failed error
	read := 0
	for _, d := range list.Manifests {
		a := attachment(d.ArtifactType, d.Annotations)
		// cosign writes no annotations into the list of a registry without the referrers API.
		if d.ArtifactType != "" && d.ArtifactType != emptyType && (!a.Bundle || a.Predicate != "" || a.Signature) {
			found = append(found, a)
			continue
		}
		if read++; read > maxAttached {
			return found, fault.Fault{
				ID: "registry-attached", What: image.String(), Err: fmt.Errorf("more than %d artifacts do not say what they are", maxAttached),
				Do: "remove some of them",
			}
		}
		artifact, err := c.Single(ctx, image.Digest(d.Digest.String()))
		if err != nil {
			failed = err
			continue
		}
		manifest, err := artifact.Manifest()
		if err != nil {
			failed = explain("reading", image, err)
			continue
		}
		found = append(found, attachment(manifest.ArtifactType, manifest.Annotations))
	}
	return found, failed
}

// Stated returns the types of what the attestations under a tag of cosign state, and nothing if there is no such tag. One whose annotation
// does not say it is left out.
func (c *Client) Stated(ctx context.Context, tag name.Tag) ([]string, error) {
	image, err := c.Find(ctx, tag)
	if image == nil || err != nil {
		return nil, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, explain("reading", tag, err)
	}
	var types []string
	for _, layer := range manifest.Layers {
		if predicate := layer.Annotations[layerPredicate]; predicate != "" {
			types = append(types, predicate)
		}
	}
	return types, nil
}

// HasName reports whether a registry has something of a name.
func (c *Client) HasName(ctx context.Context, ref name.Reference) (bool, error) {
	_, err := c.Digest(ctx, ref)
	if errors.Is(err, ErrUnknown) {
		return false, nil
	}
	return err == nil, err
}
