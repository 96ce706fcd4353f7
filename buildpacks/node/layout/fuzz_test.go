package layout

import (
	"testing"

	"github.com/package-url/packageurl-go"
)

// FuzzFacts reads the package.json of a package: its package URL is read as that name and release.
func FuzzFacts(f *testing.F) {
	f.Add([]byte(`{"name": "@a/b", "version": "1.0.0+c", "os": "!linux", "cpu": ["x64"], "license": {"type": "MIT"}, "bin": {"x": "y"}}`))
	f.Add([]byte(`{"name": "a b@1?c#d%41", "version": "2@:/", "licenses": [{}], "bin": "x", "libc": "musl"}`))
	f.Add([]byte(`{"name": 1, "peerDependenciesMeta": {"a": {"optional": true}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		facts := readFacts(data)
		facts.fits("x64")
		facts.licences()
		facts.program("x")
		if facts.Name == "" {
			return
		}
		purl, err := packageurl.FromString(facts.purl())
		if err != nil || purl.Type != packageurl.TypeNPM || purl.Version != facts.Version {
			t.Errorf("%q is %q, which is %+v (%v)", facts.Name, facts.purl(), purl, err)
		}
	})
}
