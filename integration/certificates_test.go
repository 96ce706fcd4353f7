package integration

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCertificates builds and starts an app in a company: an authority of its own vouches for the module proxy and for
// the server that the app asks, and the build's machine trusts another one besides.
func TestCertificates(t *testing.T) {
	suite(t)
	t.Parallel()
	app, name, proxy := sample(t, "fetch"), image(t), companyProxy(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "for the company only")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // one handshake fails on purpose
	server.StartTLS()
	t.Cleanup(server.Close)
	own := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	binding := writeApp(t, map[string]string{"type": "ca-certificates", "ca.pem": own})
	machines := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: slices.Repeat([]byte("of this machine"), 20)}))
	machine := filepath.Join(writeApp(t, map[string]string{"machine.crt": machines}), "machine.crt")

	run := func(flags ...string) outcome {
		cmd := exec.CommandContext(t.Context(), "strata", append([]string{"build", app, "-t", name, "-q", "-e", "GOPROXY=" + proxy.URL}, flags...)...)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+machine)
		return finish(t, cmd)
	}
	if got := run(); got.status != 1 || !strings.Contains(got.stderr, "certificate signed by unknown authority") {
		t.Errorf("without a binding the build ends with status %d\n%s", got.status, got.stderr)
	}
	got := run("--binding", binding)
	if got.status != 0 {
		t.Fatalf("with a binding the build ends with status %d\n%s", got.status, got.stderr)
	}
	with := inspect(t, digestOf(t, got))
	for _, file := range []string{own, machines} {
		with.checkSecret(t, strings.Split(file, "\n")[3])
	}
	if answer, ok := fetch(t, name, server.URL); ok || !strings.Contains(answer, "x509: certificate signed by unknown authority") {
		t.Errorf("without a binding the app is answered %q", answer)
	}
	if answer, ok := fetch(t, name, server.URL, "--binding", binding); !ok || !strings.Contains(answer, "for the company only") {
		t.Errorf("with a binding the app is answered %q", answer)
	}

	if got := run("--binding", binding, "-e", "BP_EMBED_CERTS=true"); got.status != 0 {
		t.Fatalf("status %d\n%s", got.status, got.stderr)
	}
	if answer, ok := fetch(t, name, server.URL); !ok || !strings.Contains(answer, "for the company only") {
		t.Errorf("with the certificate in the image the app is answered %q", answer)
	}

	// Who binds nothing gets nothing.
	without := inspect(t, build(t, app, name))
	for _, e := range without.entries(t, func(string) bool { return false }) {
		if strings.Contains(e.header.Name, "launch-helper") || strings.Contains(e.header.Name, "ca-certificates/") {
			t.Errorf("without a binding the image has %s", e.header.Name)
		}
	}
}

// fetch starts the app fetch and returns what it says of a URL, and whether it was answered.
func fetch(t *testing.T, image, url string, flags ...string) (string, bool) {
	t.Helper()
	got := strata(t, append([]string{"run", image, "--port", freePort(t), "--ask", "/", "-e", "URL=" + url}, flags...)...)
	return got.stdout + got.stderr, got.status == 0
}
