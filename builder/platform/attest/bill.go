// Package attest makes what is attached to an app image: bills of materials of the whole image, SLSA provenance
// (https://slsa.dev/spec/v1.1/provenance), and signatures that cosign verifies.
package attest

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/package-url/packageurl-go"

	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// maxBill is the size of the largest bill of materials that is read, in bytes. It is read into memory.
const maxBill = 64 << 20

// Base is the run image that an app stands on.
type Base struct {
	Ref   name.Reference
	Image v1.Image
	Bill  sbom.Document // of what it consists; empty if nothing says so
}

// StoredBase returns a run image with what a store has attached to it.
func StoredBase(s *store.Store, ref name.Reference, image v1.Image) (Base, error) {
	digest, err := image.Digest()
	if err != nil {
		return Base{}, fmt.Errorf("reading %s: %w", ref, err)
	}
	attached, err := s.Artifacts(digest)
	if err != nil {
		return Base{}, s.Explain(ref.String(), store.BuildStack(ref.String()), err)
	}
	return ReadBase(ref, image, attached)
}

// ReadBase returns a run image with what is attached to it.
func ReadBase(ref name.Reference, image v1.Image, attached []store.Artifact) (Base, error) {
	b := Base{Ref: ref, Image: image}
	for _, a := range attached {
		if a.Type == sbom.TypeCycloneDX {
			var err error
			if b.Bill, err = sbom.ParseCycloneDX(a.Content); err != nil {
				return b, fmt.Errorf("reading the bill of materials of %s: %w", ref, err)
			}
		}
	}
	return b, nil
}

// bill lists what an app image consists of: what the buildpacks say of their layers (platform.md, "Bill-of-Materials"),
// and the run image with what it consists of.
func bill(ref name.Reference, image v1.Image, base Base) (sbom.Document, error) {
	documents, err := launchBills(image)
	if err != nil {
		return sbom.Document{}, fmt.Errorf("reading the bills of materials of %s: %w", ref, err)
	}
	subject, err := container(ref, image)
	if err != nil {
		return sbom.Document{}, err
	}
	run := base.Bill
	needs := run.Subject.Dependencies
	if run.Subject, err = container(base.Ref, base.Image); err != nil {
		return sbom.Document{}, err
	}
	run.Subject.Dependencies = needs
	var all sbom.Document
	for _, d := range append(documents, run) {
		if d.Subject.Name != "" {
			all.Components = append(all.Components, d.Subject)
			subject.Dependencies = append(subject.Dependencies, d.Subject.Ref())
		}
		all.Components = append(all.Components, d.Components...)
	}
	return sbom.Merge(subject, all), nil
}

// container describes an image as a component.
func container(ref name.Reference, image v1.Image) (sbom.Component, error) {
	digest, err := image.Digest()
	if err != nil {
		return sbom.Component{}, fmt.Errorf("reading %s: %w", ref, err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return sbom.Component{}, fmt.Errorf("reading %s: %w", ref, err)
	}
	return sbom.Component{Type: "container", Name: repository(ref), Version: digest.String(),
		PURL: containerPURL(ref, digest, map[string]string{"arch": config.Architecture})}, nil
}

// containerPURL returns an image's package URL (purl-spec, types/oci).
func containerPURL(ref name.Reference, digest v1.Hash, qualifiers map[string]string) string {
	last := path.Base(ref.Context().RepositoryStr())
	return packageurl.NewPackageURL(packageurl.TypeOCI, "", last, digest.String(), packageurl.QualifiersFromMap(qualifiers), "").ToString()
}

// repository returns an image's name without registry and tag, as people write it.
func repository(ref name.Reference) string {
	return strings.TrimPrefix(ref.Context().RepositoryStr(), "library/")
}

// launchBills reads the CycloneDX documents that an export keeps in a layer of their own.
func launchBills(image v1.Image) ([]sbom.Document, error) {
	layer, err := billLayer(image)
	if layer == nil || err != nil {
		return nil, err
	}
	stream, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	var documents []sbom.Document
	for archive := tar.NewReader(stream); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) { // the sums of the file are at its end
			_, err := io.Copy(io.Discard, stream)
			return documents, err
		}
		if err != nil {
			return nil, err
		}
		if path.Base(header.Name) != "sbom.cdx.json" {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(archive, maxBill))
		if err != nil {
			return nil, err
		}
		document, err := sbom.ParseCycloneDX(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", header.Name, err)
		}
		documents = append(documents, document)
	}
}

// billLayer returns the layer with the bills of materials, or nil if the image has none.
func billLayer(image v1.Image) (v1.Layer, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	var metadata struct {
		SBOM *struct{ SHA v1.Hash } `json:"sbom"`
	}
	if err := json.Unmarshal([]byte(config.Config.Labels["io.buildpacks.lifecycle.metadata"]), &metadata); err != nil {
		return nil, fmt.Errorf("label io.buildpacks.lifecycle.metadata: %w", err)
	}
	if metadata.SBOM == nil {
		return nil, nil
	}
	return image.LayerByDiffID(metadata.SBOM.SHA)
}
