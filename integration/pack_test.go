package integration

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	runStatic = "strata/run-static:13"
	runDebug  = "strata/run-static-debug:13"
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
	answering(t, app, "", `"Hello from Strata.\n"`)
	disguise(t, app)

	t.Run("unknown authority", func(t *testing.T) {
		got := p.pack(t, slices.Concat(p.flags(p.image("refused"), app), p.kept(), []string{"--trust-builder"})...)
		proxy := strings.TrimPrefix(p.modules, "https://")
		for _, want := range []string{": " + proxy + ": tls: ", "x509: certificate signed by unknown authority"} {
			if got.status == 0 || !strings.Contains(got.stdout+got.stderr, want) {
				t.Fatalf("status %d, want a failure with %q\n%s%s", got.status, want, got.stdout, got.stderr)
			}
		}
	})
	created, bills := time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC), filepath.Join(t.TempDir(), "bills")
	tests := []struct {
		name  string
		flags []string
		libc  string
	}{
		{"static", []string{"--trust-builder", "--env", "BP_KEEP_FILES=go.mod"}, "static"},
		{"glibc", []string{
			"--trust-builder", "--run-image", runGlibc, "--sbom-output-dir", bills, "--creation-time", strconv.FormatInt(created.Unix(), 10),
		}, "glibc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := p.build(t, p.image(tt.name), app, append(p.kept(), tt.flags...)...)
			if want := "(target distribution strata-" + tt.libc + ")"; !strings.Contains(log, want) {
				t.Errorf("the buildpacks saw another target, want %q:\n%s", want, log)
			}
			label := p.inspect(t, p.image(tt.name)).Config.Labels["io.buildpacks.base.distro.name"]
			if want := "strata-" + tt.libc; label != want {
				t.Errorf("the image says it stands on %q, want %q", label, want)
			}
			p.answers(t, p.image(tt.name), "Hello from Strata.\n")
		})
	}
	t.Run("creation time", func(t *testing.T) {
		for image, want := range map[string]time.Time{"static": time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC), "glibc": created} {
			if got := p.inspect(t, p.image(image)).Created; !got.Equal(want) {
				t.Errorf("%s was created %s, want %s", image, got, want)
			}
		}
	})
	t.Run("bills of materials", func(t *testing.T) { p.bills(t, "glibc", bills) })
	t.Run("without a network", func(t *testing.T) { p.withoutNetwork(t) })
	t.Run("made by pack", func(t *testing.T) { p.madeByPack(t) })
	t.Run("as strata build", func(t *testing.T) { p.asStrataBuild(t) })
	t.Run("rebase", func(t *testing.T) { p.rebase(t) })
	t.Run("rebase to another libc", func(t *testing.T) {
		before := p.inspect(t, p.image("glibc"))
		got := p.pack(t, "rebase", p.image("glibc"), "--run-image", runStatic, "--pull-policy", "never")
		if got.status == 0 || !strings.Contains(got.stderr, "unable to satisfy target os/arch constraints") {
			t.Errorf("status %d, want a refusal\n%s%s", got.status, got.stdout, got.stderr)
		}
		if diff := cmp.Diff(before, p.inspect(t, p.image("glibc"))); diff != "" {
			t.Errorf("the image changed (-before +after):\n%s", diff)
		}
	})
	t.Run("inspect", func(t *testing.T) { p.inspection(t) })
}

// answering replaces the program of an app by one that answers over HTTP without net/http, which takes Go a minute to compile.
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
func (p packer) flags(image, app string) []string {
	return []string{"build", image, "--path", app, "--builder", p.builder, "--pull-policy", "never", "--network", "host"}
}

// kept are flags of builds that keep toolchain and compiled packages in a volume: to pack and unpack them as layers at
// each build takes the lifecycle longer than all else.
func (p packer) kept() []string {
	return []string{
		"--env", "BP_CACHE_DIR=/var/cache/strata", "--volume", p.cache() + "-folder:/var/cache/strata:rw",
		"--cache", "type=build;format=volume;name=" + p.cache() + "-build", "--cache", "type=launch;format=volume;name=" + p.cache() + "-launch",
	}
}

// build builds an app with pack, which must not warn of anything but flags, and returns the log.
func (p packer) build(t *testing.T, image, app string, flags ...string) string {
	t.Helper()
	flags = append(flags, "--volume", p.authority+":/etc/ssl/certs/ca-certificates.crt:ro")
	got := p.pack(t, append(p.flags(image, app), flags...)...)
	if got.status != 0 {
		t.Fatalf("pack build: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	ofFlags := regexp.MustCompile(`^Warning: (Using untrusted builder with volume mounts|Builder is trusted but additional modules were added|Detected pack is running in a container)`)
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

// answers starts a container and asks it over a published port; what is run in the container meanwhile has to pass.
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

// bills has pack write down the bills of materials of an image; those of the app's layers are the ones that its build wrote.
func (p packer) bills(t *testing.T, image, built string) {
	t.Helper()
	dir := t.TempDir()
	if got := p.pack(t, "sbom", "download", p.image(image), "--output-dir", dir); got.status != 0 {
		t.Fatalf("pack sbom download: status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	want, got := texts(t, filepath.Join(built, "launch")), texts(t, filepath.Join(dir, "layers", "sbom", "launch"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bills of materials (-of the build +of the image):\n%s", diff)
	}
	for path, purl := range map[string]string{
		"strata_go/targets/sbom.cdx.json": "pkg:golang/stdlib@", "strata_go/targets/sbom.spdx.json": "pkg:golang/stdlib@",
		"buildpacksio_lifecycle/launcher/sbom.cdx.json": "pkg:golang/github.com/buildpacks/lifecycle@",
	} {
		if !strings.Contains(got[path], purl) {
			t.Errorf("%s does not have %s:\n%s", path, purl, got[path])
		}
	}
}

// texts reads the files below a folder by their paths.
func texts(t *testing.T, dir string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// withoutNetwork builds a folder of a repository, whose dependencies are in it, for the debug run image.
func (p packer) withoutNetwork(t *testing.T) {
	t.Helper()
	repository := t.TempDir()
	app, variables := filepath.Join(repository, "services", "vendored"), filepath.Join(repository, "variables")
	if err := os.CopyFS(app, os.DirFS("testdata/go/vendored")); err != nil {
		t.Fatal(err)
	}
	answering(t, app, `"example.test/greeting"`, `greeting.For("vendor")`)
	if err := os.WriteFile(variables, []byte("# what the app is built with\nBP_KEEP_FILES=go.mod\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	image := p.image("debug")
	p.build(t, image, app, append(p.kept(), "--trust-builder", "--network", "none", "--run-image", runDebug, "--env-file", variables)...)
	p.answers(t, image, "Greetings from vendor", "sh", "-c", "cd /workspace && test \"$(echo *)\" = go.mod")
}

// madeByPack has pack make a buildpackage of one buildpack and of the suite, and a builder.
func (p packer) madeByPack(t *testing.T) {
	t.Helper()
	one := p.image("package-procfile")
	for _, args := range [][]string{
		{"buildpack", "package", one, "--path", filepath.Join(p.folders, "strata_procfile")},
		{"buildpack", "package", p.image("package-suite"), "--config", filepath.Join(p.folders, "strata_suite", "package.toml")},
		{"builder", "create", p.image("builder-by-pack"), "--config", filepath.Join(p.folders, "builder.toml")},
	} {
		if got := p.pack(t, append(args, "--pull-policy", "never")...); got.status != 0 {
			t.Fatalf("pack %v: status %d\n%s%s", args, got.status, got.stdout, got.stderr)
		}
	}
	if got := p.inspect(t, one).Config.Labels["io.buildpacks.buildpackage.metadata"]; !strings.Contains(got, `"id":"strata/procfile"`) {
		t.Errorf("the buildpackage says it is %s", got)
	}
	p.sameBuilder(t, p.image("builder-by-pack"))
}

// sameBuilder compares a builder that pack made with ours. pack writes the variables of the build configuration in an
// order of chance, so that layer is another one. Ours alone says which lifecycle it has, so that it can be the
// lifecycle's image of a build, too.
func (p packer) sameBuilder(t *testing.T, builder string) {
	t.Helper()
	ours, theirs := p.inspect(t, p.builder), p.inspect(t, builder)
	for _, made := range []*inEngine{&ours, &theirs} {
		configuration := len(made.RootFS.Layers) - 2
		if configuration < 0 {
			t.Fatalf("a builder has the layers %q", made.RootFS.Layers)
		}
		made.ID, made.RootFS.Layers[configuration] = "", "build configuration"
	}
	labels := ours.Config.Labels
	labels["io.buildpacks.builder.metadata"] = strings.Replace(labels["io.buildpacks.builder.metadata"],
		`"createdBy":{"name":"Strata CLI","version":""}`, `"createdBy":{"name":"Pack CLI","version":"0.0.0"}`, 1)
	for _, label := range []string{"io.buildpacks.lifecycle.version", "io.buildpacks.lifecycle.apis"} {
		if labels[label] == "" {
			t.Errorf("our builder has no label %s", label)
		}
		delete(labels, label)
	}
	if diff := cmp.Diff(ours, theirs); diff != "" {
		t.Errorf("builders (-ours +pack's):\n%s", diff)
	}
}

// asStrataBuild compares images of pack's with what strata build makes of the same source. The second build has nothing
// but what the first left in a cache image, and a builder that pack made.
func (p packer) asStrataBuild(t *testing.T) {
	t.Helper()
	app, includingFile := described(t)
	for _, tt := range []struct {
		name, builder string
		flags         []string // of pack
		descriptor    []string // of both
	}{
		// A builder that is not trusted sees no credentials: each phase has a container of its own.
		{"excluding", p.builder, []string{"--lifecycle-image", p.builder}, nil},
		{"including", p.image("builder-by-pack"), []string{"--trust-builder"}, []string{"--descriptor", includingFile}},
	} {
		flags := slices.Concat(tt.flags, tt.descriptor, []string{"--publish", "--run-image", p.runImage(), "--cache-image", p.image("cache")})
		with := p
		with.builder = tt.builder
		log := with.build(t, p.image(tt.name), app, flags...)
		if cached := regexp.MustCompile(`Go [0-9.]+: cached`).MatchString(log); cached != (tt.name == "including") {
			t.Errorf("%s: the toolchain was cached: %t\n%s", tt.name, cached, log)
		}
		if apart := strings.Contains(log, "[exporter] "); apart != (tt.name == "excluding") {
			t.Errorf("%s: each phase had a container: %t\n%s", tt.name, apart, log)
		}
		ours := inspect(t, build(t, app, image(t), append(tt.descriptor, "--builder", p.builder, "--run-image", p.runImage())...))
		p.samePublished(t, ours, p.image(tt.name))
		if tt.name == "excluding" {
			// With a buildpack that the builder lacks, no builder is trusted.
			p.build(t, p.image("in-engine"), app, append(p.kept(), "--buildpack", p.image("package-suite"), "--lifecycle-image", p.builder, "--run-image", p.runImage())...)
			p.sameInEngine(t, ours, p.image("in-engine"))
		}
	}
}

// samePublished compares an image of strata build's with one that pack put into the registry. The lifecycle gives its
// layers Docker's media types in an OCI manifest; nothing else differs, and the configuration, which is the image's id, is the same.
func (p packer) samePublished(t *testing.T, ours built, published string) {
	t.Helper()
	ref, err := name.ParseReference(published)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	var configs, manifests [2]string
	for i, image := range []v1.Image{ours.image, theirs} {
		config, err := image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := image.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		configs[i], manifests[i] = string(config), string(manifest)
	}
	if diff := cmp.Diff(configs[0], configs[1]); diff != "" {
		t.Errorf("%s: configurations (-strata build +pack build):\n%s", published, diff)
	}
	if diff := cmp.Diff(manifests[0], strings.ReplaceAll(manifests[1], string(types.DockerLayer), string(types.OCILayer))); diff != "" {
		t.Errorf("%s: manifests but for the media types of layers (-strata build +pack build):\n%s", published, diff)
	}
}

// sameInEngine compares an image of strata build's with one that pack put into the engine, which knows the run image by
// its id; a registry knows it by its digest.
func (p packer) sameInEngine(t *testing.T, ours built, image string) {
	t.Helper()
	config := ours.config.Config
	want := inEngine{Created: ours.config.Created.Time}
	want.Config.User, want.Config.WorkingDir = config.User, config.WorkingDir
	want.Config.Entrypoint, want.Config.Env, want.Config.Labels = config.Entrypoint, config.Env, config.Labels
	for _, diffID := range ours.config.RootFS.DiffIDs {
		want.RootFS.Layers = append(want.RootFS.Layers, diffID.String())
	}
	got := p.inspect(t, image)
	got.ID = want.ID
	const label = "io.buildpacks.lifecycle.metadata"
	reference := regexp.MustCompile(`"reference":"[^"]+"`)
	id := strings.TrimPrefix(p.inspect(t, p.runImage()).ID, "sha256:")
	want.Config.Labels[label] = reference.ReplaceAllString(want.Config.Labels[label], fmt.Sprintf(`"reference":%q`, id))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-strata build +pack build):\n%s", image, diff)
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
	p.answers(t, p.image("static"), "Hello from Strata.\n")
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
	for _, tt := range []struct {
		args  []string
		lines []string
		times int // that each line has to be there
	}{
		{[]string{"builder", "inspect", p.builder},
			[]string{"  Version: 0.21.0\n", "  " + runStatic + "\n", "  " + runGlibc + "\n", "│     └ strata/go@0.1.0\n"}, 2},
		{[]string{"inspect", p.image("glibc")}, []string{"Rebasable: true\n", "  " + runGlibc + "\n", "  web (default) "}, 1},
		{[]string{"inspect", p.image("excluding")}, []string{"Rebasable: true\n", "  Reference: " + p.host + "/run-static@sha256:", "  " + p.runImage() + "\n"}, 1},
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
