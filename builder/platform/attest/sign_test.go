package attest_test

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/attest"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

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
		_, err := attest.ReadKey(path)
		kittest.Golden(t, "key-"+file+".txt", platformtest.Fault(t, err, dir, "DIR"))
	}
	_, err := attest.ReadKey(filepath.Join(dir, "none"))
	kittest.Golden(t, "key-none.txt", platformtest.Fault(t, err, dir, "DIR"))
}
