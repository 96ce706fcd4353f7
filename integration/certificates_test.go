package integration

import (
	"bytes"
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
	"sync"
	"syscall"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestPlatformCertificates builds and starts an app in a company. The company's own authority signs the certificates of the module
// proxy and of the server that the app asks. The build's machine trusts another authority as well. The app has a health check.
func TestPlatformCertificates(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, name, modules := sample(t, "fetch"), image(t), kittest.NewTLSRegistry(t, "")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "for the company only")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // one handshake fails on purpose
	server.StartTLS()
	t.Cleanup(server.Close)
	own := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	binding := writeApp(t, map[string]string{"type": "ca-certificates", "ca.pem": own, "modules.pem": modules.Authority})
	machines := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: slices.Repeat([]byte("of this machine"), 20)}))
	machine := filepath.Join(writeApp(t, map[string]string{"machine.crt": machines}), "machine.crt")

	// Without a binding, there is nothing in the image.
	without := inspect(t, build(t, app, name))
	for _, e := range without.entries(t, func(string) bool { return false }) {
		if strings.Contains(e.header.Name, "launch-helper") || strings.Contains(e.header.Name, "ca-certificates/") {
			t.Errorf("without a binding the image has %s", e.header.Name)
		}
	}

	sums := modules.Module(t, "example.test/word", "v1.0.0", map[string]string{"word.go": "package word\n"})
	edit(t, app, "go.mod", "go 1.26.8", "go 1.26.8\n\nrequire example.test/word v1.0.0")
	edit(t, app, "main.go", `"os"`, "\"os\"\n\n\t_ \"example.test/word\"")
	if err := os.WriteFile(filepath.Join(app, "go.sum"), []byte(sums), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(flags ...string) outcome {
		always := []string{"build", app, "-t", name, "-q", "-e", "GOPROXY=" + modules.URL + "/go", "-e", "GONOSUMDB=example.test"}
		cmd := exec.CommandContext(t.Context(), "strata", append(always, flags...)...)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+machine)
		return finish(t, cmd)
	}
	if got := run(); got.status != 1 || !strings.Contains(got.stderr, "certificate signed by unknown authority") {
		t.Errorf("without a binding the build ends with status %d\n%s", got.status, got.stderr)
	}
	got := run("--binding", binding, "-e", "BP_HEALTH_CHECKER_ENABLED=true")
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

	port := freePort(t)
	stop := start(t, name, "--port", port, "-e", "URL="+server.URL, "--binding", binding)
	check := []string{"run", name, "--process", "health-check", "--port", port}
	healthy := strata(t, check...)
	for healthy.status != 0 && t.Context().Err() == nil { // until it listens
		healthy = strata(t, check...)
	}
	if want := "healthy: GET http://localhost:" + port + "/: status 200\n"; healthy.stdout != want {
		t.Errorf("the health check says %q, want %q", healthy.stdout, want)
	}
	stop()
	gone := strata(t, check...)
	want := "unhealthy: GET http://localhost:" + port + "/: connection refused\n"
	if gone.status != 1 || !strings.HasPrefix(gone.stderr, want) {
		t.Errorf("without the app the health check has status %d and says %q, want %q", gone.status, gone.stderr, want)
	}

	if got := run("--binding", binding, "-e", "BP_EMBED_CERTS=true", "-e", "BP_LIVE_RELOAD_ENABLED=true"); got.status != 0 {
		t.Fatalf("status %d\n%s", got.status, got.stderr)
	}
	if answer, ok := fetch(t, name, server.URL); !ok || !strings.Contains(answer, "for the company only") { // started by launch reload
		t.Errorf("with the certificate in the image the app is answered %q", answer)
	}
}

// fetch starts the app fetch and returns what it says of a URL, and whether it was answered.
func fetch(t *testing.T, image, url string, flags ...string) (string, bool) {
	t.Helper()
	got := strata(t, append([]string{"run", image, "--port", freePort(t), "--ask", "/", "-e", "URL=" + url}, flags...)...)
	return got.stdout + got.stderr, got.status == 0
}

// start starts an image and returns a function that stops the app.
func start(t *testing.T, image string, flags ...string) (stop func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "strata", append([]string{"run", image}, flags...)...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it is stopped on purpose, so its status says nothing
		if t.Failed() {
			t.Logf("%s said:\n%s", image, log.String())
		}
	})
	t.Cleanup(stop)
	return stop
}
