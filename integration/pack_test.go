package integration

import (
	"archive/tar"
	"bytes"
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
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	runStatic = "strata/run-static:13"
	runGlibc  = "strata/run-glibc:13"
	runMusl   = "strata/run-musl:13"
)

// TestPack builds with the pack that builder/lifecycle pins, in a real Docker
// engine, as in a company: modules come from a proxy that only the company's
// own authority vouches for. The steps share images and caches, so they are in order.
func TestPack(t *testing.T) {
	suite(t)
	needDocker(t)
	t.Parallel()
	p := newPacker(t)
	app := sample(t, "hello")
	disguise(t, app)

	t.Run("unknown authority", func(t *testing.T) {
		got := p.pack(t, append(p.flags(p.image("refused"), app), "--trust-builder")...)
		for _, want := range []string{": " + p.modules + "/golang.org/toolchain/", "x509: certificate signed by unknown authority"} {
			if got.status == 0 || !strings.Contains(got.stdout+got.stderr, want) {
				t.Fatalf("status %d, want a failure with %q\n%s%s", got.status, want, got.stdout, got.stderr)
			}
		}
	})
	tests := []struct {
		name  string
		flags []string
		libc  string
	}{
		{"static", []string{"--trust-builder", "--env", "BP_KEEP_FILES=go.mod"}, "static"},
		{"glibc", []string{"--trust-builder", "--run-image", runGlibc}, "glibc"},
		// A builder that is not trusted sees no credentials: each phase has a container of its own.
		{"untrusted", []string{"--lifecycle-image", p.builder}, "static"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := p.build(t, p.image(tt.name), app, tt.flags...)
			if want := "(target distribution strata-" + tt.libc + ")"; !strings.Contains(log, want) {
				t.Errorf("the buildpacks saw another target, want %q:\n%s", want, log)
			}
			label := p.inspect(t, p.image(tt.name)).Config.Labels["io.buildpacks.base.distro.name"]
			if want := "strata-" + tt.libc; label != want {
				t.Errorf("the image says it stands on %q, want %q", label, want)
			}
			p.answers(t, p.image(tt.name))
		})
	}
	t.Run("made by pack", func(t *testing.T) { p.madeByPack(t, app) })
	t.Run("as strata build", func(t *testing.T) { p.sameLayers(t, app, "static", "-e", "BP_KEEP_FILES=go.mod") })
	t.Run("project.toml", func(t *testing.T) {
		app, includingFile := described(t)
		p.build(t, p.image("excluding"), app, "--trust-builder")
		p.sameLayers(t, app, "excluding")
		p.build(t, p.image("including"), app, "--trust-builder", "-d", includingFile)
		p.sameLayers(t, app, "including", "-d", includingFile)
	})
	t.Run("rebase", func(t *testing.T) { p.rebase(t) })
	t.Run("rebase to another libc", func(t *testing.T) {
		before := p.inspect(t, p.image("untrusted"))
		got := p.pack(t, "rebase", p.image("untrusted"), "--run-image", runGlibc, "--pull-policy", "never")
		if got.status == 0 || !strings.Contains(got.stderr, "unable to satisfy target os/arch constraints") {
			t.Errorf("status %d, want a refusal\n%s%s", got.status, got.stdout, got.stderr)
		}
		if diff := cmp.Diff(before, p.inspect(t, p.image("untrusted"))); diff != "" {
			t.Errorf("the image changed (-before +after):\n%s", diff)
		}
	})
	t.Run("inspect", func(t *testing.T) { p.inspection(t) })
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
	compile := exec.CommandContext(t.Context(), "go", "-C", "../builder/lifecycle", "build", "-trimpath", "-o", bin, "github.com/buildpacks/pack")
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
	p.keep(t, p.builder, "strata/build:13", runStatic, runGlibc, runMusl)
	for _, args := range [][]string{{"stack", "build", "static", "glibc", "musl", "build"}, {"builder", "create", "-t", p.builder, "--folders", p.folders}} {
		create := exec.CommandContext(t.Context(), "strata", append(args, "--output", "docker")...)
		create.Dir, create.Env = "..", append(os.Environ(), "GOPROXY="+p.modules)
		if got := finish(t, create); got.status != 0 {
			t.Fatalf("%s: status %d\n%s%s", create, got.status, got.stdout, got.stderr)
		}
	}
	// A new volume is root's; builds are not.
	docker(t, nil, "run", "--rm", "--user", "0", "--volume", p.cache()+"-folder:/go-cache", "--entrypoint", "chown", p.builder, "1001:1000", "/go-cache")
	return p
}

// image is the name of an image of this test.
func (p packer) image(what string) string { return p.host + "/" + what + ":latest" }

// cache is how the names of the volumes begin that the builds of the test share, whatever the image.
func (p packer) cache() string { return "strata-integration-" + strings.ReplaceAll(p.host, ":", "-") }

// clean removes what the test made in the engine.
func (p packer) clean(t *testing.T) {
	t.Helper()
	for image := range strings.FieldsSeq(docker(t, nil, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference="+p.host+"/*")) {
		docker(t, nil, "image", "rm", "--force", image)
	}
	for volume := range strings.FieldsSeq(docker(t, nil, "volume", "ls", "--quiet", "--filter", "name="+p.cache())) {
		docker(t, nil, "volume", "rm", volume)
	}
}

// companyProxy serves what the machine's own module proxy does, over TLS with
// a certificate that nobody else knows.
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
		_, _ = io.Copy(w, response.Body) // who asked sees that it ended early
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

// keep lets images of this test have these names in the engine until the test
// ends; then whatever had the names before has them again.
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
			found, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
	}
	t.Fatalf("the store has no %s", image)
	return nil
}

// flags are those of a build that trusts no authority but the build image's.
// Toolchain and compiled packages are in a volume: to pack and unpack them as
// layers at each build takes the lifecycle longer than all else.
func (p packer) flags(image, app string) []string {
	return []string{
		"build", image, "--path", app, "--builder", p.builder, "--pull-policy", "never", "--network", "host",
		"--env", "BP_CACHE_DIR=/go-cache", "--volume", p.cache() + "-folder:/go-cache:rw",
		"--cache", "type=build;format=volume;name=" + p.cache() + "-build", "--cache", "type=launch;format=volume;name=" + p.cache() + "-launch",
	}
}

// build builds an app with pack and returns the log.
func (p packer) build(t *testing.T, image, app string, flags ...string) string {
	t.Helper()
	flags = append(flags, "--volume", p.authority+":/etc/ssl/certs/ca-certificates.crt:ro")
	got := p.pack(t, append(p.flags(image, app), flags...)...)
	if got.status != 0 {
		t.Fatalf("pack build: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	return got.stdout
}

// inEngine is an image as Docker tells of it.
type inEngine struct {
	ID     string
	Config struct {
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

// answers starts a container and asks it over a published port.
func (p packer) answers(t *testing.T, image string) {
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
			if err != nil || string(body) != "Hello from Strata.\n" {
				t.Errorf("%s answers %q (%v)", image, body, err)
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

// sameLayers compares an image of pack's with what strata build makes of the same source with the same builder.
func (p packer) sameLayers(t *testing.T, app, built string, flags ...string) {
	t.Helper()
	ours := inspect(t, build(t, app, image(t), append(flags, "--builder", p.builder)...)).config
	want := inEngine{ID: "ours"}
	want.Config.User, want.Config.WorkingDir = ours.Config.User, ours.Config.WorkingDir
	want.Config.Entrypoint, want.Config.Env, want.Config.Labels = ours.Config.Entrypoint, ours.Config.Env, ours.Config.Labels
	for _, diffID := range ours.RootFS.DiffIDs {
		want.RootFS.Layers = append(want.RootFS.Layers, diffID.String())
	}
	got := p.inspect(t, p.image(built))
	got.ID = want.ID
	for _, config := range []*inEngine{&want, &got} {
		// pack speaks a newer version of the platform interface, which adds a label,
		// and the run image is known to a registry by its digest, to an engine by its id.
		config.Config.Env = slices.DeleteFunc(config.Config.Env, func(kv string) bool { return strings.HasPrefix(kv, "CNB_PLATFORM_API=") })
		delete(config.Config.Labels, "io.buildpacks.exec-env")
		var metadata map[string]any
		if err := json.Unmarshal([]byte(config.Config.Labels["io.buildpacks.lifecycle.metadata"]), &metadata); err != nil {
			t.Fatal(err)
		}
		delete(metadata["runImage"].(map[string]any), "reference")
		text, err := json.Marshal(metadata)
		if err != nil {
			t.Fatal(err)
		}
		config.Config.Labels["io.buildpacks.lifecycle.metadata"] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pack gives another image (-strata build +pack build):\n%s", diff)
	}
}

// madeByPack has pack make a buildpackage of one buildpack and of the suite, and a builder, and builds with them: the
// layers are those of our builder.
func (p packer) madeByPack(t *testing.T, app string) {
	t.Helper()
	one, suite, builder := p.image("package-procfile"), p.image("package-suite"), p.image("builder-by-pack")
	for _, args := range [][]string{
		{"buildpack", "package", one, "--path", filepath.Join(p.folders, "strata_procfile")},
		{"buildpack", "package", suite, "--config", filepath.Join(p.folders, "strata_suite", "package.toml")},
		{"builder", "create", builder, "--config", filepath.Join(p.folders, "builder.toml")},
	} {
		if got := p.pack(t, append(args, "--pull-policy", "never")...); got.status != 0 {
			t.Fatalf("pack %v: status %d\n%s%s", args, got.status, got.stdout, got.stderr)
		}
	}
	ours, theirs := p.inspect(t, p.builder).Config.Labels, p.inspect(t, builder).Config.Labels
	if label := "io.buildpacks.buildpack.order"; ours[label] != theirs[label] {
		t.Errorf("the order of pack's builder is %s, of ours %s", theirs[label], ours[label])
	}
	if got := p.inspect(t, one).Config.Labels["io.buildpacks.buildpackage.metadata"]; !strings.Contains(got, `"id":"strata/procfile"`) {
		t.Errorf("the buildpackage says it is %s", got)
	}
	want := p.inspect(t, p.image("static")).RootFS.Layers
	keep := []string{"--trust-builder", "--env", "BP_KEEP_FILES=go.mod"}
	p.build(t, p.image("by-package"), app, append(keep, "--buildpack", suite, "--lifecycle-image", p.builder)...) // with a buildpack that the builder lacks, no builder is trusted
	if diff := cmp.Diff(want, p.inspect(t, p.image("by-package")).RootFS.Layers); diff != "" {
		t.Errorf("layers by the buildpackage (-our builder +buildpackage):\n%s", diff)
	}
	p.builder = builder
	p.build(t, p.image("by-builder"), app, keep...)
	if diff := cmp.Diff(want, p.inspect(t, p.image("by-builder")).RootFS.Layers); diff != "" {
		t.Errorf("layers by pack's builder (-our builder +pack's):\n%s", diff)
	}
}

// rebase puts an app on a newer run image of the same name and distribution.
func (p packer) rebase(t *testing.T) {
	t.Helper()
	before, base := p.inspect(t, p.image("static")), p.inspect(t, runStatic)
	ref, err := name.NewTag(runStatic)
	if err != nil {
		t.Fatal(err)
	}
	newer, err := mutate.AppendLayers(stored(t, runStatic), static.NewLayer(archive(t, "etc/newer", "patched\n"), types.DockerUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if err := tarball.Write(ref, newer, &saved); err != nil {
		t.Fatal(err)
	}
	docker(t, &saved, "load")

	if got := p.pack(t, "rebase", p.image("static"), "--pull-policy", "never"); got.status != 0 {
		t.Fatalf("pack rebase: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	want := append(slices.Clone(p.inspect(t, runStatic).RootFS.Layers), before.RootFS.Layers[len(base.RootFS.Layers):]...)
	if diff := cmp.Diff(want, p.inspect(t, p.image("static")).RootFS.Layers); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	p.answers(t, p.image("static"))
}

// archive is a tar archive of one file.
func archive(t *testing.T, path, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// inspection has pack read our labels, in the engine and in a registry.
func (p packer) inspection(t *testing.T) {
	t.Helper()
	docker(t, nil, "push", p.builder)
	for _, tt := range []struct {
		args  []string
		lines []string
		times int // that each line has to be there
	}{
		{[]string{"builder", "inspect", p.builder}, []string{"  Version: 0.21.0\n", "  " + runStatic + "\n", "  " + runGlibc + "\n", "├ strata/go@0.1.0\n"}, 2},
		{[]string{"inspect", p.image("glibc")}, []string{"Rebasable: true\n", "  " + runGlibc + "\n", "  web (default) "}, 1},
	} {
		got := p.pack(t, tt.args...)
		if text := strings.ToLower(got.stdout); got.status != 0 || got.stderr != "" || strings.Contains(text, "warning") || strings.Contains(text, "error") {
			t.Errorf("pack %s: status %d\n%s%s", strings.Join(tt.args, " "), got.status, got.stdout, got.stderr)
		}
		for _, line := range tt.lines {
			if n := strings.Count(got.stdout, line); n != tt.times {
				t.Errorf("pack %s has %d times %q, want %d:\n%s", strings.Join(tt.args, " "), n, line, tt.times, got.stdout)
			}
		}
	}
}
