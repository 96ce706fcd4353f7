// Package scan holds no code. Its tests check that scanners find in stacks and apps exactly what is in them.
package scan

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/anchore/packageurl-go"
	stereofile "github.com/anchore/stereoscope/pkg/file"
	"github.com/anchore/stereoscope/pkg/image/oci"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/format/cyclonedxjson"
	"github.com/anchore/syft/syft/format/spdxjson"
	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/pkg/cataloger/debian"
	"github.com/anchore/syft/syft/sbom"
	"github.com/anchore/syft/syft/source"
	"github.com/anchore/syft/syft/source/stereoscopesource"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// TestSyft makes the stacks and has Syft's code read each image from an OCI layout, and both its bills of materials. All
// three must name the packages of the locks and no other.
func TestSyft(t *testing.T) {
	skip(t, "it makes the stacks, which downloads 30 MB")
	dir := t.TempDir()
	strata(t, dir)
	store, err := layout.ImageIndexFromPath(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := store.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	some := false
	for _, d := range index.Manifests {
		ref := d.Annotations["org.opencontainers.image.ref.name"]
		if ref == "" {
			continue
		}
		name, _, _ := strings.Cut(ref[strings.LastIndex(ref, "/")+1:], ":")
		name = strings.TrimPrefix(name, "run-")
		if _, err := os.Stat(filepath.Join("..", "images", name, "lock-"+runtime.GOARCH+".toml")); errors.Is(err, fs.ErrNotExist) {
			continue // it is the layers of its base, which is scanned
		}
		some = true
		t.Run(name, func(t *testing.T) {
			img, err := store.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			m, err := img.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			if drift := m.Annotations["io.strata.drift"]; drift != "" {
				t.Skip("the mirror has dropped locked packages: " + drift)
			}
			want := locked(t, name)
			check(t, "Syft in the image", want, purls(t, scanned(t, img)))
			bill := filepath.Join(dir, "bills", name+"-"+runtime.GOARCH)
			check(t, "Syft in CycloneDX", want, purls(t, decoded(t, bill+".sbom.cdx.json", cyclonedxjson.NewFormatDecoder(), pkg.DebPkg)))
			check(t, "Syft in SPDX", want, purls(t, decoded(t, bill+".sbom.spdx.json", spdxjson.NewFormatDecoder(), pkg.DebPkg)))
		})
	}
	if !some {
		t.Error("no stack has a lock")
	}
}

// skip skips a test that builds images: with -short, and where it has passed as another user.
func skip(t *testing.T, short string) {
	t.Helper()
	if testing.Short() {
		t.Skip(short)
	}
	if user := os.Getenv("INTEGRATION_SHOWN_AS"); user != "" {
		t.Skipf("passed as %s, and does not depend on the user", user)
	}
}

// strata makes the stacks into <dir>/store, and their bills of materials into <dir>/bills.
func strata(t *testing.T, dir string) {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", "-C", "../..", "build", "-trimpath", "-o", filepath.Join(dir, "strata"),
		"./builder/strata")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as the integration tests do, so that Go's cache has it
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := run(t, dir, "stack", "build", "--sbom", filepath.Join(dir, "bills"))
	if regexp.MustCompile("no network|no mirror of Debian|the mirror has dropped").Match(out) && err != nil {
		t.Skipf("no mirror of Debian can give the images: %s", out)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// run runs the strata of a folder.
func run(t *testing.T, dir string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "strata"), args...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "STRATA_HOME="+dir)
	return cmd.CombinedOutput()
}

// locked returns the package URLs that the locks of a stack and of its bases name.
func locked(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for name != "" {
		var lock struct {
			Package []struct{ Purl string }
		}
		if _, err := toml.DecodeFile(filepath.Join("..", "images", name, "lock-"+runtime.GOARCH+".toml"), &lock); err != nil {
			t.Fatal(err)
		}
		for _, p := range lock.Package {
			out = append(out, bare(t, p.Purl))
		}
		var stack struct{ Base string }
		if _, err := toml.DecodeFile(filepath.Join("..", "images", name, "stack.toml"), &stack); err != nil {
			t.Fatal(err)
		}
		name = stack.Base
	}
	return out
}

// bare returns a package URL without the distribution, which scanners take from different files.
func bare(t *testing.T, purl string) string {
	t.Helper()
	p, err := packageurl.FromString(purl)
	if err != nil {
		t.Fatalf("%q: %v", purl, err)
	}
	p.Qualifiers = slices.DeleteFunc(p.Qualifiers, func(q packageurl.Qualifier) bool { return q.Key == "distro" })
	return p.ToString()
}

func scanned(t *testing.T, img v1.Image) []pkg.Package {
	t.Helper()
	found, _, err := debian.NewDBCataloger().Catalog(t.Context(), resolver(t, img))
	// Syft tries the lists of checksums as entries too, and says of each that it is none. That is all it may say.
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			if !strings.Contains(line, ".md5sums (") {
				t.Fatal(err)
			}
		}
	}
	for _, p := range found {
		entry, ok := p.Metadata.(pkg.DpkgDBEntry)
		if !ok || len(entry.Files) == 0 {
			t.Errorf("of package %s Syft finds no file", p.Name)
		}
	}
	return found
}

// resolver lets Syft's code read an image from an OCI layout.
func resolver(t *testing.T, img v1.Image) file.Resolver {
	t.Helper()
	path, err := layout.Write(t.TempDir(), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	temporary := stereofile.NewTempDirGenerator("strata")
	t.Cleanup(func() {
		if err := temporary.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	read, err := oci.NewDirectoryProvider(temporary, string(path)).Provide(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files, err := stereoscopesource.New(read, stereoscopesource.ImageConfig{}).FileResolver(source.SquashedScope)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func decoded(t *testing.T, path string, decoder sbom.FormatDecoder, kind pkg.Type) []pkg.Package {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, id, version, err := decoder.Decode(f)
	if err != nil {
		t.Fatalf("%s as %s %s: %v", path, id, version, err)
	}
	// A scanner looks for advisories of the distribution that the document names.
	if r := doc.Artifacts.LinuxDistribution; id == cyclonedxjson.ID && (r == nil || r.ID != "debian" || r.VersionID != "13") {
		t.Errorf("%s is for the distribution %+v", path, r)
	}
	var out []pkg.Package
	for _, p := range doc.Artifacts.Packages.Sorted() {
		if p.Type == kind {
			out = append(out, p)
		}
	}
	return out
}

func purls(t *testing.T, packages []pkg.Package) []string {
	t.Helper()
	var out []string
	for _, p := range packages {
		out = append(out, bare(t, p.PURL))
	}
	return out
}

func check(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-locked +found):\n%s", what, diff)
	}
}
