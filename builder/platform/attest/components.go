package attest

import (
	"encoding/json"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// Component is what a buildpack says of one of its layers. Layer is empty for what it says of all that it made.
type Component struct {
	Buildpack, Layer string // the buildpack's id, and the name of the layer
	sbom.Component          // its name, version and package URL
}

// Components visits what the CycloneDX documents of an app's image list, one component at a time: the subjects of the documents, too. It
// keeps nothing of a document but the part that it is reading.
func Components(image v1.Image, visit func(Component)) error {
	return eachBill(image, listBills(visit))
}

func listBills(visit func(Component)) func(name string, file io.Reader) error {
	return func(name string, file io.Reader) error {
		buildpack, layer := billOf(name)
		err := decodeComponents(json.NewDecoder(file), func(c cycloneComponent) {
			visit(Component{buildpack, layer, sbom.Component{Name: c.Name, Version: c.Version, PURL: c.PURL}})
		})
		if err != nil {
			return billFault(name, "cannot be read: "+err.Error())
		}
		return nil
	}
}

// cycloneComponent is the part of a component in CycloneDX that says what it is.
type cycloneComponent struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
}

func decodeComponents(document *json.Decoder, visit func(cycloneComponent)) error {
	if start, err := document.Token(); err != nil || start != json.Delim('{') {
		return errors.Join(errors.New("it is no JSON object"), err)
	}
	for document.More() {
		key, err := document.Token()
		if err != nil {
			return err
		}
		switch key {
		case "components":
			err = decodeList(document, visit)
		case "metadata":
			var metadata struct{ Component *cycloneComponent }
			if err = document.Decode(&metadata); err == nil && metadata.Component != nil {
				visit(*metadata.Component)
			}
		default:
			err = document.Decode(&ignored{})
		}
		if err != nil {
			return err
		}
	}
	_, err := document.Token()
	return err
}

func decodeList(document *json.Decoder, visit func(cycloneComponent)) error {
	if start, err := document.Token(); err != nil || start != json.Delim('[') {
		return errors.Join(errors.New("its components are no list"), err)
	}
	for document.More() {
		var c cycloneComponent
		if err := document.Decode(&c); err != nil {
			return err
		}
		visit(c)
	}
	_, err := document.Token()
	return err
}

// ignored is JSON of which nothing is kept.
type ignored struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (*ignored) UnmarshalJSON([]byte) error { return nil }
