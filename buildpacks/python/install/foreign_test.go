package install_test

import (
	"archive/zip"
	"bytes"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// processors are Python's names of architectures.
var processors = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// wheelFor returns a wheel of a project for an architecture, whose module says for which.
func wheelFor(t *testing.T, arch string) (name, content string) {
	t.Helper()
	tag := "py3-none-manylinux_2_17_" + processors[arch]
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, file := range [][2]string{
		{"own.py", "arch = '" + arch + "'\n"},
		{"own-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: own\nVersion: 1.0\n"},
		{"own-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: " + tag + "\n"},
		{"own-1.0.dist-info/RECORD", "own.py,,\nown-1.0.dist-info/METADATA,,\nown-1.0.dist-info/WHEEL,,\nown-1.0.dist-info/RECORD,,\n"},
	} {
		w, err := z.Create(file[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(file[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return "vendor/own-1.0-" + tag + ".whl", archive.String()
}

// TestForeign takes wheels for the architecture of the image, and packages in pure Python that have none. It compiles nothing for it.
func TestForeign(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	here, hereWheel := wheelFor(t, runtime.GOARCH)
	there, thereWheel := wheelFor(t, other)
	for name, test := range map[string]struct {
		files map[string]string
		has   string // content of the module
		fault string
	}{
		"both wheels":     {map[string]string{here: hereWheel, there: thereWheel}, "arch = '" + other + "'\n", ""},
		"no wheel for it": {map[string]string{here: hereWheel}, "", " on linux/" + other + "; see the words of uv above"},
		"pure":            {map[string]string{"vendor/own-1.0.tar.gz": sdist(t, "")}, "", ""},
		"compiled": {map[string]string{"vendor/own-1.0.tar.gz": sdist(t, call("cc -c mod.c"))}, "",
			"has no wheel for linux/" + other + ", and is not compiled for that on linux/" + runtime.GOARCH},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.files["requirements.txt"], test.files["wheels"] = "own\n", "vendor"
			c := app(t, r, test.files)
			c.Arch = other
			got := kittest.Build(t, c)
			if (got.Code != 0) != (test.fault != "") || !strings.Contains(got.Stderr, test.fault) {
				t.Fatalf("code %d, want %q\n%s", got.Code, test.fault, got.Log())
			}
			if test.fault != "" {
				return
			}
			module := kittest.Files(t, filepath.Join(got.Layers, "packages", siteOf(c)))["own.py"]
			if !strings.Contains(module, test.has) {
				t.Errorf("the image has the module %q, want %q", module, test.has)
			}
		})
	}
}
