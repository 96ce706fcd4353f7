package main_test

import (
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// certificate is text that passes for a certificate where nobody looks into it.
func certificate(name string) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(name)}))
}

// trust starts the program as the launcher does, by the link in a layer that has the files.
func trust(t *testing.T, layer map[string]string, env ...string) outcome {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, layer)
	link := filepath.Join(dir, "exec.d", "certificates")
	kittest.Write(t, filepath.Dir(link), nil)
	if err := os.Symlink(launch, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), link)
	cmd.Env = env
	return finish(t, cmd)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	system := filepath.Join(t.TempDir(), "system.pem")
	kittest.Write(t, filepath.Dir(system), map[string]string{"system.pem": strings.TrimSpace(certificate("system"))})
	bindings := map[string]string{
		"company/type": "CA-certificates\n", "company/provider": "it",
		"company/b.crt": "of the company\n" + certificate("b") + "\n" + certificate("c"),
		"company/a.pem": strings.TrimSpace(certificate("a")), "company/..data/a.pem": "", "database/type": "postgresql",
		"database/ca.crt": "none of our business",
	}
	all := certificate("system") + certificate("embedded") + certificate("a") + certificate("b") + certificate("c")
	tests := []struct {
		name     string
		layer    map[string]string
		bindings map[string]string
		env      []string
		set      []string // variables that lead to the file
		content  string
	}{
		{name: "nothing bound", bindings: map[string]string{"database/type": "postgresql"}},
		{
			name: "all", layer: map[string]string{"embedded.pem": certificate("embedded")}, bindings: bindings,
			set: []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"}, content: all,
		},
		{
			name: "embedded only", layer: map[string]string{"embedded.pem": certificate("embedded")}, env: []string{"NODE_EXTRA_CA_CERTS=/mine"},
			set: []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}, content: certificate("system") + certificate("embedded"),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root, temp := t.TempDir(), t.TempDir()
			kittest.Write(t, root, test.bindings)
			env := append([]string{"SERVICE_BINDING_ROOT=" + root, "SSL_CERT_FILE=" + system, "TMPDIR=" + temp}, test.env...)
			first := trust(t, test.layer, env...)
			files, err := filepath.Glob(filepath.Join(temp, "*"))
			if err != nil || first.code != 0 || len(files) > 1 {
				t.Fatalf("code %d, files %v (%v): %s", first.code, files, err, first.stderr)
			}
			want, content := "", ""
			for _, name := range test.set {
				want += fmt.Sprintf("%s = %q\n", name, files[0])
			}
			if len(files) == 1 {
				data, err := os.ReadFile(files[0])
				if err != nil {
					t.Fatal(err)
				}
				content = string(data)
			}
			if diff := cmp.Diff(want+test.content, first.variables+content); diff != "" {
				t.Errorf("variables and file (-want +got):\n%s", diff)
			}
			before := kittest.Tree(t, temp)
			if second := trust(t, test.layer, env...); second != first {
				t.Errorf("the second process of a container gets %v, the first %v", second, first)
			}
			if diff := cmp.Diff(before, kittest.Tree(t, temp)); diff != "" {
				t.Errorf("the second process leaves (-first +second):\n%s", diff)
			}
		})
	}
}

func TestCertificatesFail(t *testing.T) {
	t.Parallel()
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("key")}))
	tests := []struct{ name, file, env string }{
		{name: "not-pem", file: "MIIB"},
		{name: "empty", file: ""},
		{name: "cut", file: certificate("a") + certificate("b")[:40]},
		{name: "private-key", file: certificate("a") + key},
		{name: "no-system-bundle", file: certificate("a"), env: "SSL_CERT_FILE=/nowhere"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			kittest.Write(t, root, map[string]string{"company/type": "ca-certificates", "company/ca.pem": test.file})
			got := trust(t, nil, "SERVICE_BINDING_ROOT="+root, "TMPDIR="+t.TempDir(), test.env)
			if got.code != 1 || got.variables != "" {
				t.Errorf("code %d, variables %q", got.code, got.variables)
			}
			kittest.Golden(t, "certificates-"+test.name+".txt", strings.ReplaceAll(got.stderr, root, "<bindings>"))
		})
	}
}
