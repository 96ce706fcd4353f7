package assemble_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// TestStacks makes the committed stacks from the real archive, with nothing in the cache, and compares digests. Of
// arm64 it makes the run images; its build image differs in nothing that amd64's does not show.
func TestStacks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it downloads 40 MB")
	}
	for arch, names := range map[string][]string{"amd64": {"static", "glibc", "build"}, "arm64": {"static", "glibc"}} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			stacks(t, assemble.Options{Dir: "..", Names: names, Arch: arch, Cache: t.TempDir(), Log: func(s string) { t.Log(s) }})
		})
	}
}

func stacks(t *testing.T, o assemble.Options) {
	t.Helper()
	images, err := assemble.Build(t.Context(), o)
	var f fault.Fault
	if errors.As(err, &f) && slices.Contains([]string{"mirror-missing", "fetch-offline"}, f.ID) {
		t.Skipf("no mirror of Debian can be reached: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	limits := map[string]int64{"static": 500_000, "glibc": 7_500_000, "build": 45_000_000}
	for _, i := range images {
		// Not parallel: the layers are in a folder that goes with the caller.
		t.Run(i.Name, func(t *testing.T) {
			var size int64
			for _, l := range i.Layers {
				size += l.Size
			}
			if limit, ok := limits[i.Name]; !ok || size > limit {
				t.Errorf("its layers have %d bytes, the limit is %d", size, limit)
			}
			libraries(t, i.Image)
			if len(i.Drift) > 0 {
				t.Skipf("the mirror has dropped locked packages, so the digest is another one: %v", i.Drift)
			}
			digest, err := i.Image.Digest()
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(o.Dir, i.Name, "digests-"+o.Arch+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			if line := "image " + digest.String() + " " + i.Ref + "\n"; !strings.Contains(string(want), line) {
				t.Errorf("the image is %s, the committed digests are\n%s", digest, want)
			}
		})
	}
}

// libraries checks that every library that a program or library of the image needs is in the image.
func libraries(t *testing.T, img v1.Image) {
	t.Helper()
	have := map[string]bool{}
	needed := map[string]string{}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for tr := tar.NewReader(r); ; {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			have[path.Base(h.Name)] = true
			b, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			if f, err := elf.NewFile(bytes.NewReader(b)); err == nil {
				libs, err := f.ImportedLibraries()
				if err != nil {
					t.Errorf("%s: %v", h.Name, err)
				}
				for _, lib := range libs {
					needed[lib] = h.Name
				}
			}
		}
		r.Close()
	}
	for lib, by := range needed {
		if !have[lib] {
			t.Errorf("%s needs %s, which is not in the image", by, lib)
		}
	}
}
