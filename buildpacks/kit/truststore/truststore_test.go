package truststore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/strata-buildpacks/strata/buildpacks/kit/truststore"
)

var made = time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC)

// authority makes a certificate authority in PEM.
func authority(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: made, NotAfter: made.AddDate(100, 0, 0),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestParse(t *testing.T) {
	t.Parallel()
	both := append([]byte("# what it is\n"), append(authority(t, "one"), authority(t, "two")...)...)
	found, err := truststore.Parse(both)
	if err != nil || len(found) != 2 || found[1].Subject.CommonName != "two" {
		t.Errorf("got %d certificates and %v", len(found), err)
	}
	for name, text := range map[string]string{
		"it holds no certificate in PEM": "text",
		"it holds a PRIVATE KEY":         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"})),
		"x509: malformed certificate":    string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})),
	} {
		if _, err := truststore.Parse([]byte(text)); err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

// TestJavaReads has Java list a store in which one certificate of two was given twice.
func TestJavaReads(t *testing.T) {
	t.Parallel()
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Skip("there is no keytool: install a Java runtime")
	}
	one := authority(t, "one")
	found, err := truststore.Parse(append(append(one, authority(t, "two")...), one...))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cacerts")
	if err := os.WriteFile(file, truststore.JKS(found, made), 0o644); err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), keytool, "-J-Duser.language=en", "-list", "-v", "-keystore", file, "-storepass", "changeit")
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"contains 2 entries", "Owner: CN=one", "Owner: CN=two", "Entry type: trustedCertEntry"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("keytool does not say %q but\n%s", want, out)
		}
	}
}
