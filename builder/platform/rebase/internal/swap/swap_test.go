package swap_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/builder/platform/rebase/internal/swap"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestLikeTheLifecycle has the pinned lifecycle's rebaser do the same work in a
// registry. Layers and configuration are equal, except for what differs lists.
func TestLikeTheLifecycle(t *testing.T) {
	t.Parallel()
	rebaser := lifecycle(t)
	for _, test := range []struct {
		name         string
		old, new     platformtest.Run
		newName      string
		flags        []string
		manifestType types.MediaType
		change       func(*v1.ConfigFile)
	}{
		{name: "newer", new: platformtest.Run{Release: "2"}},
		{name: "same layers", new: platformtest.Run{}},
		{name: "more layers", new: platformtest.Run{Debug: true}},
		{name: "fewer layers", old: platformtest.Run{Debug: true}, new: platformtest.Run{}},
		{name: "other name", new: platformtest.Run{Debug: true}, newName: "run-debug:13", flags: []string{"-force"}},
		{name: "docker types", new: platformtest.Run{Release: "2"}, manifestType: types.DockerManifestSchema2},
		{name: "other created", new: platformtest.Run{Release: "2"}, change: func(c *v1.ConfigFile) { c.Created = v1.Time{} }},
		{name: "kpack", new: platformtest.Run{Release: "2"}, change: func(c *v1.ConfigFile) { c.Config.Env = []string{"CNB_PLATFORM_API=0.9"} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			host := serve(t)
			runName := host + "/run:13"
			newName := runName
			if test.newName != "" {
				newName = host + "/" + test.newName
			}
			old, newer := test.old.Image(t), test.new.Image(t)
			app := platformtest.App(t, old, runName, "app", test.change)
			if test.manifestType != "" {
				app = mutate.ConfigMediaType(mutate.MediaType(app, test.manifestType), types.DockerConfigJSON)
			}
			platformtest.Push(t, host+"/app", app)
			platformtest.Push(t, newName, newer)

			report := filepath.Join(t.TempDir(), "report.toml")
			cmd := exec.CommandContext(t.Context(), rebaser, append(test.flags, "-run-image", newName, "-report", report, host+"/app")...)
			// It becomes the user that it is told, which only root could; so it is told to stay who it is.
			cmd.Env = append(os.Environ(), "CNB_PLATFORM_API=0.15",
				fmt.Sprint("CNB_USER_ID=", os.Getuid()), fmt.Sprint("CNB_GROUP_ID=", os.Getgid()))
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("the lifecycle's rebaser: %v\n%s", err, output)
			}
			want := platformtest.Pull(t, host+"/app")
			platformtest.Push(t, host+"/ours", on(t, app, newName, newer))
			got := platformtest.Pull(t, host+"/ours")
			if err := validate.Image(got); err != nil {
				t.Errorf("the rebased image is not valid: %v", err)
			}
			same(t, want, got)
			sameLayers(t, want, got)
		})
	}
}

// same compares configurations. The lifecycle empties the history; here it is
// kept, so that each layer still says what made it.
func same(t *testing.T, want, got v1.Image) {
	t.Helper()
	bare := func(image v1.Image) string {
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		for i := range config.History {
			config.History[i] = v1.History{Created: config.History[i].Created}
		}
		text, err := json.MarshalIndent(config, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if diff := cmp.Diff(bare(want), bare(got)); diff != "" {
		t.Errorf("configuration (-lifecycle +strata):\n%s", diff)
	}
}

// sameLayers compares layers. The lifecycle leaves a Docker manifest without
// annotations; here the media types stay the app's, the annotations become the base's.
func sameLayers(t *testing.T, want, got v1.Image) {
	t.Helper()
	theirs, err := want.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := got.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theirs.Layers, ours.Layers); diff != "" {
		t.Errorf("layers (-lifecycle +strata):\n%s", diff)
	}
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	base, debug := platformtest.Run{}.Image(t), platformtest.Run{Debug: true}.Image(t)
	app := platformtest.App(t, base, "strata/run-static:13", "app", nil)
	there := on(t, app, "strata/run-static-debug:13", debug)
	if a, b := platformtest.Digest(t, app), platformtest.Digest(t, there); a == b {
		t.Fatal("the app on the debug image is the app")
	}
	if a, b := platformtest.Digest(t, app), platformtest.Digest(t, on(t, there, "strata/run-static:13", base)); a != b {
		t.Errorf("there and back it is %s, it was %s", b, a)
	}
	if again := on(t, there, "strata/run-static-debug:13", debug); again != there {
		t.Error("an image that is on its base already was changed")
	}
}

// TestAsBuiltAgain compares with what an export onto the new base gives.
func TestAsBuiltAgain(t *testing.T) {
	t.Parallel()
	old, newer := platformtest.Run{Release: "1"}.Image(t), platformtest.Run{Release: "2"}.Image(t)
	rebased := on(t, platformtest.App(t, old, "strata/run-static:13", "app", nil), "strata/run-static:13", newer)
	built := platformtest.App(t, newer, "strata/run-static:13", "app", nil)
	if a, b := platformtest.Digest(t, rebased), platformtest.Digest(t, built); a != b {
		t.Errorf("rebased it is %s, built again %s", a, b)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	label := func(name, value string) func(*v1.ConfigFile) {
		return func(c *v1.ConfigFile) { c.Config.Labels[name] = value }
	}
	old := func(labels map[string]string) func(*v1.ConfigFile) {
		return func(c *v1.ConfigFile) {
			c.Config.Env = []string{"CNB_PLATFORM_API=0.9"}
			maps.Copy(c.Config.Labels, labels)
		}
	}
	for _, test := range []struct {
		name   string
		base   platformtest.Run
		change func(*v1.ConfigFile)
	}{
		{"libc", platformtest.Run{Variant: "glibc"}, nil},
		{"version", platformtest.Run{Version: "14"}, nil},
		{"architecture", platformtest.Run{Arch: "arm64"}, nil},
		{"not-rebasable", platformtest.Run{}, label("io.buildpacks.rebasable", "false")},
		{"no-metadata", platformtest.Run{}, label("io.buildpacks.lifecycle.metadata", "")},
		{"bad-metadata", platformtest.Run{}, label("io.buildpacks.lifecycle.metadata", "{")},
		{"no-top-layer", platformtest.Run{Release: "2"},
			label("io.buildpacks.lifecycle.metadata", `{"runImage":{"topLayer":"sha256:0","image":"strata/run-static:13"}}`)},
		{"stack", platformtest.Run{Variant: "glibc"}, old(nil)},
		{"mixins", platformtest.Run{}, old(map[string]string{"io.buildpacks.stack.mixins": `["curl","run:git"]`})},
		{"bad-mixins", platformtest.Run{}, old(map[string]string{"io.buildpacks.stack.mixins": `curl`})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			app := platformtest.App(t, platformtest.Run{}.Image(t), "strata/run-static:13", "app", test.change)
			_, err := try(t, app, "strata/run:13", test.base.Image(t))
			if f := (fault.Fault{}); !errors.As(err, &f) {
				t.Fatalf("want a fault, got %v", err)
			}
			kittest.Golden(t, "refused-"+test.name+".txt", err.Error()+"\n")
		})
	}
	t.Run("app-as-base", func(t *testing.T) {
		t.Parallel()
		app := platformtest.App(t, platformtest.Run{}.Image(t), "strata/run-static:13", "app", nil)
		_, err := try(t, app, "strata/run:13", app)
		if err == nil {
			t.Fatal("an app was put on an app")
		}
		kittest.Golden(t, "refused-app-as-base.txt", err.Error()+"\n")
	})
	t.Run("empty-base", func(t *testing.T) {
		t.Parallel()
		base, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = try(t, platformtest.App(t, platformtest.Run{}.Image(t), "strata/run-static:13", "app", nil), "strata/run:13", base)
		if err == nil {
			t.Fatal("an app was put on nothing")
		}
		kittest.Golden(t, "refused-empty-base.txt", err.Error()+"\n")
	})
}

func try(t *testing.T, image v1.Image, runName string, base v1.Image) (v1.Image, error) {
	t.Helper()
	app, err := swap.Open("app", image)
	if err != nil {
		return nil, err
	}
	ref, err := name.ParseReference(runName)
	if err != nil {
		t.Fatal(err)
	}
	return app.On(swap.Base{Names: []string{runName}, Ref: ref, Image: base})
}

func on(t *testing.T, image v1.Image, runName string, base v1.Image) v1.Image {
	t.Helper()
	rebased, err := try(t, image, runName, base)
	if err != nil {
		t.Fatal(err)
	}
	return rebased
}

// lifecycle compiles the lifecycle that builder/lifecycle pins.
func lifecycle(t *testing.T) (rebaser string) {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles the lifecycle: run without -short")
	}
	dir := t.TempDir()
	// With the flags of builder/compose, so that one finds what the other compiled.
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", dir,
		"github.com/buildpacks/lifecycle/cmd/lifecycle")
	cmd.Dir = "../../../../lifecycle"
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compiling the lifecycle: %v\n%s", err, output)
	}
	rebaser = filepath.Join(dir, "rebaser") // the phase is told by the name
	if err := os.Rename(filepath.Join(dir, "lifecycle"), rebaser); err != nil {
		t.Fatal(err)
	}
	return rebaser
}

func serve(t *testing.T) (host string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
