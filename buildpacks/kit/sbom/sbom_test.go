package sbom_test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

func document() sbom.Document {
	return sbom.Document{
		Subject: sbom.Component{Name: "example.test/app", Version: "v1.0.0",
			Dependencies: []string{"pkg:golang/example.test/b@v2.0.0", "pkg:golang/example.test/a@v1.2.3"}},
		Components: []sbom.Component{
			{Name: "example.test/b", Version: "v2.0.0", PURL: "pkg:golang/example.test/b@v2.0.0",
				Licenses: []string{"MIT OR Apache-2.0", "BSD-3-Clause"}},
			{Name: "example.test/a", Version: "v1.2.3", PURL: "pkg:golang/example.test/a@v1.2.3", Licenses: []string{"see <COPYING>"},
				SHA256: strings.Repeat("0f", 32), Dependencies: []string{"pkg:golang/example.test/b@v2.0.0"}},
			{Name: "example.test/a", Version: "v1.2.3", PURL: "pkg:golang/example.test/a@v1.2.3", Licenses: []string{"see <COPYING>"},
				SHA256: strings.Repeat("0f", 32), Dependencies: []string{"pkg:golang/example.test/b@v2.0.0"}},
			{Type: "operating-system", Name: "debian", Version: "13"},
		},
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	formats := map[string]func(sbom.Document) ([]byte, error){
		"app.cdx.json": sbom.Document.CycloneDX, "app.spdx.json": sbom.Document.SPDX,
	}
	reversed := document()
	for i, j := 0, len(reversed.Components)-1; i < j; i, j = i+1, j-1 {
		reversed.Components[i], reversed.Components[j] = reversed.Components[j], reversed.Components[i]
	}
	for name, encode := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := encode(document())
			if err != nil {
				t.Fatal(err)
			}
			kittest.Golden(t, name, string(got))
			again, err := encode(reversed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(got), string(again)); diff != "" {
				t.Errorf("another order gives another file (-first +second):\n%s", diff)
			}
			changed := document()
			changed.Subject.Version = "v1.0.1"
			other, err := encode(changed)
			if err != nil {
				t.Fatal(err)
			}
			if identity(t, got) == identity(t, other) {
				t.Error("two documents have one identity")
			}
		})
	}
}

// identity returns the URN of an encoded document.
func identity(t *testing.T, data []byte) string {
	t.Helper()
	_, rest, found := strings.Cut(string(data), "urn:uuid:")
	if !found {
		t.Fatal("no URN in the document")
	}
	return rest[:36]
}

func TestWriteFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := document().WriteFiles(filepath.Join(dir, "layer")); err != nil {
		t.Fatal(err)
	}
	tree := kittest.Tree(t, dir)
	for _, suffix := range sbom.Suffixes() {
		if got := tree["layer"+suffix]; !strings.HasPrefix(got, "file 0644 ") {
			t.Errorf("layer%s is %q", suffix, got)
		}
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	one := sbom.Component{Name: "one", PURL: "pkg:generic/one"}
	two := sbom.Component{Name: "two", PURL: "pkg:generic/two"}
	got := sbom.Merge(two, sbom.Document{Components: []sbom.Component{two, one}}, sbom.Document{Components: []sbom.Component{one}})
	if diff := cmp.Diff(sbom.Document{Subject: two, Components: []sbom.Component{one}}, got); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
}

// TestFromGoBinary links a program of two modules, one of which is replaced by a folder.
func TestFromGoBinary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{
		"go.mod":     "module example.test/Org/app\n\ngo 1.26\n\nrequire example.test/lib v1.2.3\n\nreplace example.test/lib => ./lib\n",
		"main.go":    "package main\n\nimport \"example.test/lib\"\n\nfunc main() { lib.F() }\n",
		"lib/go.mod": "module example.test/lib\n\ngo 1.26\n",
		"lib/lib.go": "package lib\n\nfunc F() {}\n",
	})
	binary := filepath.Join(dir, "app")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, ".")
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := sbom.FromGoBinary(binary, func(m *debug.Module) []string { return []string{"LicenseRef-" + filepath.Base(m.Path)} })
	if err != nil {
		t.Fatal(err)
	}
	goVersion, _, _ := strings.Cut(strings.TrimPrefix(runtime.Version(), "go"), " ")
	stdlib := "pkg:golang/stdlib@" + goVersion
	want := sbom.Document{
		Subject: sbom.Component{
			Type: "application", Name: "example.test/Org/app", PURL: "pkg:golang/example.test/Org/app",
			Licenses: []string{"LicenseRef-app"}, Dependencies: []string{"pkg:golang/example.test/lib", stdlib},
		},
		Components: []sbom.Component{
			{Name: "example.test/lib", PURL: "pkg:golang/example.test/lib", Licenses: []string{"LicenseRef-lib"}},
			{Name: "stdlib", Version: goVersion, PURL: stdlib, Licenses: []string{"BSD-3-Clause"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	if _, err := sbom.FromGoBinary(filepath.Join(dir, "main.go"), nil); err == nil {
		t.Error("a source file is taken for a binary")
	}
}
