package assemble_test

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/stacks/assemble"
)

// TestStacks makes the committed stacks from the real archive, with nothing in the cache, and compares digests. Then it makes
// them again in other circumstances. For arm64 it makes the run images, because amd64 shows what there is to see in the others.
func TestStacks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it downloads 70 MB")
	}
	for arch, names := range map[string][]string{
		"amd64": {
			"static", "glibc", "musl", "static-debug", "glibc-debug", "musl-debug", "build",
			"kpack-run-static", "kpack-run-glibc", "kpack-run-musl", "kpack-build-static", "kpack-build-glibc", "kpack-build-musl",
		},
		"arm64": {"static", "glibc", "musl"},
	} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			o := assemble.Options{Dir: "../images", Names: names, Archs: []string{arch}, Cache: t.TempDir(), Log: func(s string) { t.Log(s) }}
			images := stacks(t, o)
			o.Names = nil
			for _, i := range images {
				o.Names = append(o.Names, i.Name)
			}
			t.Run("again, in other circumstances", func(t *testing.T) {
				if diff := cmp.Diff(report(t, images), again(t, o)); diff != "" {
					t.Error(diff)
				}
			})
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
	o := assemble.Options{Dir: "../example", Base: "../images", Archs: []string{"amd64"}, Cache: t.TempDir(), Log: func(s string) { t.Log(s) }}
	own := stacks(t, o)[0]
	o.Dir, o.Base, o.Names = "../images", "", []string{"glibc"}
	base := stacks(t, o)[0]
	lower := own.Layers[:min(len(base.Layers), len(own.Layers))]
	if diff := cmp.Diff(base.Layers, lower); diff != "" || len(own.Layers) != len(base.Layers)+1 {
		t.Errorf("it has %d layers; the lower ones are not those of its base:\n%s", len(own.Layers), diff)
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
	images, unfit, err := assemble.Given(t.Context(), o)
	var f fault.Fault
	if errors.As(err, &f) && slices.Contains([]string{"mirror-missing", "fetch-offline"}, f.ID) {
		t.Skipf("no mirror of Debian can be reached: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range unfit {
		t.Run(name, func(t *testing.T) { t.Skip(err) })
	}
	if len(images) == 0 {
		t.SkipNow()
	}
	limits := map[string]int64{
		"static": 500_000, "glibc": 7_500_000, "musl": 1_000_000, "build": 45_000_000, "acme": 10_000_000,
		"static-debug": 18_000_000, "glibc-debug": 18_000_000, "musl-debug": 18_000_000,
		"kpack-run-static": 500_000, "kpack-run-glibc": 7_500_000, "kpack-run-musl": 1_000_000,
		"kpack-build-static": 45_000_000, "kpack-build-glibc": 45_000_000, "kpack-build-musl": 45_000_000,
	}
	for _, i := range images {
		// Not parallel: the layers are in a folder that goes with the caller.
		t.Run(i.Name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join(o.Dir, i.Name, "digests-"+o.Archs[0]+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := assemble.Differences(t, i, string(want)); len(diff) > 0 {
				t.Errorf("the image has\n%sand the committed digests are\n%s", strings.Join(diff, ""), want)
			}
			if len(i.Drift) > 0 {
				t.Skipf("the mirror has dropped locked packages, so only the layers without them were compared: %v", i.Drift)
			}
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
		})
	}
	return images
}

// report lists images and their digests.
func report(t *testing.T, images []assemble.Image) string {
	t.Helper()
	var b strings.Builder
	for _, i := range images {
		digest, err := i.Image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, i.Ref, digest)
	}
	return b.String()
}

// againVariable holds the options of a build for the process that again starts.
const againVariable = "STRATA_TEST_BUILD"

// again builds from a copy of the stacks and the downloads, with no layer in the cache: in another process, folder,
// time zone and locale, on one processor, with a umask that lets nobody in and, if root does it, as another user.
func again(t *testing.T, o assemble.Options) string {
	t.Helper()
	// Not t.TempDir, whose parents another user may not enter.
	dir, err := os.MkdirTemp("", "strata-user-") //nolint:usetesting // as said above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, dir, map[string]string{"program": string(binary)})
	program = filepath.Join(dir, "program")
	other := assemble.Options{
		Dir: filepath.Join(dir, "a folder", "stäcks"), Names: o.Names, Archs: o.Archs, Cache: filepath.Join(dir, "cache"),
	}
	for to, from := range map[string]string{other.Dir: o.Dir, filepath.Join(other.Cache, "sha256"): filepath.Join(o.Cache, "sha256")} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Dir": other.Dir, "Names": other.Names, "Archs": other.Archs, "Cache": other.Cache})
	if err != nil {
		t.Fatal(err)
	}
	// The umask is set by sh, so that it is that process's alone.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `umask 077; exec "$0"`, program)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), againVariable+"="+string(text), "HOME="+dir, "TMPDIR="+dir,
		"TZ=Asia/Kathmandu", "LC_ALL=tr_TR.UTF-8", "GOMAXPROCS=1")
	uid := os.Getuid()
	if uid == 0 {
		uid = 54321
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, uid, -1), os.Chmod(path, 0o700))
	})
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return string(out)
}

// TestMain builds, and tests nothing, in the process that again starts.
func TestMain(m *testing.M) {
	text := os.Getenv(againVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var o assemble.Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		log.Fatal(err)
	}
	images, err := assemble.Build(context.Background(), o)
	if err != nil {
		log.Fatal(err)
	}
	for _, i := range images {
		digest, err := i.Image.Digest()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintln(os.Stdout, i.Ref, digest)
	}
}

// expected is what programs look for in an image, besides the files of packages.
func expected(name string) []string {
	if strings.HasPrefix(strings.TrimPrefix(name, "kpack-"), "build") {
		return []string{"etc/ssl/certs/ca-certificates.crt", "etc/passwd", "etc/ld.so.cache", "bin", "tmp"}
	}
	paths := []string{
		"etc/debian_version", "etc/os-release", "etc/group", "etc/nsswitch.conf", "etc/passwd", "etc/protocols", "etc/services",
		"etc/ssl/cert.pem", "etc/ssl/ca-bundle.pem", "etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/cert.pem", "etc/pki/tls/cacert.pem",
		"etc/pki/tls/certs/ca-bundle.crt", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "home/nonroot", "run", "tmp",
		"usr/lib/os-release", "usr/lib/ssl/cert.pem", "usr/lib/ssl/certs",
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
