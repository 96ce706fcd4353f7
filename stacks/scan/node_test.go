package scan

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/format/cyclonedxjson"
	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/pkg/cataloger/javascript"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// TestNode builds apps of Node.js and has Syft's code look for packages in their images. The bills of materials that the
// buildpack wrote must name the same, and no other.
func TestNode(t *testing.T) {
	skip(t, "it builds apps, which downloads 100 MB")
	dir := t.TempDir()
	strata(t, dir)
	if out, err := run(t, dir, "builder", "create"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for app, flags := range map[string][]string{"express": nil, "pnpm": {"-e", "BP_NODE_PROJECT_PATH=packages/web"}} {
		t.Run(app, func(t *testing.T) {
			source := filepath.Join("integration", "testdata", "node", app)
			args := append([]string{"build", source, "-t", "scan/" + app, "-q", "--sbom", filepath.Join(dir, app)}, flags...)
			out, err := run(t, dir, args...)
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			lines := strings.Fields(string(out))
			found, _, err := javascript.NewPackageCataloger().Catalog(t.Context(), resolver(t, stored(t, dir, lines[len(lines)-1])))
			if err != nil {
				t.Fatal(err)
			}
			found = slices.DeleteFunc(found, func(p pkg.Package) bool {
				return !slices.ContainsFunc(p.Locations.ToSlice(), func(l file.Location) bool {
					return strings.HasPrefix(l.RealPath, "/layers/strata_node/modules/")
				})
			})
			bills, err := filepath.Glob(filepath.Join(dir, app, "*.cdx.json"))
			if err != nil || len(bills) != 1 {
				t.Fatalf("bills of materials %v: %v", bills, err)
			}
			want := unique(t, decoded(t, bills[0], cyclonedxjson.NewFormatDecoder(), pkg.NpmPkg))
			if len(want) < 2 {
				t.Fatalf("the bill of materials has the packages %v", want)
			}
			check(t, "Syft in the image", want, unique(t, found))
		})
	}
}

func unique(t *testing.T, packages []pkg.Package) []string {
	t.Helper()
	all := purls(t, packages)
	slices.Sort(all)
	return slices.Compact(all)
}

// stored opens an image of the store by its reference with a digest.
func stored(t *testing.T, dir, reference string) v1.Image {
	t.Helper()
	digest, err := name.NewDigest(reference)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := v1.NewHash(digest.DigestStr())
	if err != nil {
		t.Fatal(err)
	}
	img, err := layout.Path(filepath.Join(dir, "store")).Image(hash)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
