package main

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/builder/platform/home"
	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/output"
	"github.com/strata-buildpacks/strata/builder/platform/store"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

func TestParsePlatforms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                    "",
		"linux/arm64":                         "arm64",
		"linux/arm64,linux/amd64":             "amd64 arm64",
		"linux/amd64,linux/arm64,linux/amd64": "amd64 arm64",
	} {
		values := strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
		if got, err := parsePlatforms(values); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"arm64", "linux", "linux/", "linux/arm", "linux/arm64/v8", "windows/amd64", "all"} {
		got, err := parsePlatforms([]string{text})
		if !errors.As(err, new(fault.Fault)) || !strings.Contains(err.Error(), "linux/amd64, linux/arm64") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// TestCheckPlatforms finds out before a build what would not work after it.
func TestCheckPlatforms(t *testing.T) {
	t.Parallel()
	docker, err := output.Parse("docker", nil)
	if err != nil {
		t.Fatal(err)
	}
	other := slices.DeleteFunc(slices.Clone(architectures), func(arch string) bool { return arch == runtime.GOARCH })
	for name, test := range map[string]struct {
		archs   []string
		outputs []output.Output
		check   bool
		id      string
	}{
		"nothing said":      {nil, []output.Output{docker}, true, ""},
		"one for an engine": {other, []output.Output{docker}, false, ""},
		"two for an engine": {architectures, []output.Output{docker}, false, "output-platforms"},
		"started here":      {[]string{runtime.GOARCH}, nil, true, ""},
	} {
		err := checkPlatforms(test.archs, test.outputs, test.check)
		if f := (fault.Fault{}); errors.As(err, &f) != (test.id != "") || f.ID != test.id {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoRunImages names a command that makes what is missing.
func TestNoRunImages(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	why := fault.Fault{ID: "x", What: "there is no builder.toml here", Do: "name it with --config"}
	err = noRunImages(h, []string{"static", "glibc"}, "arm64", why)
	want := h.Store.Dir() + " has no run images for linux/arm64: static, glibc: there is no builder.toml here; " +
		"go to a checkout of the suite and write `strata stack build --arch all static glibc`"
	if err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestRunImagesThere asks whether a store has a run image for an architecture: alone, in an index, and not.
func TestRunImagesThere(t *testing.T) {
	t.Parallel()
	h, err := home.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var images []v1.Image
	for _, arch := range architectures {
		image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch})
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, image)
	}
	if _, err := put(h, "one:13", images[0]); err != nil {
		t.Fatal(err)
	}
	index, err := store.IndexOf(images...)
	if err != nil {
		t.Fatal(err)
	}
	both, err := imagename.Parse("both:13")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.PutIndex(both, index); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"none:13": nil, "one:13": architectures[:1], "both:13": architectures} {
		for _, arch := range architectures {
			has, err := hasFor(h.Store.On(arch), name, arch)
			if err != nil || has != slices.Contains(want, arch) {
				t.Errorf("%s for %s: %t, %v", name, arch, has, err)
			}
		}
	}
}
