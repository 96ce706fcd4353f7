package integration

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"
)

// writeApp writes an app that prints words; its folder is named "words".
func writeApp(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "words")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var wordsApp = map[string]string{
	"go.mod":    "module example.test/words\n\ngo 1.24.0\n",
	"main.go":   "package main\n\nimport \"fmt\"\n\nvar version = \"unset\"\n\nfunc main() { fmt.Println(version, tag) }\n",
	"plain.go":  "//go:build !special\n\npackage main\n\nconst tag = \"plain\"\n",
	"tagged.go": "//go:build special\n\npackage main\n\nconst tag = \"special\"\n",
}

// output runs an image's default process and returns what it prints.
func output(t *testing.T, image string) string {
	t.Helper()
	got := strata(t, "run", image)
	if got.status != 0 {
		t.Fatalf("strata run: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	return strings.TrimSpace(got.stdout)
}

// buildInfo reads what the Go command wrote into the only binary of an image.
func (b built) buildInfo(t *testing.T) *debug.BuildInfo {
	t.Helper()
	for _, e := range b.entries(t, func(name string) bool { return strings.Contains(name, "/targets/bin/") }) {
		if len(e.content) > 0 {
			info, err := buildinfo.Read(bytes.NewReader(e.content))
			if err != nil {
				t.Fatal(err)
			}
			return info
		}
	}
	t.Fatal("the image has no binary")
	return nil
}

// TestGoOptions builds one app under one name, so that the caches serve all steps.
func TestGoOptions(t *testing.T) {
	suite(t)
	t.Parallel()
	name := image(t)
	setting := func(info *debug.BuildInfo, key string) string {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
		return ""
	}
	t.Run("flags", func(t *testing.T) {
		app := writeApp(t, wordsApp)
		build(t, app, name)
		if got := output(t, name); got != "unset plain" {
			t.Errorf("without flags it prints %q", got)
		}
		build(t, app, name, "-e", "BP_GO_BUILD_FLAGS=-tags=special", "-e", "BP_GO_BUILD_LDFLAGS=-X 'main.version=1.2 of today'")
		if got := output(t, name); got != "1.2 of today special" {
			t.Errorf("with flags it prints %q", got)
		}
	})
	t.Run("version from git", func(t *testing.T) {
		app := writeApp(t, wordsApp)
		plain := inspect(t, build(t, app, name)).buildInfo(t)
		if got := setting(plain, "vcs.revision"); got != "" {
			t.Errorf("an app that is no checkout has the revision %q", got)
		}
		git := func(args ...string) string {
			cmd := exec.CommandContext(t.Context(), "git",
				append([]string{"-C", app, "-c", "user.name=x", "-c", "user.email=x@example.test"}, args...)...)
			got := finish(t, cmd)
			if got.status != 0 {
				t.Fatalf("git %v: %s", args, got.stderr)
			}
			return strings.TrimSpace(got.stdout)
		}
		git("init", "-q")
		git("add", "-A")
		git("commit", "-qm", "first")
		git("tag", "v1.2.3")
		stamped := inspect(t, build(t, app, name)).buildInfo(t)
		if got, want := setting(stamped, "vcs.revision"), git("rev-parse", "HEAD"); got != want {
			t.Errorf("the binary has the revision %q, the checkout %q", got, want)
		}
		if got := setting(stamped, "vcs.modified"); got != "false" || stamped.Main.Version != "v1.2.3" {
			t.Errorf("the binary is of version %q, modified %q; want v1.2.3, false", stamped.Main.Version, got)
		}
		edit(t, app, "main.go", "unset", "changed")
		if got := setting(inspect(t, build(t, app, name)).buildInfo(t), "vcs.modified"); got != "true" {
			t.Errorf("of a changed checkout the binary has modified %q", got)
		}
	})
	t.Run("another release", func(t *testing.T) {
		info := inspect(t, build(t, writeApp(t, wordsApp), name, "-e", "BP_GO_VERSION=1.25.9")).buildInfo(t)
		if info.GoVersion != "go1.25.9" {
			t.Errorf("the binary was compiled with %s, want go1.25.9", info.GoVersion)
		}
	})
	t.Run("modules that are named", func(t *testing.T) {
		app := sample(t, "workspace")
		if err := os.Remove(filepath.Join(app, "go.work")); err != nil {
			t.Fatal(err)
		}
		build(t, app, name, "-e", "BP_GO_WORK_USE=./app:./greeting", "-e", "BP_GO_TARGETS=./app")
		if body := ask(t, name, "/"); !strings.Contains(body, "Greetings from the workspace") {
			t.Errorf("it answers %q", body)
		}
	})
}

// TestGoPrivate builds an app that needs a module of a proxy with a password,
// which a company's own authority vouches for.
func TestGoPrivate(t *testing.T) {
	suite(t)
	t.Parallel()
	const secret = "not-for-everybody"
	proxy, sums := privateProxy(t, secret)
	bundle, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		unavailable(t, "needs the machine's certificates: install ca-certificates")
	}
	authorities := filepath.Join(t.TempDir(), "authorities.crt")
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	if err := os.WriteFile(authorities, append(bundle, own...), 0o644); err != nil {
		t.Fatal(err)
	}
	upstream, err := moduleProxy()
	if err != nil {
		t.Fatal(err)
	}
	app := writeApp(t, map[string]string{
		"go.mod":  "module example.test/words\n\ngo 1.24.0\n\nrequire example.test/private v1.0.0\n",
		"go.sum":  sums,
		"main.go": "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.test/private\"\n)\n\nfunc main() { fmt.Println(private.Word) }\n",
	})
	binding := filepath.Join(t.TempDir(), "company")
	if err := os.Mkdir(binding, 0o755); err != nil {
		t.Fatal(err)
	}
	netrc := "machine " + strings.TrimPrefix(proxy.URL, "https://") + "\nlogin ann\npassword " + secret + "\n"
	for file, content := range map[string]string{"type": "netrc", ".netrc": netrc} {
		if err := os.WriteFile(filepath.Join(binding, file), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	name := image(t)
	run := func(flags ...string) outcome {
		args := append([]string{
			"build", app, "-t", name, "-q", "-e", "GOPROXY=" + proxy.URL + "," + upstream, "-e", "GONOSUMDB=example.test",
		}, flags...)
		cmd := exec.CommandContext(t.Context(), "strata", args...)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+authorities)
		return finish(t, cmd)
	}
	refused := run()
	if last := lastLine(refused.stderr); refused.status != 1 ||
		!strings.Contains(refused.stderr, "error: modules cannot be fetched from GOPROXY") {
		t.Errorf("without the binding: status %d, and at last %q\n%s", refused.status, last, refused.stderr)
	}
	got := run("--binding", binding)
	if got.status != 0 {
		t.Fatalf("with the binding: status %d\n%s", got.status, got.stderr)
	}
	if word := output(t, name); word != "private indeed" {
		t.Errorf("it prints %q", word)
	}
	inspect(t, digestOf(t, got)).checkSecret(t, secret)
}

// privateProxy serves example.test/private v1.0.0 to who knows the password and returns the go.sum for it.
func privateProxy(t *testing.T, password string) (server *httptest.Server, sums string) {
	t.Helper()
	const mod, path = "module example.test/private\n\ngo 1.24.0\n", "/example.test/private/@v/v1.0.0"
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, content := range map[string]string{"go.mod": mod, "private.go": "package private\n\nconst Word = \"private indeed\"\n"} {
		f, err := w.Create("example.test/private@v1.0.0/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "module.zip")
	if err := os.WriteFile(file, archive.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	zipSum, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	modSum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(mod)), nil })
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{path + ".info": `{"Version":"v1.0.0"}`, path + ".mod": mod, path + ".zip": archive.String()}
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		user, given, _ := r.BasicAuth()
		switch {
		case !ok:
			http.NotFound(w, r) // which sends the Go command to the next proxy
		case user != "ann" || given != password:
			http.Error(w, "who are you?", http.StatusUnauthorized)
		default:
			_, _ = io.WriteString(w, answer)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, "example.test/private v1.0.0 " + zipSum + "\nexample.test/private v1.0.0/go.mod " + modSum + "\n"
}
