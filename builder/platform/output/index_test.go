package output_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// homeWithIndex has an app for two architectures under a name, with what is attached to each of its images.
func homeWithIndex(t *testing.T, ref string) (*home.Home, v1.Hash, []v1.Image) {
	t.Helper()
	h := open(t)
	var apps []store.Described
	var images []v1.Image
	for _, arch := range []string{"amd64", "arm64"} {
		app := platformtest.App(t, platformtest.Run{Arch: arch}.Image(t), platformtest.RunName, "app for "+arch, nil)
		platformtest.Put(t, h.Store, "blobs-"+arch, app)
		images = append(images, app)
		apps = append(apps, store.Described{Image: app, Attached: platformtest.Bills(t, "2025b-"+arch)})
	}
	digest, err := h.Store.PutApps(platformtest.Parse(t, ref), apps...)
	if err != nil {
		t.Fatal(err)
	}
	return h, digest, images
}

// TestIndexInFiles writes an index as a folder and as an archive, whole and under its digest. What holds one image refuses it.
func TestIndexInFiles(t *testing.T) {
	t.Parallel()
	h, digest, _ := homeWithIndex(t, "app")
	dir, archive := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "app.tar")
	if err := write(h, "oci:"+dir, "app", "other:1"); err != nil {
		t.Fatal(err)
	}
	if err := write(h, "oci-archive:"+archive, "app", "other:1"); err != nil {
		t.Fatal(err)
	}
	unpacked := t.TempDir()
	untar(t, archive, unpacked)
	for _, folder := range []string{dir, unpacked} {
		root, err := layout.Path(folder).ImageIndex()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(root); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
		list, err := root.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list.Manifests {
			if d.Digest != digest || !d.MediaType.IsIndex() {
				t.Errorf("it has the %s %s, want the index %s", d.MediaType, d.Digest, digest)
			}
		}
		if len(list.Manifests) != 2 {
			t.Errorf("it has %d names, want 2", len(list.Manifests))
		}
	}
	file := filepath.Join(t.TempDir(), "app.tar")
	kittest.Golden(t, "index-docker.txt", platformtest.Fault(t, write(h, "docker", "app")))
	kittest.Golden(t, "index-docker-archive.txt", platformtest.Fault(t, write(h, "docker-archive:"+file, "app"), file, "<file>"))
	bills := t.TempDir()
	if err := output.WriteAttached(h.Store, "app", bills); err != nil {
		t.Fatal(err)
	}
	for _, platform := range []string{"linux-amd64", "linux-arm64"} {
		if found, err := os.ReadDir(filepath.Join(bills, platform)); err != nil || len(found) != 2 {
			t.Errorf("%s has the files %v, %v", platform, found, err)
		}
	}
}

// TestPushIndex pushes an index with its images, what is attached to each, and signatures of all three.
func TestPushIndex(t *testing.T) {
	t.Parallel()
	server := platformtest.Serve(t, nil)
	names := []string{server.Host + "/app:1", server.Host + "/copy:1"}
	h, digest, images := homeWithIndex(t, names[0])
	signer, err := attest.ReadKey(keyFile(t))
	if err != nil {
		t.Fatal(err)
	}
	to, err := output.Parse("registry", names)
	if err != nil {
		t.Fatal(err)
	}
	for _, zstd := range []bool{false, true} {
		if err := to.Write(t.Context(), h, names, output.Options{Registry: platformtest.Fast, Signer: signer, Zstd: zstd}); err != nil {
			t.Fatal(err)
		}
		for _, text := range names {
			pushed, err := remote.Index(platformtest.Parse(t, text))
			if err != nil {
				t.Fatal(err)
			}
			if got := digestOf(t, pushed); (got == digest) == zstd {
				t.Errorf("%s (zstd %t) is %s, in the store it is %s", text, zstd, got, digest)
			}
			if err := validate.Index(pushed); err != nil && !zstd { // it reads gzip alone
				t.Error(err)
			}
			checkAttached(t, text, pushed, images)
		}
	}
}

// checkAttached holds that a pushed index and its images are signed, and that each image has its bills of materials.
func checkAttached(t *testing.T, text string, pushed v1.ImageIndex, images []v1.Image) {
	t.Helper()
	list, err := pushed.IndexManifest()
	if err != nil || len(list.Manifests) != len(images) {
		t.Fatalf("%s: %v, %v", text, list, err)
	}
	signed := []v1.Hash{digestOf(t, pushed)}
	for i, d := range list.Manifests {
		signed = append(signed, d.Digest)
		repository := platformtest.Parse(t, text).Context()
		one := repository.Digest(d.Digest.String()).String()
		if diff := cmp.Diff(platformtest.Uncompressed(t, images[i]), platformtest.Uncompressed(t, platformtest.Pull(t, one))); diff != "" {
			t.Errorf("%s for %s (-store +registry):\n%s", text, d.Platform, diff)
		}
		if found := platformtest.Referrers(t, one); len(found) != 2 {
			t.Errorf("%s for %s has %d files attached", text, d.Platform, len(found))
		}
	}
	for _, digest := range signed {
		signature := platformtest.Parse(t, text).Context().Tag("sha256-" + digest.Hex + ".sig")
		if _, err := remote.Head(signature); err != nil {
			t.Errorf("%s is not signed: %v", digest, err)
		}
	}
}

func digestOf(t *testing.T, image interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// keyFile writes a private key without a password.
func keyFile(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
