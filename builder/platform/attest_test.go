package platform_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/strata-buildpacks/strata/builder/platform"
	"github.com/strata-buildpacks/strata/builder/platform/internal/imagetest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

// described puts a run image with a bill of materials of one package into the store.
func described(t *testing.T, home *platform.Home, ref string, image v1.Image, version string) {
	t.Helper()
	put(t, home, ref, image)
	bill := sbom.Document{Subject: sbom.Component{Type: "container", Name: "run"}, Components: []sbom.Component{{Name: "tzdata", Version: version, PURL: "pkg:deb/debian/tzdata@" + version}}}
	if err := home.Attach(imagetest.Digest(t, image), "run", bill); err != nil {
		t.Fatal(err)
	}
}

// attached writes what is attached to an image of the store and returns it by the names of the files.
func attached(t *testing.T, home *platform.Home, image string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := home.WriteAttached(image, dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(content)
	}
	return files
}

// TestRebaseTellsTheTruth looks at what is attached to an image before and after it moves: to another run image and back.
func TestRebaseTellsTheTruth(t *testing.T) {
	t.Parallel()
	home := open(t)
	old, newer := imagetest.Run{Release: "1"}.Image(t), imagetest.Run{Release: "2"}.Image(t)
	described(t, home, runName, newer, "2025b")
	app := imagetest.App(t, old, runName, "app", nil)
	described(t, home, "app", app, "2024a")
	rebased(t, home, platform.RebaseOptions{Images: []string{"app"}})

	files := attached(t, home, "app")
	for _, file := range []string{"app.sbom.cdx.json", "app.sbom.spdx.json"} {
		if !strings.Contains(files[file], "tzdata@2025b") || strings.Contains(files[file], "2024a") {
			t.Errorf("%s does not list the package of the new run image alone:\n%s", file, files[file])
		}
	}
	kittest.Golden(t, "rebase-provenance.json", indented(t, files["app.provenance.json"]))
	put(t, home, "app", app)
	if left := attached(t, home, "app"); len(left) != 0 {
		t.Errorf("an image that has nothing attached got %v of the one that had its name", left)
	}
}

// TestRebaseAttachesInRegistry has the same in a registry, where the image and its bases were pushed with what was attached.
func TestRebaseAttachesInRegistry(t *testing.T) {
	t.Parallel()
	for name, hasReferrers := range map[string]bool{"with the referrers API": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, nil)
			server.registry = registry.New(registry.WithReferrersSupport(hasReferrers), registry.Logger(log.New(io.Discard, "", 0)))
			rebaseAttached(t, open(t), server)
		})
	}
}

// TestPushBare pushes to a registry that takes images and no artifacts.
func TestPushBare(t *testing.T) {
	t.Parallel()
	home := open(t)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		manifest, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(manifest))
		if err != nil || !bytes.Contains(manifest, []byte(`"subject"`)) {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		return true
	})
	ref := server.host + "/app:latest"
	app := imagetest.App(t, imagetest.Run{Release: "1"}.Image(t), runName, "app", nil)
	described(t, home, ref, app, "2025b")
	server.golden(t, "push-artifact.txt", write(home, "registry", ref))
	output, err := platform.ParseOutput("registry", []string{ref})
	if err != nil {
		t.Fatal(err)
	}
	if err := home.Write(t.Context(), output, []string{ref}, platform.WriteOptions{Registry: fast, Bare: true}); err != nil {
		t.Fatal(err)
	}
	if got, want := imagetest.Digest(t, imagetest.Pull(t, ref)), imagetest.Digest(t, app); got != want {
		t.Errorf("the registry has %s, want %s", got, want)
	}
}

func rebaseAttached(t *testing.T, home *platform.Home, server *server) {
	t.Helper()
	run, app := server.host+"/strata/run-static:13", server.host+"/app:latest"
	old, newer := imagetest.Run{Release: "1"}.Image(t), imagetest.Run{Release: "2"}.Image(t)
	described(t, home, run, newer, "2025b")
	described(t, home, app, imagetest.App(t, old, run, "app", nil), "2024a")
	rebased(t, home, platform.RebaseOptions{Images: []string{app}, In: "store"}) // gives it provenance
	pushed(t, home, app, nil)
	described(t, home, run, old, "2023c")
	pushed(t, home, run, nil)
	rebased(t, home, platform.RebaseOptions{Images: []string{app}, In: "registry", Registry: fast})

	found := referrers(t, app)
	if want := []string{sbom.TypeSPDX, sbom.TypeCycloneDX, "application/vnd.in-toto+json"}; cmp.Diff(slices.Sorted(slices.Values(want)), sortedTypes(found)) != "" {
		t.Fatalf("attached are %v, want %v", sortedTypes(found), want)
	}
	if bill := found[sbom.TypeCycloneDX]; !strings.Contains(bill, "tzdata@2023c") || strings.Contains(bill, "2025b") {
		t.Errorf("the bill of materials is not that of the image's new base:\n%s", bill)
	}
	if statement, digest := found["application/vnd.in-toto+json"], imagetest.Digest(t, imagetest.Pull(t, app)); !strings.Contains(statement, digest.Hex) {
		t.Errorf("the provenance is not about %s:\n%s", digest, statement)
	}
}

// pushed pushes an image of the store under its own name.
func pushed(t *testing.T, home *platform.Home, ref string, signer *platform.Signer) {
	t.Helper()
	output, err := platform.ParseOutput("registry", []string{ref})
	if err != nil {
		t.Fatal(err)
	}
	if err := home.Write(context.Background(), output, []string{ref}, platform.WriteOptions{Registry: fast, Signer: signer}); err != nil {
		t.Fatal(err)
	}
}

// referrers reads what is attached to an image of a registry, by media type.
func referrers(t *testing.T, ref string) map[string]string {
	t.Helper()
	image := imagetest.Parse(t, ref).Context().Digest(imagetest.Digest(t, imagetest.Pull(t, ref)).String())
	index, err := remote.Referrers(image)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, d := range list.Manifests {
		ref := image.Digest(d.Digest.String())
		artifact, err := remote.Image(ref)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := artifact.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		found[manifest.ArtifactType] = layerContents(t, ref)[0]
	}
	return found
}

func layerContents(t *testing.T, ref name.Reference) []string {
	t.Helper()
	image, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var contents []string
	for _, layer := range layers {
		stream, err := layer.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		contents = append(contents, string(content))
	}
	return contents
}

func sortedTypes(found map[string]string) []string {
	var types []string
	for key := range found {
		types = append(types, key)
	}
	slices.Sort(types)
	return types
}

func indented(t *testing.T, content string) string {
	t.Helper()
	var parsed any
	if err := json.Unmarshal([]byte(content), &parsed); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(parsed, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out) + "\n"
}

// TestSign pushes with a key and verifies what is signed with the public half, as cosign's specification says.
func TestSign(t *testing.T) {
	t.Setenv("COSIGN_PASSWORD", "a password")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := encrypted.Encrypt(der, []byte("a password"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []pem.Block{{Type: "PRIVATE KEY", Bytes: der}, {Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: locked}} {
		t.Run(block.Type, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cosign.key")
			if err := os.WriteFile(file, pem.EncodeToMemory(&block), 0o600); err != nil {
				t.Fatal(err)
			}
			signer, err := platform.ReadKey(file)
			if err != nil {
				t.Fatal(err)
			}
			home, server := open(t), serve(t, nil)
			app := server.host + "/team/app:1"
			image := imagetest.App(t, imagetest.Run{}.Image(t), runName, "app", nil)
			described(t, home, app, image, "2024a")
			pushed(t, home, app, signer)
			pushed(t, home, app, signer) // adds nothing
			checkSignature(t, imagetest.Parse(t, app).Context(), imagetest.Digest(t, image), &key.PublicKey)
		})
	}
}

func checkSignature(t *testing.T, repository name.Repository, digest v1.Hash, key *ecdsa.PublicKey) {
	t.Helper()
	tag := repository.Tag("sha256-" + digest.Hex + ".sig")
	signed, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := signed.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Layers) != 1 {
		t.Fatalf("%d signatures, want one", len(manifest.Layers))
	}
	payload := layerContents(t, tag)[0]
	signature, err := base64.StdEncoding.DecodeString(manifest.Layers[0].Annotations["dev.cosignproject.cosign/signature"])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(payload))
	if !ecdsa.VerifyASN1(key, sum[:], signature) {
		t.Error("the signature is not that of the payload")
	}
	want := `{"critical":{"identity":{"docker-reference":"` + repository.Name() + `"},"image":{"docker-manifest-digest":"` + digest.String() + `"},"type":"cosign container image signature"},"optional":null}`
	if payload != want {
		t.Errorf("signed is %s, want %s", payload, want)
	}
	envelopes := layerContents(t, repository.Tag("sha256-"+digest.Hex+".att"))
	if len(envelopes) != 1 {
		t.Fatalf("%d attestations, want that of the bill of materials", len(envelopes))
	}
	var envelope dsse.Envelope
	if err := json.Unmarshal([]byte(envelopes[0]), &envelope); err != nil {
		t.Fatal(err)
	}
	statement, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	signature, err = base64.StdEncoding.DecodeString(envelope.Signatures[0].Sig)
	if err != nil {
		t.Fatal(err)
	}
	sum = sha256.Sum256(dsse.PAE(envelope.PayloadType, statement))
	if !ecdsa.VerifyASN1(key, sum[:], signature) {
		t.Error("the attestation's signature is not that of its statement")
	}
	if !strings.Contains(string(statement), digest.Hex) || !strings.Contains(string(statement), "tzdata@2024a") {
		t.Errorf("the statement is not the image's bill of materials: %s", statement)
	}
}

func TestKeysThatCannotSign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for file, content := range map[string]string{
		"text":   "no key",
		"rsa":    string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte{1}})),
		"locked": string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: []byte("{}")})),
		"broken": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}})),
	} {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := platform.ReadKey(path)
		golden(t, "key-"+file+".txt", err, dir, "DIR")
	}
	_, err := platform.ReadKey(filepath.Join(dir, "none"))
	golden(t, "key-none.txt", err, dir, "DIR")
}
