package integration

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// machines are the architectures that images are made for, as ELF and qemu call them.
var machines = map[string]struct {
	machine elf.Machine
	qemu    string
}{"amd64": {elf.EM_X86_64, "x86_64"}, "arm64": {elf.EM_AARCH64, "aarch64"}}

// TestPlatformIndex builds an app for both architectures. The image for this machine is that of a build for it alone. Every program in
// the other one is for its architecture, that of the app has no loader, and an emulator starts it.
func TestPlatformIndex(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name, dir := sample(t, "hello"), image(t), t.TempDir()
	layoutDir, bills := filepath.Join(dir, "layout"), filepath.Join(dir, "bills")
	flags := []string{"-e", "BP_HEALTH_CHECKER_ENABLED=true"} // with the launch helper
	alone := build(t, app, image(t), flags...)
	both := func(platforms string) string {
		return build(t, app, name, append(flags, "--platform", platforms, "--output", "oci:"+layoutDir, "--sbom", bills)...)
	}
	digest := both("linux/arm64,linux/amd64")
	if again := both("linux/amd64,linux/arm64"); again != digest {
		t.Errorf("built again, the index is %s, not %s", again, digest)
	}
	hash, err := v1.NewHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	root, err := layout.Path(layoutDir).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(root); err != nil {
		t.Fatal(err)
	}
	index, err := root.ImageIndex(hash)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, d := range list.Manifests {
		digests[d.Platform.Architecture] = d.Digest.String()
		if found, err := os.ReadDir(filepath.Join(bills, "linux-"+d.Platform.Architecture)); err != nil || len(found) != 3 {
			t.Errorf("%s has the files %v attached, %v", d.Platform, found, err)
		}
	}
	if digests[runtime.GOARCH] != alone {
		t.Errorf("for this machine the index has %s, a build for it alone makes %s", digests[runtime.GOARCH], alone)
	}
	if body := ask(t, name, "/"); !strings.HasPrefix(body, "Hello from Strata.\n") {
		t.Errorf("the index answers %q here", body)
	}
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	made := memberOf(t, index, digests[other])
	foreignPrograms(t, made, other)
	started := strata(t, "run", name+"@"+digests[other], "--port", freePort(t), "--ask", "/")
	if started.status == 0 { // the kernel has an emulator
		return
	}
	if !strings.Contains(started.stderr, "is for linux/"+other) {
		t.Errorf("an image for linux/%s: %+v", other, started)
	}
	emulated(t, unpacked(t, made, other), "/bin/hello", other, "/", "Hello from Strata.\n")
}

// memberOf opens an image of an index.
func memberOf(t *testing.T, index v1.ImageIndex, digest string) built {
	t.Helper()
	hash, err := v1.NewHash(digest)
	if err != nil {
		t.Fatal(err)
	}
	var b built
	if b.image, err = index.Image(hash); err == nil {
		b.config, err = b.image.ConfigFile()
	}
	if err == nil {
		b.layers, err = b.image.Layers()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// foreignPrograms checks that all programs of an image are for an architecture: the launcher, the launch helper and the app's.
func foreignPrograms(t *testing.T, image built, arch string) {
	t.Helper()
	if image.config.Architecture != arch {
		t.Errorf("the image is for %s, want %s", image.config.Architecture, arch)
	}
	var names []string
	for _, e := range image.entries(t, func(string) bool { return true }) {
		file, err := elf.NewFile(bytes.NewReader(e.content))
		if err != nil {
			continue // no program
		}
		name := filepath.Base(e.header.Name)
		names = append(names, name)
		if file.Machine != machines[arch].machine {
			t.Errorf("%s is for %s", e.header.Name, file.Machine)
		}
		if name == "hello" {
			if loads := slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }); loads {
				t.Errorf("%s needs a loader", e.header.Name)
			}
		}
	}
	slices.Sort(names)
	if want := []string{"hello", "launch", "launcher"}; !slices.Equal(names, want) {
		t.Errorf("the image has the programs %q, want %q", names, want)
	}
}
