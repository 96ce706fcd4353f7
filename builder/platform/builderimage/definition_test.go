package builderimage_test

import (
	"testing"
)

// TestRegistries collects what all of a builder's buildpacks say. An error names the file in the builder.
func TestRegistries(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		file("x/one@1"):   "[[metadata.registries]]\nvariables = [\"ONE\"]\nbinding = \"one\"\n",
		file("x/two@2.3"): "[[metadata.registries]]\nvariables = [\"TWO\"]\nbinding = \"two\"\n",
		file("x/none@1"):  "",
	}
	list, err := open(t, files).Registries()
	if err != nil || len(list) != 2 || !list.Reserves("ONE") || !list.Reserves("TWO") || list.Reserves("THREE") {
		t.Errorf("got %v and %v, want those of ONE and TWO", list, err)
	}
	files[file("x/none@1")] = "[[metadata.registries]]\n"
	const want = "the builder's file /cnb/buildpacks/x_none/1/buildpack.toml: " +
		"[[metadata.registries]] lacks variables or binding; correct the file"
	if _, err := open(t, files).Registries(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
