package platform_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
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

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform"
	"github.com/strata-buildpacks/strata/builder/platform/internal/imagetest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestMain starts the test binary as the first process of a sandbox, or as a
// program that pushes, so that a test can say which certificates the process trusts.
func TestMain(m *testing.M) {
	platform.Init()
	if home := os.Getenv("STRATA_TEST_PUSH"); home != "" {
		h, err := platform.Open(home)
		if err == nil {
			err = write(h, "registry:"+os.Args[1], "app")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestArchives(t *testing.T) {
	t.Parallel()
	home, image := homeWithApp(t)
	names := []string{"app", "registry.example.com/team/app:1"}
	for _, kind := range []string{"oci-archive", "docker-archive"} {
		path := filepath.Join(t.TempDir(), "app.tar")
		if err := write(home, kind+":"+path, names...); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		contents := untar(t, path, dir)
		if err := write(home, kind+":"+path, names...); err != nil { // over what is there
			t.Fatal(err)
		}
		if diff := cmp.Diff(contents, untar(t, path, t.TempDir())); diff != "" {
			t.Errorf("%s twice (-first +second):\n%s", kind, diff)
		}
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) != 1 {
			t.Errorf("left beside the archive: %v, %v", left, err)
		}
		got, err := layout.Path(dir).Image(imagetest.Digest(t, image))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		kittest.Golden(t, kind+"-index.json", contents["index.json"]+"\n")
		if kind == "oci-archive" {
			continue
		}
		kittest.Golden(t, "docker-archive-manifest.json", contents["manifest.json"]+"\n")
		tag, err := name.NewTag("docker.io/library/app:latest")
		if err != nil {
			t.Fatal(err)
		}
		saved, err := tarball.ImageFromPath(path, &tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(saved); err != nil {
			t.Errorf("as docker reads it: %v", err)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	home, image := homeWithApp(t)
	dir := filepath.Join(t.TempDir(), "layout")
	for range 2 {
		if err := write(home, "oci:"+dir, "app", "other:1"); err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.Path(dir).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		if d.Digest != imagetest.Digest(t, image) {
			t.Errorf("the layout has %s, want %s", d.Digest, imagetest.Digest(t, image))
		}
	}
	if len(manifest.Manifests) != 2 {
		t.Errorf("the layout has %d names, want 2", len(manifest.Manifests))
	}
}

// TestDocker loads an image into the engine and asks it for the image's layers.
func TestDocker(t *testing.T) {
	t.Parallel()
	if output, err := exec.CommandContext(t.Context(), "docker", "version").CombinedOutput(); err != nil {
		t.Skipf("needs a Docker engine, which does not answer (%v: %s): install docker.io and start it", err, output)
	}
	home, image := homeWithApp(t)
	const ref = "strata-output-test:1"
	defer func() { _ = exec.Command("docker", "image", "rm", ref).Run() }()
	put(t, home, ref, image)
	if err := write(home, "docker", ref); err != nil {
		t.Fatal(err)
	}
	got, err := exec.CommandContext(t.Context(), "docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", ref).Output()
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(config.RootFS.DiffIDs)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(got)) != string(want) {
		t.Errorf("docker has the layers %s, want %s", got, want)
	}
}

func TestNoDocker(t *testing.T) {
	home, _ := homeWithApp(t)
	t.Setenv("PATH", t.TempDir())
	golden(t, "output-no-docker.txt", write(home, "docker", "app"))
}

func TestOutputErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"notes/todo.txt": "todo"})
	for file, output := range map[string]string{
		"unknown": "tar:x", "no-folder-name": "oci:", "docker-target": "docker:x",
		"not-a-layout": "oci:" + dir + "/notes", "no-folder": "oci-archive:" + dir + "/none/app.tar", "is-folder": "docker-archive:" + dir + "/notes",
		"no-registry": "registry", "no-registry-named": "registry:app", "digest": "registry:r.example.com/app@sha256:" + strings.Repeat("0", 64),
		"bad-name": "registry:r.example.com/App",
	} {
		_, err := platform.ParseOutput(output, []string{"app"})
		golden(t, "output-"+file+".txt", err, dir, "<folder>")
	}
}

func TestPush(t *testing.T) {
	t.Parallel()
	home, image := homeWithApp(t)
	server := serve(t, nil)
	names := []string{server.host + "/app:1", server.host + "/app:2", server.host + "/copy:1"}
	if err := home.Tag("app", names); err != nil {
		t.Fatal(err)
	}
	if err := write(home, "registry", names...); err != nil {
		t.Fatal(err)
	}
	for _, ref := range names {
		if got := imagetest.Digest(t, imagetest.Pull(t, ref)); got != imagetest.Digest(t, image) {
			t.Errorf("%s is %s, in the store it is %s", ref, got, imagetest.Digest(t, image))
		}
	}
	if sent := server.count(http.MethodPatch); sent != 5 { // four layers and the configuration, once
		t.Errorf("%d blobs were sent, want 5", sent)
	}
	server.forget()
	if err := write(home, "registry:"+names[0], "app"); err != nil {
		t.Fatal(err)
	}
	if sent := server.count(http.MethodPatch) + server.count(http.MethodPut); sent != 0 {
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
			home, image := homeWithApp(t)
			var seen [4]atomic.Int64
			server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				for i, method := range []string{http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut} {
					if r.Method == method && seen[i].Add(1) == 1 {
						fail(w)
						return true
					}
				}
				return false
			})
			if err := write(home, "registry:"+server.host+"/app", "app"); err != nil {
				t.Fatal(err)
			}
			for i := range seen {
				if seen[i].Load() < 2 {
					t.Errorf("request %d was not tried again", i)
				}
			}
			if got := imagetest.Digest(t, imagetest.Pull(t, server.host+"/app")); got != imagetest.Digest(t, image) {
				t.Errorf("the registry has %s, want %s", got, imagetest.Digest(t, image))
			}
		})
	}
}

func TestPushErrors(t *testing.T) {
	t.Parallel()
	home, _ := homeWithApp(t)
	for name, status := range map[string]int{"denied": 403, "login": 401, "limit": 429, "broken": 500, "unknown": 404, "other": 418} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				w.WriteHeader(status)
				return true
			})
			server.golden(t, "push-"+name+".txt", write(home, "registry:"+server.host+"/app", "app"))
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		server := serve(t, func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
		err := write(home, "registry:"+server.host+"/app", "app")
		server.golden(t, "push-unreachable.txt", err)
	})
}

// TestPushWithCredentials finds them where docker keeps them: in the
// configuration, and with a helper.
func TestPushWithCredentials(t *testing.T) {
	home, image := homeWithApp(t)
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
			server := serve(t, test.inTheWay)
			config := t.TempDir()
			t.Setenv("DOCKER_CONFIG", config)
			t.Setenv("PATH", config+":"+os.Getenv("PATH"))
			if err := write(home, "registry:"+server.host+"/app", "app"); err == nil {
				t.Error("pushed without credentials")
			}
			kittest.Write(t, config, map[string]string{
				"config.json":                   fmt.Sprintf(test.config, server.host),
				"docker-credential-strata-test": "#!/bin/sh\necho '{\"Username\":\"" + user + "\",\"Secret\":\"" + password + "\"}'\n",
			})
			if err := write(home, "registry:"+server.host+"/app", "app"); err != nil {
				t.Fatal(err)
			}
			server.pass()
			if got := imagetest.Digest(t, imagetest.Pull(t, server.host+"/app")); got != imagetest.Digest(t, image) {
				t.Errorf("the registry has %s, want %s", got, imagetest.Digest(t, image))
			}
		})
	}
}

// TestPushToAPrivateAuthority needs a process of its own: which certificates are trusted is read once.
func TestPushToAPrivateAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	home, err := platform.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(t, home, "app", imagetest.App(t, imagetest.Run{}.Image(t), runName, "app", nil))
	s := serve(t, nil)
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

func homeWithApp(t *testing.T) (*platform.Home, v1.Image) {
	t.Helper()
	home := open(t)
	image := imagetest.App(t, imagetest.Run{}.Image(t), runName, "app", nil)
	put(t, home, "app", image)
	return home, image
}

// write parses an output and writes the first name's image there.
func write(home *platform.Home, output string, names ...string) error {
	o, err := platform.ParseOutput(output, names)
	if err != nil {
		return err
	}
	return home.Write(context.Background(), o, names, platform.WriteOptions{Registry: fast})
}

// untar unpacks an archive and returns its files.
func untar(t *testing.T, path, dir string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		file, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(file)
	}
	kittest.Write(t, dir, files)
	return files
}
