package sbom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// FuzzCycloneDX reads bills of materials: what is read is written as a document that is read the same, with unique references.
func FuzzCycloneDX(f *testing.F) {
	good, err := document().CycloneDX()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"bomFormat": "CycloneDX", "specVersion": "1.4", "metadata": {"component": {"name": "a", "bom-ref": "x"}},
		"components": [{"name": "b", "bom-ref": "x", "licenses": [{"license": {"name": "(MIT"}}, {"expression": "A OR B"}]}],
		"dependencies": [{"ref": "x", "dependsOn": ["x", "y"]}]}`))
	f.Add([]byte(`{"components": null, "dependencies": [{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := sbom.ParseCycloneDX(data)
		if err != nil {
			return
		}
		first := again(t, read)
		if diff := cmp.Diff(first, again(t, first)); diff != "" {
			t.Errorf("%q (-first +second):\n%s", data, diff)
		}
		refs := map[string]bool{first.Subject.Ref(): true}
		for _, c := range first.Components {
			if refs[c.Ref()] {
				t.Errorf("%q is there twice", c.Ref())
			}
			refs[c.Ref()] = true
		}
		if _, err := first.SPDX(); err != nil {
			t.Errorf("it cannot be written as SPDX: %v", err)
		}
	})
}

// again writes a document and reads it.
func again(t *testing.T, d sbom.Document) sbom.Document {
	t.Helper()
	data, err := d.CycloneDX()
	if err != nil {
		t.Fatalf("%+v cannot be written: %v", d, err)
	}
	read, err := sbom.ParseCycloneDX(data)
	if err != nil {
		t.Fatalf("%q cannot be read: %v", data, err)
	}
	return read
}
