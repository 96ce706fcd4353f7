package scan

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/format/cyclonedxjson"
	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/pkg/cataloger/python"
)

// TestPython builds apps in Python and has Syft's code look for packages in their images. The bills of materials that the buildpack wrote
// must name the same, and no other: of large packages in layers of their own, and of packages inside of packages, too.
func TestPython(t *testing.T) {
	skip(t, "it builds apps, which downloads 100 MB")
	dir := t.TempDir()
	strata(t, dir)
	if out, err := run(t, dir, "builder", "create"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for app, requirements := range map[string]string{
		"flask": "flask==3.1.2\ngunicorn==23.0.0\n", "numpy": "numpy==2.3.5\nzope.interface==8.1.1\nsetuptools==80.9.0\npsycopg-binary==3.2.13\n",
	} {
		t.Run(app, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), app)
			if err := os.CopyFS(source, os.DirFS(filepath.Join("..", "..", "integration", "testdata", "python", app))); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(source, "requirements.txt"), []byte(requirements), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := run(t, dir, "build", source, "-t", "scan/"+app, "-q", "--sbom", filepath.Join(dir, app))
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			lines := strings.Fields(string(out))
			found, _, err := python.NewInstalledPackageCataloger().Catalog(t.Context(), resolver(t, stored(t, dir, lines[len(lines)-1])))
			if err != nil {
				t.Fatal(err)
			}
			if len(found) < 2 || slices.ContainsFunc(found, func(p pkg.Package) bool {
				return !slices.ContainsFunc(p.Locations.ToSlice(), func(l file.Location) bool {
					return strings.HasPrefix(l.RealPath, "/layers/strata_python/package")
				})
			}) {
				t.Errorf("Syft finds packages elsewhere, or none: %v", found)
			}
			bills, err := filepath.Glob(filepath.Join(dir, app, "*.cdx.json"))
			if err != nil || len(bills) != 1 {
				t.Fatalf("bills of materials %v: %v", bills, err)
			}
			want := unique(t, decoded(t, bills[0], cyclonedxjson.NewFormatDecoder(), pkg.PythonPkg))
			check(t, "Syft in the image", want, unique(t, found))
		})
	}
}
