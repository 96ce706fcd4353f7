package compose_test

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/builder/compose"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestBuilder(t *testing.T) {
	t.Parallel()
	o := options(t, "testdata/tiny")
	img, err := image(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "tiny.txt", describe(t, img))
}

// TestPinnedGo looks for the toolchain line's release in every binary: the go line is older.
func TestPinnedGo(t *testing.T) {
	t.Parallel()
	img, err := image(t.Context(), options(t, "testdata/tiny"))
	if err != nil {
		t.Fatal(err)
	}
	r := mutate.Extract(img)
	defer r.Close()
	versions := map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := buildinfo.Read(bytes.NewReader(data)); err == nil {
			versions[path.Base(h.Name)+machineOf(t, data)] = info.GoVersion
		}
	}
	want := map[string]string{}
	for _, name := range []string{"launch", "launcher", "lifecycle", "serve", "suite"} {
		want[name+" EM_X86_64"] = "go1.26.8"
	}
	for _, name := range []string{"launch", "launcher", "serve"} { // what comes into images of the other architecture
		want[name+" EM_AARCH64"] = "go1.26.8"
	}
	if diff := cmp.Diff(want, versions); diff != "" {
		t.Errorf("Go releases (-want +got):\n%s", diff)
	}
}

// machineOf returns the machine of a program, after a space.
func machineOf(t *testing.T, program []byte) string {
	t.Helper()
	file, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	return " " + file.Machine.String()
}

func TestBuilderDependsOnNothingElse(t *testing.T) {
	t.Parallel()
	here, err := image(t.Context(), options(t, "testdata/tiny"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := options(t, copied(t))
	elsewhere.Environ = append(elsewhere.Environ,
		"GOFLAGS=-tags=other", "GOAMD64=v3", "CGO_ENABLED=1", "GOARCH=arm64", "GOWORK=/nowhere/go.work", "GOEXPERIMENT=nogreenteagc")
	there, err := image(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := digest(t, here), digest(t, there); a != b {
		t.Errorf("two folders, two environments: %s and %s", a, b)
	}
}

func TestCacheIsUsedUntilAnInputChanges(t *testing.T) {
	t.Parallel()
	const both = "compiling the suite, compiling programs for arm64"
	const compilesAll = "compiling lifecycle 0.21.0, " + both
	o := options(t, copied(t))
	var steps []string
	o.Progress = func(step string) { steps = append(steps, step) }
	var first v1.Hash
	for _, run := range []struct {
		name   string
		change func()
		want   string
		same   bool
	}{
		{"nothing cached", func() {}, compilesAll, true},
		{"unchanged", func() {}, "", true},
		{"a test changed", func() { write(t, o.Root, "buildpacks/suite/main_test.go", "package main\n") }, "", true},
		{"a source changed", func() {
			write(t, o.Root, "buildpacks/suite/main.go", "package main\n\nfunc main() { println() }\n")
		}, both, false},
		{"damaged", func() {
			write(t, o.CacheDir, "builder/lifecycle-amd64.tar.gz", "damaged")
		}, "compiling lifecycle 0.21.0", false},
		{"lost", func() {
			if err := os.RemoveAll(o.CacheDir); err != nil {
				t.Fatal(err)
			}
		}, compilesAll, false},
	} {
		steps = nil
		run.change()
		img, err := image(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", run.name, err)
		}
		if got := strings.Join(steps, ", "); got != run.want {
			t.Errorf("%s: steps %q, want %q", run.name, got, run.want)
		}
		d := digest(t, img)
		if first == (v1.Hash{}) {
			first = d
		}
		if (d == first) != run.same {
			t.Errorf("%s: digest %s, the first was %s", run.name, d, first)
		}
	}
	left, err := filepath.Glob(filepath.Join(o.CacheDir, "builder", ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBuildImageMustNameItsUser(t *testing.T) {
	t.Parallel()
	o := options(t, "testdata/tiny")
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64",
		Config: v1.Config{Env: []string{"CNB_USER_ID=1001", "CNB_GROUP_ID=staff"}}})
	if err != nil {
		t.Fatal(err)
	}
	o.BuildImage = img
	_, err = image(t.Context(), o)
	const want = "build image tiny/build has no number in CNB_GROUP_ID; " +
		"set it in the image's environment to the user or group that builds run as"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCompileErrorIsTheCompilers(t *testing.T) {
	t.Parallel()
	o := options(t, copied(t))
	write(t, o.Root, "buildpacks/suite/main.go", "package main\n\nfunc main() { undefined() }\n")
	_, err := image(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "buildpacks/suite/main.go:3:15: undefined: undefined") {
		t.Errorf("want the compiler's words, got %v", err)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	o := options(t, "testdata/tiny")
	o.Progress = func(string) { cancel() }
	if _, err := image(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("want %v, got %v", context.Canceled, err)
	}
}

// TestSuiteOfThisRepository reads the builder.toml that is shipped.
func TestSuiteOfThisRepository(t *testing.T) {
	t.Parallel()
	cfg, err := compose.ReadConfig("../../builder.toml")
	if err != nil {
		t.Fatal(err)
	}
	optional := func(id string) compose.GroupRef { return compose.GroupRef{ID: "strata/" + id, Optional: true} }
	want := []compose.Group{{Group: []compose.GroupRef{
		optional("launch-helper"), optional("ca-certificates"), {ID: "strata/languages"}, optional("procfile"), optional("health-checker"),
		optional("environment-variables"), optional("image-labels"), optional("allocator"), optional("seccomp"), {ID: "strata/linkage"},
	}}}
	if diff := cmp.Diff(want, cfg.Order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if got := cfg.Run.Images[0].Image; got != "strata/run-static:13" {
		t.Errorf("the default run image is %s", got)
	}
}

// env is what a builder keeps for builds.
var env = map[string]string{"GOPROXY": "https://proxy.example.test", "GOSUMDB": "off"}

// image makes a builder image.
func image(ctx context.Context, o compose.Options) (v1.Image, error) {
	builder, err := compose.Read(o)
	if err != nil {
		return nil, err
	}
	return builder.Image(ctx, env)
}

func options(t *testing.T, root string) compose.Options {
	t.Helper()
	cfg, err := compose.ReadConfig(filepath.Join(root, "builder.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return compose.Options{
		Root: root, Config: cfg, BuildImage: buildImage(t), CacheDir: t.TempDir(), Environ: os.Environ(),
	}
}

func buildImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: "amd64",
		Config: v1.Config{
			User:   "1001:1000",
			Env:    []string{"PATH=/usr/bin:/bin", "CNB_USER_ID=1001", "CNB_GROUP_ID=1000"},
			Labels: map[string]string{"io.buildpacks.stack.id": "tiny"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// describe lists all of an image that a platform can see.
func describe(t *testing.T, img v1.Image) string {
	t.Helper()
	var out strings.Builder
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "digest %s\nuser %s, working folder %s\nenv %s\n", digest(t, img), cf.Config.User, cf.Config.WorkingDir, cf.Config.Env)
	for i, layer := range layers {
		mediaType, err := layer.MediaType()
		if err != nil {
			t.Fatal(err)
		}
		diffID, err := layer.DiffID()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "\n%s (%s, %s)\n", cf.History[i].CreatedBy, mediaType, diffID)
		list(t, &out, layer)
	}
	fmt.Fprintln(&out, "\nlabels")
	for _, name := range slices.Sorted(maps.Keys(cf.Config.Labels)) {
		fmt.Fprintf(&out, "%s\n  %s\n", name, cf.Config.Labels[name])
	}
	return out.String()
}

func list(t *testing.T, out io.Writer, layer v1.Layer) {
	t.Helper()
	r, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(out, "%s %d:%d %s %s", h.FileInfo().Mode(), h.Uid, h.Gid, h.ModTime.UTC().Format("2006-01-02T15:04:05"), h.Name)
		if h.Linkname != "" {
			fmt.Fprint(out, " -> "+h.Linkname)
		}
		fmt.Fprintln(out)
		if h.Typeflag == tar.TypeReg && h.Size < 1000 && !strings.HasPrefix(h.Name, "/cnb/lifecycle/") {
			data, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(out, "    "+strings.ReplaceAll(strings.TrimSpace(string(data)), "\n", "\n    "))
		}
	}
}

func digest(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata/golden", name)
	if *update {
		write(t, ".", path, got)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func copied(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata/tiny")); err != nil {
		t.Fatal(err)
	}
	return root
}

func write(t *testing.T, root, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func replacing(name, before, after string) func(*testing.T, string) {
	return func(t *testing.T, root string) {
		t.Helper()
		data := read(t, root, name)
		if !strings.Contains(data, before) {
			t.Fatalf("%s does not have %q", name, before)
		}
		write(t, root, name, strings.Replace(data, before, after, 1))
	}
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func removing(name string) func(*testing.T, string) {
	return func(t *testing.T, root string) {
		t.Helper()
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
}
