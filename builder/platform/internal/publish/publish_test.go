package publish_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
)

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
			signer, err := attest.ReadKey(file)
			if err != nil {
				t.Fatal(err)
			}
			server := platformtest.Serve(t, nil)
			app := server.Host + "/team/app:1"
			image := platformtest.App(t, platformtest.Run{}.Image(t), platformtest.RunName, "app", nil)
			for range 2 { // the second time adds nothing
				platformtest.Publish(t, app, image, platformtest.Bills(t, "2024a"), signer)
			}
			checkSignature(t, platformtest.Parse(t, app).Context(), platformtest.Digest(t, image), &key.PublicKey)
		})
	}
}

func checkSignature(t *testing.T, repository name.Repository, digest v1.Hash, key *ecdsa.PublicKey) {
	t.Helper()
	tag := repository.Tag("sha256-" + digest.Hex + ".sig")
	signed := platformtest.Pull(t, tag.String())
	manifest, err := signed.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Layers) != 1 {
		t.Fatalf("%d signatures, want one", len(manifest.Layers))
	}
	payload := platformtest.Contents(t, signed)[0]
	signature, err := base64.StdEncoding.DecodeString(manifest.Layers[0].Annotations["dev.cosignproject.cosign/signature"])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(payload))
	if !ecdsa.VerifyASN1(key, sum[:], signature) {
		t.Error("the signature is not that of the payload")
	}
	want := `{"critical":{"identity":{"docker-reference":"` + repository.Name() + `"},"image":{"docker-manifest-digest":"` + digest.String() +
		`"},"type":"cosign container image signature"},"optional":null}`
	if payload != want {
		t.Errorf("signed is %s, want %s", payload, want)
	}
	envelopes := platformtest.Contents(t, platformtest.Pull(t, repository.Tag("sha256-"+digest.Hex+".att").String()))
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
