package fleet

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// layer is a tar file of some files: pairs of a path and a content.
func layer(t testing.TB, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestMerge puts layers on each other: with a part for each package, and with dpkg's one file that the upper layer writes again.
func TestMerge(t *testing.T) {
	t.Parallel()
	const a1, a2 = "Package: aa\nVersion: 1\n\n", "Package: aa\nVersion: 2\n\n"
	const b1, c1 = "Package: bb\nVersion: 1\n\n", "Package: cc\nVersion: 1\n\n"
	for name, test := range map[string]struct {
		layers []map[string]string
		want   map[string][2]any // version and layer
	}{
		"parts": {
			[]map[string]string{{"var/lib/dpkg/status.d/aa": a1, "var/lib/dpkg/status.d/aa.md5sums": c1}, {"./var/lib/dpkg/status.d/bb": b1}},
			map[string][2]any{"aa": {"1", 0}, "bb": {"1", 1}},
		},
		"a part again": {
			[]map[string]string{{"var/lib/dpkg/status.d/aa": a1}, {"/var/lib/dpkg/status.d/aa": a2}},
			map[string][2]any{"aa": {"2", 1}},
		},
		"one file": {
			[]map[string]string{{"var/lib/dpkg/status": a1 + b1 + c1}, {"var/lib/dpkg/status": a2 + b1}},
			map[string][2]any{"aa": {"2", 1}, "bb": {"1", 0}},
		},
		"removed": {
			[]map[string]string{{"var/lib/dpkg/status.d/aa": a1, "var/lib/dpkg/status.d/b": b1}, {"var/lib/dpkg/status.d/.wh.b": ""}},
			map[string][2]any{"aa": {"1", 0}},
		},
		"a folder removed": {
			[]map[string]string{{"var/lib/dpkg/status.d/aa": a1, "var/lib/dpkg/status": b1}, {"var/lib/.wh.dpkg": ""}}, map[string][2]any{},
		},
		"an opaque folder": {
			[]map[string]string{{"var/lib/dpkg/status.d/aa": a1}, {"var/lib/dpkg/status.d/.wh..wh..opq": "", "var/lib/dpkg/status.d/cc": c1}},
			map[string][2]any{"cc": {"1", 1}},
		},
		"all removed": {[]map[string]string{{"var/lib/dpkg/status": a1}, {".wh..wh..opq": ""}}, map[string][2]any{}},
		"another one removed": {
			[]map[string]string{{"var/lib/dpkg/status": a1}, {"var/lib/.wh.dpk": "", "usr/.wh.lib": ""}}, map[string][2]any{"aa": {"1", 0}},
		},
		"none": {[]map[string]string{{"etc/passwd": "x"}, {"status": a1}}, map[string][2]any{}},
	} {
		s, byName := &stand{}, map[string]owned{}
		for i, files := range test.layers {
			var flat []string
			for path, content := range files {
				flat = append(flat, path, content)
			}
			c, err := readContents(tar.NewReader(bytes.NewReader(layer(t, flat...))))
			if err != nil {
				t.Fatal(err)
			}
			s.merge(c, i, byName)
		}
		got := map[string][2]any{}
		for name, p := range byName {
			got[name] = [2]any{p.Version, p.layer}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestSystem has images that say what they are in one place or in two, and layers that remove one.
func TestSystem(t *testing.T) {
	t.Parallel()
	const debian = "ID=debian\nVERSION_ID=\"13\"\nVERSION_CODENAME='trixie'\n"
	const ubuntu = "ID=ubuntu\nVERSION_CODENAME=jammy\nVERSION_ID=\"22.04\""
	const etc, lib = "etc/os-release", "usr/lib/os-release"
	for name, test := range map[string]struct {
		layers [][]string
		want   system
	}{
		"debian":      {[][]string{{lib, debian}}, system{"trixie", "13", ""}},
		"ubuntu":      {[][]string{{etc, ubuntu}}, system{"jammy", "22.04", "ubuntu"}},
		"both":        {[][]string{{etc, debian, lib, ubuntu}}, system{"trixie", "13", ""}},
		"in order":    {[][]string{{lib, ubuntu, etc, debian}}, system{"trixie", "13", ""}},
		"above":       {[][]string{{etc, debian}, {lib, ubuntu}}, system{"trixie", "13", ""}},
		"removed":     {[][]string{{etc, debian, lib, ubuntu}, {"etc/.wh.os-release", ""}}, system{"jammy", "22.04", "ubuntu"}},
		"distroless":  {[][]string{{etc, "ID=debian\nVERSION_ID=\"12\"\n"}}, system{"bookworm", "12", ""}},
		"says little": {[][]string{{etc, "no line"}}, system{"", "", "a distribution that it does not name"}},
		"nothing":     {[][]string{{"etc/passwd", ""}}, system{}},
	} {
		s := &stand{}
		for i, files := range test.layers {
			c, err := readContents(tar.NewReader(bytes.NewReader(layer(t, files...))))
			if err != nil {
				t.Fatal(err)
			}
			s.merge(c, i, map[string]owned{})
		}
		if s.system != test.want {
			t.Errorf("%s: got %+v, want %+v", name, s.system, test.want)
		}
	}
}

// FuzzContents reads layers that others made: what is found has the form of a name and a version.
func FuzzContents(f *testing.F) {
	f.Add(layer(f, "var/lib/dpkg/status", "Package: aa\nVersion: 1\nSource: x (2)\n", "usr/lib/os-release", "ID=debian\n"))
	f.Add(layer(f, "../var/lib/dpkg/status.d/x", "Package: <b>\nVersion: 1\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := readContents(tar.NewReader(bytes.NewReader(content)))
		if err != nil {
			return
		}
		for _, p := range c.packages {
			if strings.ContainsAny(p.Name+p.Version, "<>\"'& \n") || p.Name == "" || p.Version == "" || p.Source == "" {
				t.Errorf("got %+v", p)
			}
		}
	})
}

// TestNewest has versions of lines that a lock has, and of others.
func TestNewest(t *testing.T) {
	t.Parallel()
	locked := Locked{"Node.js": {"26.1.0", "24.21.0", "24.9.1"}, "Go": {"1.26.11", "1.25.14"}, "Rust": {"1.96.1"}}
	for _, test := range [][3]string{
		{"Node.js", "24.9.0", "24.21.0"}, {"Node.js", "24.21.0", ""}, {"Node.js", "24.22.0", ""}, {"Node.js", "22.1.0", ""}, {"Node.js", "2", ""},
		{"Go", "1.26.9", "1.26.11"}, {"Go", "1.2", ""}, {"Python", "3.13.5", ""}, {"", "", ""},
	} {
		if got := locked.newest(test[0], test[1]); got != test[2] {
			t.Errorf("%s %s: got %q, want %q", test[0], test[1], got, test[2])
		}
	}
}

// TestEnded compares the last days of Node.js with those that its buildpack's lock has.
func TestEnded(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../buildpacks/node/lock.toml")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct{ Ended map[string]map[string]string }
	if _, err := toml.Decode(string(text), &lock); err != nil {
		t.Fatal(err)
	}
	for line, day := range lock.Ended["node"] {
		if lines()["Node.js"][line] != day {
			t.Errorf("Node.js %s: write into ended.toml what the lock has: %s", line, day)
		}
	}
	now := time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)
	for is, want := range map[string]string{
		"Python 3.9.2": "ended 2025-10-31", "Python 3.9": "ended 2025-10-31", "Python 3.90.1": "unknown ", "Python 2.7.18": "ended 2020-01-01",
		"Python ": "unknown ", "Python 3.6.15": "ended 2021-12-23", "Python 1.5": "ended 2020-01-01", "Python 3.13.5": "maintained 2029-10-31",
		"Go 1.19.3": "ended 2023-08-08", "Go 1.4": "ended 2022-08-02", "Go 1.99": "unknown ", "Go devel": "unknown ",
		"Node.js 10.24.1": "ended 2021-04-30", "Node.js 0.12.18": "ended 2021-04-30", "Node.js 22.1.0": "maintained 2027-04-30",
		"Java 8.0.452": "maintained 2030-12-31", "Java 6": "ended 2022-07-31", "Java 24.0.1": "ended 2025-09-16",
		"Bun 0.1": "unknown ", "Rust 1.0": "unknown ",
	} {
		name, version, _ := strings.Cut(is, " ")
		if l := language(name, version, now); l.State+" "+l.Ended != want || l.HasEnded(now) != (l.State == Past) {
			t.Errorf("%s: got %+v, want %q", is, l, want)
		}
	}
}

// TestBudget has layers of many files that list packages: what is kept of them has an end, within a layer and in all layers together.
func TestBudget(t *testing.T) {
	t.Parallel()
	var database strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&database, "Package: p%d\nVersion: 1\n\n", i)
	}
	one := []string{"var/lib/dpkg/status.d/a", database.String()}
	three := append(slices.Clone(one), "var/lib/dpkg/status.d/b", database.String(), "var/lib/dpkg/status.d/c", database.String())
	if _, err := readContents(tar.NewReader(bytes.NewReader(layer(t, three...)))); err == nil || !strings.Contains(err.Error(), "100000") {
		t.Errorf("a layer with 120,000 packages: got %v", err)
	}
	var gone []string
	for i := range maxOfLayer + 2 {
		gone = append(gone, fmt.Sprint("var/lib/dpkg/status.d/.wh.", i), "")
	}
	if _, err := readContents(tar.NewReader(bytes.NewReader(layer(t, gone...)))); err == nil {
		t.Error("a layer may remove any number of packages")
	}
	content := layer(t, one...)
	r := &reader{}
	for count := 1; ; count++ {
		c, err := r.scan(static.NewLayer(content, types.OCIUncompressedLayer))
		if err != nil {
			if count < 40 || count > 60 {
				t.Errorf("%d layers: %v", count, err)
			}
			break
		}
		if len(c.packages) != 40_000 || count > 60 {
			t.Fatalf("%d layers: the last one has %d packages", count, len(c.packages))
		}
	}
	if kept := r.packages.Load(); kept > maxPackages {
		t.Errorf("%d packages are kept", kept)
	}
}

// TestStand keeps nothing of the packages that nobody asked for: many images have nearly the same.
func TestStand(t *testing.T) {
	t.Parallel()
	content := layer(t, "var/lib/dpkg/status", "Package: aa\nVersion: 1\n\nPackage: bb\nVersion: 1\nSource: ss\n")
	r := &reader{Options: Options{Package: "ss"}}
	id := r.layers.place(v1.Hash{Algorithm: "sha256", Hex: "a"})
	s := r.stand(t.Context(), []v1.Layer{static.NewLayer(content, types.OCIUncompressedLayer)}, []int{id}, "amd64")
	if len(s.held) != 1 || s.held[0].Name != "bb" || s.summary.Count != 2 || s.summary.NotCompared != 2 || r.layers.list[id].Compared {
		t.Errorf("got %+v, %+v", s, s.summary)
	}
}

// TestSpeaks has components of buildpacks: only the runtime that a buildpack brings for the app is a language of it.
func TestSpeaks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ buildpack, name, version, purl, want string }{
		{"strata/go", "stdlib", "1.26.3", "pkg:golang/stdlib@1.26.3", "Go 1.26.3"},
		{"paketo-buildpacks/go-build", "stdlib", "go1.22.1", "pkg:golang/stdlib@v1.22.1", "Go 1.22.1"},
		{"google.go.build", "stdlib", "", "pkg:golang/stdlib@1.25.0", "Go 1.25.0"},
		{"strata/launch-helper", "stdlib", "1.26.3", "pkg:golang/stdlib@1.26.3", ""},
		{"strata/health-checker", "stdlib", "1.26.3", "pkg:golang/stdlib@1.26.3", ""},
		{"buildpacksio/lifecycle", "stdlib", "1.26.3", "pkg:golang/stdlib@1.26.3", ""},
		{"paketo-buildpacks/npm-install", "stdlib", "1.20", "pkg:golang/stdlib@1.20.12", ""}, // esbuild's
		{"google/django", "stdlib", "1.20", "pkg:golang/stdlib@1.20.12", ""},
		{"strata/java", "openjdk", "21.0.8", "pkg:generic/openjdk@21.0.8", "Java 21.0.8"},
		{"strata/java", "openjdk", "21.0.8+9", "pkg:github/vendor/binaries@jdk-21.0.8%2B9?file_name=x.tar.gz", "Java 21.0.8"},
		{"paketo-buildpacks/bellsoft-liberica", "BellSoft JRE", "17.0.3", "pkg:generic/bellsoft-jre@17.0.3?arch=amd64", "Java 17.0.3"},
		{"strata/java", "openjdk-21-jre-headless", "21.0.8+9-1", "pkg:deb/debian/openjdk-21-jre-headless@21.0.8%2B9-1~deb13u1", "Java 21.0.8"},
		{"x/java", "openjdk", "1.8.0_402", "pkg:generic/openjdk@1.8.0_402", "Java 8.0"},
		{"strata/node", "node", "24.1.0", "pkg:generic/node@24.1.0", "Node.js 24.1.0 → 24.21.0"},
		{"strata/python", "python", "3.13.5", "pkg:generic/python@3.13.5", "Python 3.13.5 → 3.13.9"},
		{"strata/python", "libpython3.13-minimal", "3.13.5-2", "pkg:deb/debian/libpython3.13-minimal@3.13.5-2", "Python 3.13.5"},
		{"strata/node", "gradle", "9", "pkg:generic/gradle@9", ""},
	} {
		var row Image
		row.speaks(attest.Component{
			Buildpack: test.buildpack, Component: sbom.Component{Name: test.name, Version: test.version, PURL: test.purl},
		}, time.Now(), Locked{"Node.js": {"24.21.0"}, "Python": {"3.13.9"}})
		got := ""
		for _, l := range row.Languages {
			if got += l.Name + " " + l.Version; l.Newest != "" {
				got += " → " + l.Newest
			}
		}
		if got != test.want {
			t.Errorf("%s %s: got %q, want %q", test.buildpack, test.purl, got, test.want)
		}
	}
}

// TestSpeaksOnce has Python of Debian, whose bill lists the interpreter and the packages that it is made of, in either order: what
// Debian has is newer, or it is not, and another build of the same line does not count.
func TestSpeaksOnce(t *testing.T) {
	t.Parallel()
	interpreter := sbom.Component{Name: "python", PURL: "pkg:generic/python@3.13.5"}
	debian := sbom.Component{Name: "libpython3.13-minimal", PURL: "pkg:deb/debian/libpython3.13-minimal@3.13.5-2"}
	for _, components := range [][]sbom.Component{{interpreter, debian}, {debian, interpreter}} {
		for locked, want := range map[string]string{"3.13.5-2": "", "3.13.5-1": "", "3.13.5-2+deb13u10": "3.13.5-2+deb13u10"} {
			var row Image
			for _, c := range components {
				all := Locked{"Python": {"3.13.9"}, "libpython3.13-minimal": {locked, "3.13.5-1"}}
				row.speaks(attest.Component{Buildpack: "strata/python", Component: c}, time.Now(), all)
			}
			if len(row.Languages) != 1 || row.Languages[0].Newest != want {
				t.Errorf("%s is locked: got %+v", locked, row.Languages)
			}
		}
	}
}

// TestVotes has images that say different things of one layer: what most say counts, in whatever order they are read.
func TestVotes(t *testing.T) {
	t.Parallel()
	honest, hostile := claim{100, "strata: glibc/ssl", true}, claim{9e18, "mine", false}
	for _, claims := range [][]claim{{honest, hostile, honest}, {hostile, honest, honest}} {
		r := &reader{}
		at := r.layers.place(v1.Hash{Algorithm: "sha256", Hex: "a"})
		var images []Image
		for i, c := range claims {
			images = append(images, Image{Name: fmt.Sprint("app", i), Digest: fmt.Sprint(i), Layers: []int{at}, claims: []claim{c}})
		}
		out := r.report(images)
		if l := out.Layers[0]; l.Bytes != 100 || l.What != honest.what || !l.Base || out.Totals.Pulled != 100 {
			t.Errorf("got %+v", l)
		}
		for i, image := range out.Images {
			if image.Bytes != claims[i].bytes || (len(image.Notes) > 0) != (claims[i] == hostile) {
				t.Errorf("got %+v", image)
			}
		}
	}
	var tie, other votes
	for _, c := range []claim{honest, hostile} {
		tie.add(c)
	}
	for _, c := range []claim{hostile, honest} {
		other.add(c)
	}
	if tie.most() != other.most() || tie.most().base {
		t.Errorf("got %+v and %+v", tie.most(), other.most())
	}
}

func TestDebianArch(t *testing.T) {
	t.Parallel()
	for oci, want := range map[[2]string]string{
		{"amd64"}: "amd64", {"arm64", "v8"}: "arm64", {"arm", "v7"}: "armhf", {"arm"}: "armhf", {"arm", "v5"}: "armel", {"386"}: "i386",
		{"ppc64le"}: "ppc64el", {"riscv64"}: "riscv64",
	} {
		if got := debianArch(&v1.ConfigFile{Architecture: oci[0], Variant: oci[1]}); got != want {
			t.Errorf("%q: got %s, want %s", oci, got, want)
		}
	}
}
