package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// billsOfMaterials describes a Go binary in each format that the exporter looks
// for beside the lifecycle's binaries, by the end of the file's name. It warns
// of every one that it misses.
func billsOfMaterials(binary string) (map[string][]byte, error) {
	doc, err := sbom.FromGoBinary(binary, nil)
	if err != nil {
		return nil, err
	}
	cdx, err := doc.CycloneDX()
	if err != nil {
		return nil, err
	}
	spdx, err := doc.SPDX()
	if err != nil {
		return nil, err
	}
	syft, err := syftJSON(doc, filepath.Base(binary))
	if err != nil {
		return nil, err
	}
	return map[string][]byte{".sbom.cdx.json": cdx, ".sbom.spdx.json": spdx, ".sbom.syft.json": syft}, nil
}

type object map[string]any

// syftJSON writes the third format that the lifecycle knows: Syft's own, schema
// 16.0.34, with the fields that it requires.
func syftJSON(doc sbom.Document, name string) ([]byte, error) {
	artifacts := []object{}
	for _, c := range append([]sbom.Component{doc.Subject}, doc.Components...) {
		licenses := []object{}
		for _, l := range c.Licenses {
			licenses = append(licenses, object{"value": l, "spdxExpression": l, "type": "declared", "urls": []string{}, "locations": []object{}})
		}
		artifacts = append(artifacts, object{
			"id": shortID(c.Ref()), "name": c.Name, "version": c.Version, "type": "go-module",
			"foundBy": "go-module-binary-cataloger", "language": "go", "purl": c.PURL,
			"locations": []object{{"path": "/" + lifecycleDir + "/" + name, "accessPath": "/" + lifecycleDir + "/" + name}},
			"licenses":  licenses, "cpes": []object{},
		})
	}
	out, err := json.MarshalIndent(object{
		"artifacts": artifacts, "artifactRelationships": []object{}, "distro": object{},
		"source": object{
			"id": shortID(name), "name": name, "version": doc.Subject.Version, "type": "file",
			"metadata": object{"path": name},
		},
		"descriptor": object{"name": "strata", "version": ""},
		"schema": object{
			"version": "16.0.34",
			"url":     "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.34.json",
		},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("internal error: encoding Syft's format: %w", err)
	}
	return append(out, '\n'), nil
}

func shortID(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
