package output_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestPush(t *testing.T) {
	t.Parallel()
	h, image := homeWithApp(t)
	server := platformtest.Serve(t, nil)
	names := []string{server.Host + "/app:1", server.Host + "/app:2", server.Host + "/copy:1"}
	for _, ref := range names {
		platformtest.Put(t, h.Store, ref, image)
	}
	if err := write(h, "registry", names...); err != nil {
		t.Fatal(err)
	}
	for _, ref := range names {
		if got := platformtest.Digest(t, platformtest.Pull(t, ref)); got != platformtest.Digest(t, image) {
			t.Errorf("%s is %s, in the store it is %s", ref, got, platformtest.Digest(t, image))
		}
	}
	if sent := server.Count(http.MethodPatch); sent != 5 { // four layers and the configuration, once
		t.Errorf("%d blobs were sent, want 5", sent)
	}
	server.Forget()
	if err := write(h, "registry:"+names[0], "app"); err != nil {
		t.Fatal(err)
	}
	if sent := server.Count(http.MethodPatch) + server.Count(http.MethodPut); sent != 0 {
		t.Errorf("an image that is there was sent again: %d requests", sent)
	}
}

// TestPushTriesAgain has every kind of request fail once in each way that passes.
func TestPushTriesAgain(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(http.ResponseWriter){
		"429": func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"500": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"503": func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"cut": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, image := homeWithApp(t)
			var seen [4]atomic.Int64
			server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				for i, method := range []string{http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut} {
					if r.Method == method && seen[i].Add(1) == 1 {
						fail(w)
						return true
					}
				}
				return false
			})
			if err := write(h, "registry:"+server.Host+"/app", "app"); err != nil {
				t.Fatal(err)
			}
			for i := range seen {
				if seen[i].Load() < 2 {
					t.Errorf("request %d was not tried again", i)
				}
			}
			if got := platformtest.Digest(t, platformtest.Pull(t, server.Host+"/app")); got != platformtest.Digest(t, image) {
				t.Errorf("the registry has %s, want %s", got, platformtest.Digest(t, image))
			}
		})
	}
}

func TestPushErrors(t *testing.T) {
	t.Parallel()
	h, _ := homeWithApp(t)
	for name, status := range map[string]int{"denied": 403, "login": 401, "limit": 429, "broken": 500, "unknown": 404, "other": 418} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				w.WriteHeader(status)
				return true
			})
			kittest.Golden(t, "push-"+name+".txt", server.Fault(t, write(h, "registry:"+server.Host+"/app", "app")))
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		server := platformtest.Serve(t, func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
		err := write(h, "registry:"+server.Host+"/app", "app")
		kittest.Golden(t, "push-unreachable.txt", server.Fault(t, err))
	})
}

// TestPushWithCredentials finds them where docker keeps them: in the
// configuration, and with a helper.
func TestPushWithCredentials(t *testing.T) {
	h, image := homeWithApp(t)
	const user, password = "somebody", "secret"
	basic := func(w http.ResponseWriter, r *http.Request) bool {
		u, p, _ := r.BasicAuth()
		if u == user && p == password {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	token := func(w http.ResponseWriter, r *http.Request) bool {
		switch u, p, _ := r.BasicAuth(); {
		case r.URL.Path == "/token" && u == user && p == password:
			fmt.Fprint(w, `{"token":"for-somebody"}`)
			return true
		case r.Header.Get("Authorization") == "Bearer for-somebody":
			return false
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="registry"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	for name, test := range map[string]struct {
		inTheWay func(http.ResponseWriter, *http.Request) bool
		config   string // %s is the registry
	}{
		"basic":  {basic, `{"auths":{"%s":{"auth":"` + auth + `"}}}`},
		"token":  {token, `{"auths":{"%s":{"auth":"` + auth + `"}}}`},
		"helper": {token, `{"credHelpers":{"%s":"strata-test"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			server := platformtest.Serve(t, test.inTheWay)
			config := t.TempDir()
			t.Setenv("DOCKER_CONFIG", config)
			t.Setenv("PATH", config+":"+os.Getenv("PATH"))
			if err := write(h, "registry:"+server.Host+"/app", "app"); err == nil {
				t.Error("pushed without credentials")
			}
			kittest.Write(t, config, map[string]string{
				"config.json":                   fmt.Sprintf(test.config, server.Host),
				"docker-credential-strata-test": "#!/bin/sh\necho '{\"Username\":\"" + user + "\",\"Secret\":\"" + password + "\"}'\n",
			})
			if err := write(h, "registry:"+server.Host+"/app", "app"); err != nil {
				t.Fatal(err)
			}
			server.Pass()
			if got := platformtest.Digest(t, platformtest.Pull(t, server.Host+"/app")); got != platformtest.Digest(t, image) {
				t.Errorf("the registry has %s, want %s", got, platformtest.Digest(t, image))
			}
		})
	}
}

// TestPushToAPrivateAuthority needs a process of its own: which certificates are trusted is read once.
func TestPushToAPrivateAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h, err := home.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	platformtest.Put(t, h.Store, "app", platformtest.App(t, platformtest.Run{}.Image(t), platformtest.RunName, "app", nil))
	s := platformtest.Serve(t, nil)
	secure := httptest.NewTLSServer(s)
	defer secure.Close()
	host := strings.TrimPrefix(secure.URL, "https://")
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	push := func(env ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), self, host+"/app")
		cmd.Env = append(append(os.Environ(), "STRATA_TEST_PUSH="+dir), env...)
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	output, err := push()
	if err == nil {
		t.Error("pushed to a registry whose certificate nobody vouches for")
	}
	kittest.Golden(t, "push-certificate.txt", strings.ReplaceAll(output, host, "<registry>"))
	if output, err := push("SSL_CERT_FILE=" + bundle); err != nil {
		t.Errorf("with the authority's certificate: %v\n%s", err, output)
	}
}

// TestPushBare pushes to a registry that takes images and no artifacts.
func TestPushBare(t *testing.T) {
	t.Parallel()
	h := open(t)
	server := platformtest.Serve(t, func(w http.ResponseWriter, r *http.Request) bool {
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
	ref := server.Host + "/app:latest"
	app := platformtest.App(t, platformtest.Run{Release: "1"}.Image(t), platformtest.RunName, "app", nil)
	platformtest.Described(t, h.Store, ref, app, "2025b")
	kittest.Golden(t, "push-artifact.txt", server.Fault(t, write(h, "registry", ref)))
	to, err := output.Parse("registry", []string{ref})
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Write(t.Context(), h, []string{ref}, output.Options{Registry: platformtest.Fast, Bare: true}); err != nil {
		t.Fatal(err)
	}
	if got, want := platformtest.Digest(t, platformtest.Pull(t, ref)), platformtest.Digest(t, app); got != want {
		t.Errorf("the registry has %s, want %s", got, want)
	}
}
