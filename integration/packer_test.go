package integration

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
)

// answering replaces the program of an app. The new one answers over HTTP without net/http, which takes a minute to compile.
func answering(t *testing.T, app, imports, answer string) {
	t.Helper()
	program := fmt.Sprintf(`package main

import (
	"net"
	"os"
	%s
)

func main() {
	listener, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		client.Read(make([]byte, 4096))
		client.Write([]byte("HTTP/1.0 200 OK\r\n\r\n" + %s))
		client.Close()
	}
}
`, imports, answer)
	if err := os.WriteFile(filepath.Join(app, "main.go"), []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
}

// needDocker skips a test where no Docker engine answers.
func needDocker(t *testing.T) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "docker", "version").CombinedOutput()
	if err == nil {
		return
	}
	reason := "needs a Docker engine, and the right to use it: install docker.io of Debian 13 or newer and start it, or run scripts/docker; " +
		fmt.Sprintf("docker version: %v: %s", err, lastLine(string(output)))
	if os.Getuid() != 0 {
		t.Skip(reason) // whoever may use an engine is as good as root, so most users may not
	}
	unavailable(t, reason)
}

// packer runs pack with a company's builder.
type packer struct {
	host      string   // of a registry; all images of the test are named below it
	modules   string   // address of the module proxy that is baked into the builder
	authority string   // file with the only certificate that builds trust
	builder   string   // name of an image
	folders   string   // of which pack makes buildpackages and a builder
	env       []string // of pack
}

func newPacker(t *testing.T) packer {
	t.Helper()
	bin := filepath.Join(filepath.Dir(home()), "bin", "pack")
	compile := exec.CommandContext(t.Context(), "go", "-C", "pack", "build", "-trimpath", "-o", bin,
		"github.com/buildpacks/pack")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if got := finish(t, compile); got.status != 0 {
		t.Fatalf("%s: status %d\n%s", compile, got.status, got.stderr)
	}
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	modules := companyProxy(t)
	p := packer{
		host:      strings.TrimPrefix(images.URL, "http://"),
		modules:   modules.URL,
		authority: filepath.Join(t.TempDir(), "authority.crt"),
		env:       append(os.Environ(), "PACK_HOME="+t.TempDir(), "PACK_VOLUME_KEY=integration"),
	}
	t.Cleanup(func() { p.clean(t) })
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: modules.Certificate().Raw})
	if err := os.WriteFile(p.authority, certificate, 0o644); err != nil {
		t.Fatal(err)
	}
	p.builder = p.image("builder")
	p.folders = filepath.Join(t.TempDir(), "folders")
	p.keep(t, p.builder, "strata/build:13", runStatic, runDebug, runGlibc, runMusl)
	for _, args := range [][]string{
		{"stack", "build", "static", "static-debug", "glibc", "musl", "build", "--output", "docker"},
		{"stack", "build", "--dir", p.stacks(t), "--config", "builder.toml", "--output", "docker", "--output", "registry"},
		{"builder", "create", "-t", p.builder, "--folders", p.folders, "--output", "docker", "--output", "registry"},
	} {
		create := exec.CommandContext(t.Context(), "strata", args...)
		create.Dir, create.Env = "..", append(os.Environ(), "GOPROXY="+p.modules)
		if got := finish(t, create); got.status != 0 {
			t.Fatalf("%s: status %d\n%s%s", create, got.status, got.stdout, got.stderr)
		}
	}
	return p
}

// stacks makes a folder of one stack: the run image static under a name of the company's registry.
func (p packer) stacks(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "company"), 0o755); err != nil {
		t.Fatal(err)
	}
	definition := fmt.Sprintf("image = %q\ndescription = \"a company's\"\nbase = \"static\"\n", p.runImage())
	if err := os.WriteFile(filepath.Join(dir, "company", "stack.toml"), []byte(definition), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runImage is the run image that the registry has.
func (p packer) runImage() string { return p.host + "/run-static:13" }

// image returns the name of an image of this test.
func (p packer) image(what string) string { return p.host + "/" + what + ":latest" }

// cache is the prefix of the names of volumes. The builds of the test share the volumes.
func (p packer) cache() string { return "strata-integration-" + strings.ReplaceAll(p.host, ":", "-") }

// clean removes what the test made in the engine.
func (p packer) clean(t *testing.T) {
	t.Helper()
	images := docker(t, nil, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference="+p.host+"/*")
	for image := range strings.FieldsSeq(images) {
		docker(t, nil, "image", "rm", "--force", image)
	}
	for volume := range strings.FieldsSeq(docker(t, nil, "volume", "ls", "--quiet", "--filter", "name="+p.cache())) {
		docker(t, nil, "volume", "rm", volume)
	}
}

// companyProxy serves what the machine's own module proxy serves, over TLS with a certificate that nobody else knows.
func companyProxy(t *testing.T) *httptest.Server {
	t.Helper()
	upstream, err := moduleProxy()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, upstream+r.URL.EscapedPath(), nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		if response.ContentLength >= 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(response.ContentLength, 10))
		}
		w.WriteHeader(response.StatusCode)
		_, _ = io.Copy(w, response.Body) // the client notices if it ends early
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // one handshake fails on purpose
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// pack runs pack, which may fail.
func (p packer) pack(t *testing.T, args ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "pack", append(args, "--no-color")...)
	cmd.Env = p.env
	return finish(t, cmd)
}

// docker runs the engine's client and returns what it prints.
func docker(t *testing.T, stdin io.Reader, args ...string) string {
	t.Helper()
	cmd := exec.Command("docker", args...) // cleaning up comes after the test's context
	cmd.Stdin = stdin
	got := finish(t, cmd)
	if got.status != 0 {
		t.Fatalf("docker %s: status %d\n%s%s", strings.Join(args, " "), got.status, got.stdout, got.stderr)
	}
	return strings.TrimSpace(got.stdout)
}

// keep gives these names in the engine to images of this test. When the test ends, the images that had the names before have
// them again.
func (p packer) keep(t *testing.T, images ...string) {
	t.Helper()
	for _, image := range images {
		kept := ""
		if finish(t, exec.CommandContext(t.Context(), "docker", "image", "inspect", image)).status == 0 {
			kept = p.image("before-" + strings.NewReplacer("/", "-", ":", "-").Replace(image))
			docker(t, nil, "tag", image, kept)
		}
		t.Cleanup(func() {
			docker(t, nil, "image", "rm", "--force", image)
			if kept != "" {
				docker(t, nil, "tag", kept, image)
			}
		})
	}
}

// stored reads an image of the store by its name.
func stored(t *testing.T, image string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(filepath.Join(home(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		if d.Annotations["org.opencontainers.image.ref.name"] == ref.Name() {
			return forThisMachine(t, index, d)
		}
	}
	t.Fatalf("the store has no %s", image)
	return nil
}

// forThisMachine opens an image, or that of an index for this machine's architecture: a run image becomes an index when an app is
// built for another one.
func forThisMachine(t *testing.T, index v1.ImageIndex, d v1.Descriptor) v1.Image {
	t.Helper()
	if d.MediaType.IsIndex() {
		members, err := index.ImageIndex(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		found, err := partial.FindImages(members, func(d v1.Descriptor) bool {
			return d.Platform != nil && d.Platform.Architecture == runtime.GOARCH
		})
		if err != nil || len(found) != 1 {
			t.Fatalf("%s has %d images for this machine, %v", d.Digest, len(found), err)
		}
		return found[0]
	}
	found, err := index.Image(d.Digest)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// flags are those of a build that trusts only the build image's authorities.
func (p packer) flags(image, app string) []string {
	return []string{"build", image, "--path", app, "--builder", p.builder, "--pull-policy", "never", "--network", "host"}
}

// kept are flags of builds that keep the toolchain and compiled packages in a volume. To pack and unpack them as layers takes the
// lifecycle longer than everything else.
func (p packer) kept() []string {
	return []string{
		"--env", "BP_CACHE_DIR=/var/cache/strata", "--volume", p.cache() + "-folder:/var/cache/strata:rw",
		"--cache", "type=build;format=volume;name=" + p.cache() + "-build", "--cache", "type=launch;format=volume;name=" + p.cache() + "-launch",
	}
}

// build builds an app with pack and returns the log. pack may warn of flags and of nothing else.
func (p packer) build(t *testing.T, image, app string, flags ...string) string {
	t.Helper()
	flags = append(flags, "--volume", p.authority+":/etc/ssl/certs/ca-certificates.crt:ro")
	got := p.pack(t, append(p.flags(image, app), flags...)...)
	if got.status != 0 {
		t.Fatalf("pack build: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	ofFlags := regexp.MustCompile(`^Warning: (Using untrusted builder with volume mounts|` +
		`Builder is trusted but additional modules were added|Detected pack is running in a container)`)
	for line := range strings.Lines(got.stdout + got.stderr) {
		if strings.Contains(line, "Warning: ") && !ofFlags.MatchString(line) {
			t.Errorf("pack build of %s: %s", image, line)
		}
	}
	return got.stdout
}

// inEngine is an image as Docker tells of it.
type inEngine struct {
	ID      string
	Created time.Time
	Config  struct {
		User, WorkingDir string
		Entrypoint, Env  []string
		Labels           map[string]string
	}
	RootFS struct{ Layers []string }
}

func (p packer) inspect(t *testing.T, image string) inEngine {
	t.Helper()
	var found []inEngine
	if err := json.Unmarshal([]byte(docker(t, nil, "image", "inspect", image)), &found); err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// answers starts a container and asks it over a published port. Then it runs a command in the container, which must succeed.
func (p packer) answers(t *testing.T, image, want string, run ...string) {
	t.Helper()
	container := docker(t, nil, "run", "--detach", "--env", "PORT=8080", "--publish", "127.0.0.1::8080", image)
	defer docker(t, nil, "rm", "--force", container)
	address := docker(t, nil, "port", container, "8080/tcp")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || string(body) != want {
				t.Errorf("%s answers %q (%v), want %q", image, body, err, want)
			}
			if len(run) > 0 {
				docker(t, nil, append([]string{"exec", container}, run...)...)
			}
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer: %v\n%s", image, err, docker(t, nil, "logs", container))
		case <-tick.C:
		}
	}
}
