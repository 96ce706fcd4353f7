package assemble_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"io/fs"
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
// arm64 it makes the run images; its other images differ in nothing that amd64's do not show.
func TestStacks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it downloads 70 MB")
	}
	for arch, names := range map[string][]string{
		"amd64": {"static", "glibc", "musl", "static-debug", "glibc-debug", "musl-debug", "build"}, "arm64": {"static", "glibc", "musl"},
	} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			stacks(t, assemble.Options{Dir: "..", Names: names, Arch: arch, Cache: t.TempDir(), Log: func(s string) { t.Log(s) }})
		})
	}
}

// TestExample makes the example of a stack of one's own: its base's layers are below it, byte for byte, so that
// the lifecycle can rebase an app from one to the other, and its library finds all that it needs.
func TestExample(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it downloads 10 MB")
	}
	o := assemble.Options{Dir: "../example", Base: "..", Arch: "amd64", Cache: t.TempDir(), Log: func(s string) { t.Log(s) }}
	own := stacks(t, o)[0]
	o.Dir, o.Base, o.Names = "..", "", []string{"glibc"}
	base := stacks(t, o)[0]
	if len(own.Layers) != len(base.Layers)+1 || !slices.Equal(own.Layers[:len(base.Layers)], base.Layers) {
		t.Errorf("the layers are\n%v\nand those of its base\n%v", own.Layers, base.Layers)
	}
	for _, label := range []string{"io.buildpacks.base.distro.name", "io.buildpacks.base.distro.version"} {
		if got, want := config(t, own.Image).Labels[label], config(t, base.Image).Labels[label]; got != want {
			t.Errorf("label %s is %q, in the base %q: a rebase would be refused", label, got, want)
		}
	}
}

func config(t *testing.T, img v1.Image) v1.Config {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return file.Config
}

func stacks(t *testing.T, o assemble.Options) []assemble.Image {
	t.Helper()
	images, err := assemble.Build(t.Context(), o)
	var f fault.Fault
	if errors.As(err, &f) && slices.Contains([]string{"mirror-missing", "fetch-offline"}, f.ID) {
		t.Skipf("no mirror of Debian can be reached: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	limits := map[string]int64{"static": 500_000, "glibc": 7_500_000, "musl": 1_000_000, "build": 45_000_000, "acme": 10_000_000,
		"static-debug": 18_000_000, "glibc-debug": 18_000_000, "musl-debug": 18_000_000}
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
			files := libraries(t, i.Image)
			for _, path := range expected(i.Name) {
				if mode, ok := files[path]; !ok {
					t.Errorf("it has no %s", path)
				} else if mode.Perm()&0o444 != 0o444 {
					t.Errorf("%s has mode %s: not everybody can read it", path, mode)
				}
			}
			for path, mode := range files {
				if mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
					t.Errorf("%s has mode %s", path, mode)
				}
			}
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
	return images
}

// expected is what programs look for in an image, besides the files of packages.
func expected(name string) []string {
	if name == "build" {
		return []string{"etc/ssl/certs/ca-certificates.crt", "etc/passwd", "etc/ld.so.cache", "bin", "tmp"}
	}
	paths := []string{
		"etc/debian_version", "etc/os-release", "etc/group", "etc/nsswitch.conf", "etc/passwd", "etc/protocols", "etc/services", "etc/ssl/cert.pem",
		"etc/ssl/ca-bundle.pem", "etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/cert.pem", "etc/pki/tls/cacert.pem", "etc/pki/tls/certs/ca-bundle.crt",
		"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "home/nonroot", "run", "tmp", "usr/lib/os-release", "usr/lib/ssl/cert.pem", "usr/lib/ssl/certs",
		"usr/local/ssl/cert.pem", "usr/share/zoneinfo/Europe/Berlin", "usr/share/zoneinfo/US/Pacific", "var/run", "var/tmp",
	}
	if strings.HasSuffix(name, "-debug") || name == "glibc" || name == "acme" {
		paths = append(paths, "etc/ld.so.cache")
	}
	if strings.HasPrefix(name, "glibc") || name == "acme" {
		paths = append(paths, "etc/ssl/certs/java/cacerts")
	}
	return paths
}

// libraries checks that every library that a program or library of the image needs is in the image, and that every
// folder comes before what is in it. It returns the mode of every file.
func libraries(t *testing.T, img v1.Image) map[string]fs.FileMode {
	t.Helper()
	have := map[string]bool{}
	modes := map[string]fs.FileMode{}
	needed := map[string]string{}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		folders := map[string]bool{".": true}
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
			name := path.Clean(h.Name)
			modes[name] = h.FileInfo().Mode()
			if folders[name] = true; !folders[path.Dir(name)] {
				t.Errorf("a layer has %s without its folder", name)
			}
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
	return modes
}
