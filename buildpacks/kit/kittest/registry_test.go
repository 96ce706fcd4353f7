package kittest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// get returns the status and the body of an answer; accept may be empty.
func get(t *testing.T, address, accept string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestRegistryNPM(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	r.NPM(t, "@a/b", "1.10.0", map[string]string{"package.json": `{"bin": {"b": "b.js"}}`, "b.js": "#!/usr/bin/env node\n"})
	old := r.NPM(t, "@a/b", "1.9.0", nil)

	_, text := get(t, r.URL+"/npm/@a%2fb", "")
	var document struct {
		Name     string
		Tags     map[string]string `json:"dist-tags"`
		Versions map[string]struct {
			Bin  map[string]string
			Dist struct{ Tarball, Integrity string }
		}
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	if document.Name != "@a/b" || document.Tags["latest"] != "1.10.0" || document.Versions["1.10.0"].Bin["b"] != "b.js" {
		t.Errorf("the packument is %s", text)
	}
	if got := document.Versions["1.9.0"].Dist.Integrity; got != old || !strings.HasPrefix(old, "sha512-") {
		t.Errorf("integrity %s of a version, want %s", got, old)
	}
	tarball := document.Versions["1.10.0"].Dist.Tarball
	if status, archive := get(t, tarball, ""); status != http.StatusOK || !strings.HasPrefix(archive, "\x1f\x8b") {
		t.Errorf("the archive: status %d", status)
	}
	for path, want := range map[string]int{"/npm/@a/b/1.9.0": 200, "/npm/@a/b/latest": 200, "/npm/@a/b/2.0.0": 404, "/npm/@a/c": 404} {
		if status, _ := get(t, r.URL+path, ""); status != want {
			t.Errorf("%s: status %d, want %d", path, status, want)
		}
	}
	if asked := r.Asked(); asked[0] != "/npm/@a/b" || asked[1] != "/npm/@a/b/-/b-1.10.0.tgz" || len(asked) != 6 {
		t.Errorf("it was asked for %q", asked)
	}
}

// TestRegistryGo has the go command fetch a module and verify it with the checksum database.
func TestRegistryGo(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	sums := r.Module(t, "example.test/Upper", "v1.2.0", map[string]string{"upper.go": "package upper\n"})
	r.Module(t, "example.test/Upper", "v1.10.0-rc.1", nil)
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"go.mod": "module example.test/app\n\ngo 1.21\n\nrequire example.test/Upper v1.2.0\n"})
	env := append(os.Environ(), "GOPROXY="+r.URL+"/go", "GOSUMDB="+r.Database(t),
		"GOPATH="+t.TempDir(), "GOMODCACHE=", "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local")
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("mod", "download", "all")
	got, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil || string(got) != sums {
		t.Errorf("go.sum is %q (%v), want %q", got, err, sums)
	}
	if got, want := run("list", "-m", "-versions", "example.test/Upper"), "example.test/Upper v1.2.0 v1.10.0-rc.1\n"; got != want {
		t.Errorf("versions %q, want %q", got, want)
	}
	if got := run("list", "-m", "example.test/Upper@latest"); got != "example.test/Upper v1.2.0\n" {
		t.Errorf("the latest is %q", got)
	}
	if !slices.Contains(r.Asked(), "/go/example.test/!upper/@v/v1.2.0.zip") {
		t.Errorf("it was asked for %q", r.Asked())
	}
}

func TestRegistrySimple(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	hash := r.Wheel(t, "Snake_Case", "1.0", map[string]string{"snake.py": "x = 1\n"})
	_, page := get(t, r.URL+"/simple/snake-case/", "text/html")
	if !strings.Contains(page, `#sha256=`+hash+`"`) || !strings.Contains(page, ">snake_case-1.0-py3-none-any.whl<") {
		t.Errorf("the page is %s", page)
	}
	_, text := get(t, r.URL+"/simple/snake-case/", "application/vnd.pypi.simple.v1+json")
	var index struct {
		Name  string
		Files []struct {
			Filename, URL string
			Hashes        map[string]string
		}
	}
	if err := json.Unmarshal([]byte(text), &index); err != nil || len(index.Files) != 1 {
		t.Fatalf("%v of %s", err, text)
	}
	if diff := cmp.Diff(map[string]string{"sha256": hash}, index.Files[0].Hashes); diff != "" {
		t.Errorf("hashes (-want +got):\n%s", diff)
	}
	if status, wheel := get(t, r.URL+index.Files[0].URL, ""); status != http.StatusOK || !strings.HasPrefix(wheel, "PK") {
		t.Errorf("the wheel: status %d", status)
	}
	status, metadata := get(t, r.URL+index.Files[0].URL+".metadata", "")
	if status != http.StatusOK || !strings.Contains(metadata, "Name: Snake_Case") {
		t.Errorf("the metadata: status %d and %q", status, metadata)
	}
	if status, _ := get(t, r.URL+"/simple/other/", ""); status != http.StatusNotFound {
		t.Errorf("a project that is not there: status %d", status)
	}
}

func TestTLSRegistry(t *testing.T) {
	t.Parallel()
	r := kittest.NewTLSRegistry(t, "secret")
	r.NPM(t, "a", "1.0.0", nil)
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(r.Authority)) {
		t.Fatalf("the authority is %q", r.Authority)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)
	for _, tt := range []struct {
		path, authorization string
		status              int
	}{
		{"/npm/a", "", http.StatusUnauthorized},
		{"/npm/a", "Bearer other", http.StatusUnauthorized},
		{"/npm/a", "Bearer secret", http.StatusOK},
		{"/npm/a", "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:secret")), http.StatusOK},
		{"/npm/b", "", http.StatusNotFound},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", tt.authorization)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != tt.status {
			t.Errorf("%s with %q: status %d, want %d", tt.path, tt.authorization, response.StatusCode, tt.status)
		}
	}
	if _, err := http.Get(r.URL + "/npm/a"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("who does not trust its certificate: %v", err)
	}
}

func TestRegistryReadsOnly(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.URL+"/npm/a", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || len(r.Asked()) != 0 {
		t.Errorf("status %d after %q, want 405", response.StatusCode, r.Asked())
	}
}

func TestTool(t *testing.T) {
	t.Parallel()
	tool := kittest.NewTool(t, `echo "$WORD $2" >made; exit 3`)
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"bin/tool": tool.Text()})
	for _, args := range [][]string{{"a b", "", "line\nfeed"}, nil} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bin", "tool"), args...)
		cmd.Dir, cmd.Env = dir, []string{"WORD=it's", "EMPTY="}
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != 3 {
			t.Errorf("it ended with %v, want the script's code 3", err)
		}
	}
	calls := tool.Calls(t)
	env := map[string]string{"WORD": "it's", "EMPTY": ""}
	want := []kittest.Call{
		{Name: filepath.Join(dir, "bin", "tool"), Args: []string{"a b", "", "line\nfeed"}, Dir: dir, Env: env},
		{Name: filepath.Join(dir, "bin", "tool"), Dir: dir, Env: env},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := kittest.Files(t, dir); got["made"] != "it's \n" || len(got) != 2 {
		t.Errorf("the script left %q", got)
	}
}
