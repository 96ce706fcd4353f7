package integration

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
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

// TestPlatformPack builds with the pack that integration/pack pins, in a real Docker engine. As in a company, modules come from a
// proxy whose certificate only the company's own authority signs. The steps share images and caches, so their order matters.
func TestPlatformPack(t *testing.T) {
	suite(t, everyUser)
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

// bills has pack write the bills of materials of an image. Those of the app's layers are the same that its build wrote.
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

// withoutNetwork builds a folder of a repository for the debug run image. The folder has its dependencies.
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

// sameBuilder compares a builder that pack made with ours. pack writes the variables of the build configuration in random order,
// so that layer differs. Only ours has programs for images of another architecture, which pack does not make, and only ours says which
// lifecycle it has, so that a build can use it as the lifecycle's image.
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
	programs := len(ours.RootFS.Layers) - 3
	ours.RootFS.Layers = slices.Delete(ours.RootFS.Layers, programs, programs+1)
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

// asStrataBuild compares images that pack makes with those that strata build makes of the same source. The second build has the
// first one's cache image, and a builder that pack made.
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
			p.build(t, p.image("in-engine"), app, append(p.kept(),
				"--buildpack", p.image("package-suite"), "--lifecycle-image", p.builder, "--run-image", p.runImage())...)
			p.sameInEngine(t, ours, p.image("in-engine"))
		}
	}
}

// samePublished compares an image that strata build made with one that pack put into the registry. The configuration, and so the
// content of each layer and the image's id, is the same. The lifecycle compresses the app's layers less, and gives them Docker's media
// type.
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
	var configs [2]string
	var manifests [2]*v1.Manifest
	for i, image := range []v1.Image{ours.image, theirs} {
		config, err := image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if manifests[i], err = image.Manifest(); err != nil {
			t.Fatal(err)
		}
		configs[i] = string(config)
	}
	if diff := cmp.Diff(configs[0], configs[1]); diff != "" {
		t.Errorf("%s: configurations (-strata build +pack build):\n%s", published, diff)
	}
	for i, d := range manifests[1].Layers {
		if d.MediaType == types.DockerLayer && i < len(manifests[0].Layers) {
			manifests[1].Layers[i] = manifests[0].Layers[i]
		}
	}
	if diff := cmp.Diff(manifests[0], manifests[1]); diff != "" {
		t.Errorf("%s: manifests without the app's layers (-strata build +pack build):\n%s", published, diff)
	}
}

// sameInEngine compares an image that strata build made with one that pack put into the engine. The engine knows the run image by
// its id, a registry by its digest.
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
	newer, err := mutate.AppendLayers(stored(t, runStatic),
		static.NewLayer(archive(t, "etc/newer", "patched\n"), types.DockerUncompressedLayer))
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

// pinnedLifecycle returns the version that builder.toml names, such as 0.21.17.
func pinnedLifecycle(t *testing.T) string {
	t.Helper()
	var composed struct{ Lifecycle struct{ Version string } }
	if _, err := toml.DecodeFile("../builder.toml", &composed); err != nil {
		t.Fatal(err)
	}
	return composed.Lifecycle.Version
}

// inspection has pack read our labels, in the engine and in a registry.
func (p packer) inspection(t *testing.T) {
	t.Helper()
	for _, tt := range []struct {
		args  []string
		lines []string
		times int // how often each line must be there
	}{
		{[]string{"builder", "inspect", p.builder},
			[]string{"  Version: " + pinnedLifecycle(t) + "\n", "  " + runStatic + "\n", "  " + runGlibc + "\n", "│     └ strata/go@0.1."}, 2},
		{[]string{"inspect", p.image("glibc")}, []string{"Rebasable: true\n", "  " + runGlibc + "\n", "  web (default) "}, 1},
		{[]string{"inspect", p.image("excluding")},
			[]string{"Rebasable: true\n", "  Reference: " + p.host + "/run-static@sha256:", "  " + p.runImage() + "\n"}, 1},
	} {
		got := p.pack(t, tt.args...)
		text := strings.ToLower(got.stdout)
		if got.status != 0 || got.stderr != "" || strings.Contains(text, "warning") || strings.Contains(text, "error") {
			t.Errorf("pack %s: status %d\n%s%s", strings.Join(tt.args, " "), got.status, got.stdout, got.stderr)
		}
		for _, line := range tt.lines {
			if n := strings.Count(got.stdout, line); n != tt.times {
				t.Errorf("pack %s has %d times %q, want %d:\n%s", strings.Join(tt.args, " "), n, line, tt.times, got.stdout)
			}
		}
	}
}
