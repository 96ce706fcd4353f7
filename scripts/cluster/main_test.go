package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"go.yaml.in/yaml/v3"
)

func TestManifest(t *testing.T) {
	t.Parallel()
	got := manifest("version: #@ data.values.kpack_version\nimage: #@ data.values.build_init.image\nimage: #@ data.values.webhook.image\n")
	want := "version: \"1\"\nimage: 10.99.0.2:5000/kpack/build-init:1\nimage: 10.99.0.2:5000/kpack/webhook:1\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestConfigure reads all that the node's programs read.
func TestConfigure(t *testing.T) {
	t.Parallel()
	c := &cluster{dir: t.TempDir()}
	if err := c.configure(); err != nil {
		t.Fatal(err)
	}
	for file, decode := range map[string]func([]byte, any) error{
		"node/containerd.toml": toml.Unmarshal, "node/certs.d/10.99.0.2:5000/hosts.toml": toml.Unmarshal,
		"node/kubelet.yaml": yaml.Unmarshal, "node/proxy.yaml": yaml.Unmarshal, "node/cni/bridge.conflist": yaml.Unmarshal,
		"keys/admin.kubeconfig": yaml.Unmarshal, "keys/kubelet.kubeconfig": yaml.Unmarshal,
	} {
		text, err := os.ReadFile(c.path(file))
		if err != nil {
			t.Fatal(err)
		}
		var into map[string]any
		if err := decode(text, &into); err != nil || len(into) == 0 {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
		if strings.Contains(string(text), "no value") {
			t.Errorf("%s lacks a value:\n%s", file, text)
		}
	}
	tokens, err := os.ReadFile(c.path("keys/tokens.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(string(tokens)), "\n"); len(lines) != 5 {
		t.Errorf("there are %d users, want 5", len(lines))
	}
}

// TestAuthority asks a server of the company's with and without its authority.
func TestAuthority(t *testing.T) {
	t.Parallel()
	company, err := newAuthority("company")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := company.issue([]string{"server.example.test"}, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(company.text()) {
		t.Fatal("the authority has no certificate")
	}
	for _, pool := range []*x509.CertPool{trusted, x509.NewCertPool()} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}}}
		response, err := client.Get(server.URL)
		if err == nil {
			_ = response.Body.Close()
		}
		if unknown := errors.As(err, new(x509.UnknownAuthorityError)); unknown != (pool != trusted) {
			t.Errorf("trusted: %t, error: %v", pool == trusted, err)
		}
	}
}

// TestModule builds the private app with the module that the cluster serves.
func TestModule(t *testing.T) {
	t.Parallel()
	c := &cluster{dir: t.TempDir()}
	sums, err := c.module("modules.example.test/word", "v1.0.0", companyModule)
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{
		"go.mod": "module example.test/private\n\ngo 1.24\n\nrequire modules.example.test/word v1.0.0\n", "go.sum": sums,
		"main.go": privateProgram,
	} {
		if err := c.write([]byte(content), "app", file); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-o", os.DevNull, ".")
	cmd.Dir = c.path("app")
	cmd.Env = append(os.Environ(), "GOPROXY=file://"+filepath.ToSlash(c.path("modules")), "GOSUMDB=off", "GOFLAGS=-trimpath -modcacherw",
		"GOMODCACHE="+c.path("cache"))
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// TestMissing compares an image with one that has another layer more.
func TestMissing(t *testing.T) {
	t.Parallel()
	before, err := random.Image(10, 2)
	if err != nil {
		t.Fatal(err)
	}
	layer, err := random.Layer(10, types.OCILayer)
	if err != nil {
		t.Fatal(err)
	}
	after, err := mutate.Append(before, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "an update"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		of, in v1.Image
		want   []string
	}{{before, after, nil}, {after, before, []string{"an update"}}} {
		if got, err := missing(tt.of, tt.in); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("missing are %q (%v), want %q", got, err, tt.want)
		}
	}
	newer, err := random.Layer(10, types.OCILayer)
	if err != nil {
		t.Fatal(err)
	}
	rebased, err := mutate.AppendLayers(before, newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := sameApp(after, rebased); err != nil {
		t.Error(err)
	}
	for _, two := range [][2]v1.Image{{before, before}, {after, before}, {before, after}} {
		if err := sameApp(two[0], two[1]); err == nil {
			t.Error("one layer is said to be another")
		}
	}
}

// TestCompared compares images of one layer, which are not the same.
func TestCompared(t *testing.T) {
	t.Parallel()
	image := func(createdBy, roots, content, more string) v1.Image {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		mode := map[string]int64{"ours": 0o755, "kpack's": 0o2777}[roots]
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "/layers", Mode: mode})
		for _, name := range []string{"/layers/file", more} {
			if err == nil && name != "" {
				err = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
				_, wrong := w.Write([]byte(content))
				err = errors.Join(err, wrong)
			}
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		img, err := mutate.Append(empty.Image, mutate.Addendum{
			Layer: static.NewLayer(archive.Bytes(), types.OCIUncompressedLayer), History: v1.History{CreatedBy: createdBy},
		})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	ours := image("a layer", "ours", "a", "")
	for _, tt := range []struct {
		of, in v1.Image
		want   string // or the error's text
	}{
		{ours, ours, "1 of 1"},
		{ours, image("", "kpack's", "a", ""), "0 of 1"},
		{ours, image("", "kpack's", "b", ""), "a layer: /layers/file is"},
		{ours, image("", "kpack's", "a", "/layers/more"), "a layer: kpack's layer has more files"},
		{image(otherwise[0], "ours", "a", ""), image("", "kpack's", "b", ""), "0 of 1"},
		{ours, empty.Image, "there are 1 layers, and 0 of kpack"},
	} {
		got, err := compared(tt.of, tt.in)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestPrint prints a step that succeeds, one that fails, and one that is interrupted.
func TestPrint(t *testing.T) {
	t.Parallel()
	failed, ended := errors.New("failed"), errors.New("kubelet has ended")
	stopped, stop := context.WithCancelCause(t.Context())
	stop(ended)
	for _, tt := range []struct {
		ctx       context.Context
		err, want error
		row       string
	}{
		{t.Context(), nil, nil, "| name | ok: seen | 0.0 |\n"},
		{t.Context(), failed, failed, "| name | FAILED: seen | 0.0 |\n"},
		{stopped, nil, ended, "| name | FAILED: seen | 0.0 |\n"},
	} {
		var table strings.Builder
		err := step{"name", func(context.Context) (string, error) { return "seen", tt.err }}.print(tt.ctx, &table)
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil || table.String() != tt.row {
			t.Errorf("error %v, row %q, want %v, %q", err, table.String(), tt.want, tt.row)
		}
	}
	if err := lacks("some text", "text", "word"); err == nil || !strings.HasPrefix(err.Error(), `"word" is not in`) {
		t.Errorf("a text without a word: %v", err)
	}
	if _, err := output(t.Context(), nil, "sh", "-c", "echo said >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "said") {
		t.Errorf("a command that fails: %v", err)
	}
}
