package cacerts_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cacerts "github.com/strata-buildpacks/strata/buildpacks/ca-certificates"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestMain(m *testing.M) { kittest.Main(m, cacerts.Buildpack()) }

// authority makes the certificate of an authority, the same each time.
func authority(t *testing.T, name string) string {
	t.Helper()
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", ed25519.SeedSize)))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// company binds two files, one with two certificates.
func company(t *testing.T) map[string]map[string]string {
	t.Helper()
	return map[string]map[string]string{
		"company": {"type": "ca-certificates", "root.pem": authority(t, "Root"),
			"others.crt": "old\n" + authority(t, "Old") + "new\n" + authority(t, "New"), ".DS_Store": "a file manager's"},
		"other": {"type": "netrc", ".netrc": ""},
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		env   config.Environment
		bound bool
	}{
		{name: "nothing"},
		{name: "bound", bound: true},
		{name: "bound-build-only", bound: true, env: config.Environment{"BP_RUNTIME_CERT_BINDING_DISABLED": "true"}},
		{name: "at-launch", env: config.Environment{"BP_ENABLE_RUNTIME_CERT_BINDING": "true"}},
		{name: "embed", env: config.Environment{"BP_EMBED_CERTS": "true"}},
		{name: "contradiction", env: config.Environment{"BP_EMBED_CERTS": "true", "BP_RUNTIME_CERT_BINDING_DISABLED": "true"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := kittest.Case{Env: test.env}
			if test.bound {
				c.Bindings = company(t)
			}
			got := kittest.Detect(t, c)
			kittest.Golden(t, "detect-"+test.name+".txt", got.Log()+got.Plan)
		})
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		env   config.Environment
		bound bool
	}{
		{name: "bound", bound: true},
		{name: "bound-build-only", bound: true, env: config.Environment{"BP_RUNTIME_CERT_BINDING_DISABLED": "true"}},
		{name: "at-launch", env: config.Environment{"BP_ENABLE_RUNTIME_CERT_BINDING": "true"}},
		{name: "embed", bound: true, env: config.Environment{"BP_EMBED_CERTS": "true"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			trusted := filepath.Join(t.TempDir(), "trusted.pem")
			kittest.Write(t, filepath.Dir(trusted), map[string]string{"trusted.pem": strings.TrimSpace(authority(t, "Machine"))})
			c := kittest.Case{Env: test.env.With(config.Environment{"SSL_CERT_FILE": trusted})}
			if test.bound {
				c.Bindings = company(t)
			}
			got := kittest.Build(t, c)
			if got.Code != 0 {
				t.Fatalf("exit code %d: %s", got.Code, got.Log())
			}
			text := got.Log()
			tree := kittest.Tree(t, got.Layers)
			for _, name := range slices.Sorted(maps.Keys(tree)) {
				path := filepath.Join(got.Layers, name)
				what := tree[name]
				switch {
				case strings.HasSuffix(name, ".pem"):
					what = strings.Join(subjects(t, path), ", ")
				case strings.HasSuffix(name, ".toml"), strings.Contains(name, "/env") && !strings.HasSuffix(name, "/"):
					data, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					what = strings.TrimSpace(string(data))
				}
				text += name + ": " + what + "\n"
			}
			kittest.Golden(t, test.name+".txt", strings.NewReplacer(got.Layers, "<layers>", filepath.Dir(got.Layers), "<all>").Replace(text))
		})
	}
}

// subjects are whose certificates a file has.
func subjects(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return names
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Subject.CommonName)
	}
}

func TestBuildFaults(t *testing.T) {
	t.Parallel()
	good := authority(t, "Good")
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	tests := []struct {
		name  string
		files map[string]string
		env   config.Environment
	}{
		{name: "not-pem", files: map[string]string{"ca.der": "MIIB"}},
		{name: "cut", files: map[string]string{"ca.pem": good + good[:80]}},
		{name: "private-key", files: map[string]string{"ca.pem": good + key}},
		{name: "not-x509", files: map[string]string{"ca.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))}},
		{name: "empty", files: map[string]string{}},
		{name: "no-trusted", files: map[string]string{"ca.pem": good}, env: config.Environment{"SSL_CERT_FILE": "/nowhere.pem"}},
		{name: "embed-none", env: config.Environment{"BP_EMBED_CERTS": "true"}},
		{name: "contradiction", env: config.Environment{"BP_ENABLE_RUNTIME_CERT_BINDING": "true", "BP_RUNTIME_CERT_BINDING_DISABLED": "true"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := kittest.Case{Env: test.env}
			if test.files != nil {
				maps.Copy(test.files, map[string]string{"type": "ca-certificates"})
				c.Bindings = map[string]map[string]string{"company": test.files}
			}
			got := kittest.Build(t, c)
			if got.Code != 1 {
				t.Errorf("exit code %d, want 1", got.Code)
			}
			if tree := kittest.Tree(t, got.Layers); len(tree) != 0 {
				t.Errorf("layers after a fault: %v", tree)
			}
			kittest.Golden(t, "fault-"+test.name+".txt", got.Log())
		})
	}
}
