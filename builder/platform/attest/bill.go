// Package attest makes what is attached to an app image: bills of materials of the whole image, SLSA provenance
// (https://slsa.dev/spec/v1.1/provenance), and signatures that cosign verifies.
package attest

import (
	"archive/tar"
	"cmp"
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
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// How large bills of materials of an image may be, in bytes: one, and all together with the headers of their files. They are read
// into memory, where they take forty times as much. One of 5,000 npm packages has 4 MiB.
const (
	maxBill  = 16 << 20
	maxBills = 32 << 20
	header   = 512
)

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

// Contained returns the bills of materials of what buildpacks have put into an image, as its own layer of them says. An image that no
// lifecycle has made has none.
func Contained(ref name.Reference, image v1.Image) ([]store.Artifact, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	if !store.IsApp(config) {
		return nil, nil
	}
	contained, err := bill(ref, image, Base{})
	if err != nil {
		return nil, err
	}
	return describe(ref, image, contained, nil)
}

// bill lists what an app image consists of: what the buildpacks say of their layers (platform.md, "Bill-of-Materials"),
// and the run image with what it consists of, unless it is not known.
func bill(ref name.Reference, image v1.Image, base Base) (sbom.Document, error) {
	documents, err := launchBills(image)
	if err != nil {
		return sbom.Document{}, fmt.Errorf("reading the bills of materials of %s: %w", ref, err)
	}
	subject, err := container(ref, image)
	if err != nil {
		return sbom.Document{}, err
	}
	if run := base.Bill; base.Image != nil {
		needs := run.Subject.Dependencies
		if run.Subject, err = container(base.Ref, base.Image); err != nil {
			return sbom.Document{}, err
		}
		run.Subject.Dependencies = needs
		documents = append(documents, run)
	}
	var all sbom.Document
	for _, d := range documents {
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
	var documents []sbom.Document
	err := eachBill(image, keepBills(&documents))
	return documents, err
}

// keepBills returns what keeps whole documents.
func keepBills(documents *[]sbom.Document) func(name string, file io.Reader) error {
	return func(name string, file io.Reader) error {
		content, err := io.ReadAll(file)
		if err != nil {
			return err
		}
		document, err := sbom.ParseCycloneDX(content)
		if err != nil {
			return billFault(name, "cannot be read: "+err.Error())
		}
		*documents = append(*documents, document)
		return nil
	}
}

// eachBill visits the CycloneDX documents of an image.
func eachBill(image v1.Image, visit func(name string, file io.Reader) error) error {
	layer, err := billLayer(image)
	if layer == nil || err != nil {
		return err
	}
	stream, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer stream.Close()
	err = readBills(tar.NewReader(stream), visit)
	if err == nil {
		_, err = io.Copy(io.Discard, stream) // the sums of the file are at its end
	}
	return err
}

func readBills(archive *tar.Reader, visit func(name string, file io.Reader) error) error {
	var total int64
	for {
		file, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if path.Base(file.Name) != "sbom.cdx.json" {
			continue
		}
		total += file.Size + header
		switch {
		case file.Typeflag != tar.TypeReg:
			return billFault(file.Name, "is no file")
		case file.Size > maxBill:
			return billFault(file.Name, fmt.Sprintf("has more than %d MiB", maxBill>>20))
		case total > maxBills:
			return billFault(file.Name, fmt.Sprintf("has, with those before it, more than %d MiB", maxBills>>20))
		}
		if err := visit(file.Name, archive); err != nil {
			return err
		}
	}
}

// billOf returns whose bill of materials a file is: layers/sbom/launch/BUILDPACK/[LAYER/]… (platform.md).
func billOf(file string) (buildpack, layer string) {
	_, below, found := strings.Cut(file, "layers/sbom/launch/")
	if !found || !strings.Contains(below, "/") {
		return "", ""
	}
	id, rest, _ := strings.Cut(below, "/")
	if named, _, inLayer := strings.Cut(rest, "/"); inLayer {
		layer = named
	}
	return strings.ReplaceAll(id, "_", "/"), layer
}

// billFault says what is wrong with a bill of materials, and whose it is.
func billFault(file, what string) error {
	whose, _ := billOf(file)
	return fault.Fault{
		ID:   "bill-of-materials",
		What: fmt.Sprintf("the bill of materials %s of %s %s", file, cmp.Or(whose, "no buildpack"), what),
		Do:   "see what that buildpack or a script of the app writes there",
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
