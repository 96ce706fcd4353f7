package platform

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestRegistries has what all of a builder's buildpacks say, and an error with the file's name in the builder.
func TestRegistries(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	kittest.Write(t, root, map[string]string{
		"cnb/buildpacks/x_one/1/buildpack.toml":   "[[metadata.registries]]\nvariables = [\"ONE\"]\nbinding = \"one\"\n",
		"cnb/buildpacks/x_two/2.3/buildpack.toml": "[[metadata.registries]]\nvariables = [\"TWO\"]\nbinding = \"two\"\n",
		"cnb/buildpacks/x_none/1/buildpack.toml":  "",
	})
	list, err := (&unpackedBuilder{root: root}).registries()
	if err != nil || len(list) != 2 || !list.Reserves("ONE") || !list.Reserves("TWO") || list.Reserves("THREE") {
		t.Errorf("got %v and %v, want those of ONE and TWO", list, err)
	}
	kittest.Write(t, root, map[string]string{"cnb/buildpacks/x_none/1/buildpack.toml": "[[metadata.registries]]\n"})
	const want = "the builder's file /cnb/buildpacks/x_none/1/buildpack.toml: [[metadata.registries]] lacks variables or binding; correct the file"
	if _, err := (&unpackedBuilder{root: root}).registries(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
