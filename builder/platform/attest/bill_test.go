package attest

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// TestReadBills reads bills of materials that a build may have left.
func TestReadBills(t *testing.T) {
	t.Parallel()
	const file, empty = "layers/sbom/launch/some_one/layer/sbom.cdx.json", `{"bomFormat":"CycloneDX","specVersion":"1.6"}`
	padded := func(size int) string { return empty + strings.Repeat(" ", size-len(empty)) }
	for name, test := range map[string]struct {
		headers []tar.Header
		content string // of each
		want    string // of the error
	}{
		"none":      {},
		"two":       {headers: []tar.Header{{Name: file}, {Name: "layers/sbom/launch/x/sbom.cdx.json"}}, content: empty},
		"others":    {headers: []tar.Header{{Name: "layers/sbom/launch/x/sbom.spdx.json"}}, content: "{"},
		"link":      {headers: []tar.Header{{Name: file, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, want: " of some/one is no file"},
		"pipe":      {headers: []tar.Header{{Name: file, Typeflag: tar.TypeFifo}}, want: " of some/one is no file"},
		"broken":    {headers: []tar.Header{{Name: file}}, content: "{", want: " of some/one cannot be read: "},
		"of nobody": {headers: []tar.Header{{Name: "sbom.cdx.json"}}, content: "{", want: " of no buildpack cannot be read: "},
		"large":     {headers: []tar.Header{{Name: file}}, content: padded(maxBill + 1), want: " of some/one has more than 16 MiB"},
		"large in all": {headers: []tar.Header{{Name: file}, {Name: file}, {Name: file}}, content: padded(maxBills/2 - 1000),
			want: " of some/one has, with those before it, more than 32 MiB"},
	} {
		var layer bytes.Buffer
		w := tar.NewWriter(&layer)
		for _, header := range test.headers {
			if header.Typeflag == 0 {
				header.Size = int64(len(test.content))
			}
			if err := w.WriteHeader(&header); err != nil {
				t.Fatal(err)
			}
			if header.Size > 0 {
				if _, err := w.Write([]byte(test.content)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for _, visit := range []func(string, io.Reader) error{keepBills(new([]sbom.Document)), listBills(func(Component) {})} {
			err := readBills(tar.NewReader(bytes.NewReader(layer.Bytes())), visit)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("%s: %v", name, err)
			case test.want != "" && (!errors.As(err, new(fault.Fault)) || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%s: got %v, want %q", name, err, test.want)
			}
		}
	}
}

// TestComponents lists what a document has, wherever its parts stand.
func TestComponents(t *testing.T) {
	t.Parallel()
	var got []string
	visit := listBills(func(c Component) { got = append(got, c.Buildpack+" "+c.Layer+" "+c.Name+" "+c.Version+" "+c.PURL) })
	document := `{"dependencies":[{"ref":"a"}],"components":[{"name":"a","version":"1","purl":"pkg:npm/a@1","licenses":[{}]},{"name":"b"}],` +
		`"metadata":{"tools":[],"component":{"name":"app"}},"specVersion":"1.6"}`
	if err := visit("layers/sbom/launch/some_one/layer/sbom.cdx.json", strings.NewReader(document)); err != nil {
		t.Fatal(err)
	}
	want := []string{"some/one layer a 1 pkg:npm/a@1", "some/one layer b  ", "some/one layer app  "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, wrong := range []string{"[]", `{"components":{}}`, `{"components":[{"name":1}]}`, `{"components":[{}]`, "", `{"metadata":[]}`} {
		if err := visit("layers/sbom/launch/x/sbom.cdx.json", strings.NewReader(wrong)); !errors.As(err, new(fault.Fault)) {
			t.Errorf("%s: got %v, want a fault", wrong, err)
		}
	}
}
