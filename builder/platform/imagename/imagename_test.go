package imagename_test

import (
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform/imagename"
	"github.com/strata-buildpacks/strata/builder/platform/internal/platformtest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestNamesThatNoRegistryTakes has names refused that no registry could have.
func TestNamesThatNoRegistryTakes(t *testing.T) {
	t.Parallel()
	for file, image := range map[string]string{
		"capitals": "registry.example.com/Team/app", "tag": "app:-1", "separators": "team/my..app", "long-tag": "app:" + strings.Repeat("1", 129),
		"port-word": "localhost:http/app", "port-zero": "localhost:0/app", "port-large": "registry.example.com:65536/app",
		"port-empty": "registry.example.com:/app", "empty": "", "digest": "app@sha256:12",
	} {
		_, err := imagename.ParseTag(image)
		kittest.Golden(t, "name-"+file+".txt", platformtest.Fault(t, err))
	}
}

func TestParseTag(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"app": "library/app latest", "app:V1": "library/app V1", "localhost:5000/app": "app latest", "[::1]:5000/app": "app latest",
		"registry.example.com/team/app:1": "team/app 1",
	} {
		ref, err := imagename.ParseTag(image)
		if err != nil {
			t.Errorf("%s: %v", image, err)
			continue
		}
		if got := ref.Context().RepositoryStr() + " " + ref.Identifier(); got != want {
			t.Errorf("%s: got %s, want %s", image, got, want)
		}
	}
}

func TestBase(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]string{
		"app": "app", "My App": "my-app", "my..app_-x": "my-app-x", "a__b--c.d": "a__b--c.d", "_": "app",
	} {
		got := imagename.Base("/src/" + folder)
		if _, err := imagename.ParseTag(got); got != want || err != nil {
			t.Errorf("the image of the folder %q is %q (%v), want %q", folder, got, err, want)
		}
	}
}

func TestSaysRegistry(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]bool{
		"app": false, "team/app": false, "app:1": false,
		"docker.io/me/app": true, "localhost/app": true, "localhost:5000/app": true, "host:5000/app": true,
	} {
		if got := imagename.SaysRegistry(image); got != want {
			t.Errorf("%s: got %v, want %v", image, got, want)
		}
	}
}

// TestShort gives back what a person wrote, or what means the same.
func TestShort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"app": "app:latest", "team/app:2": "team/app:2", "docker.io/library/app:1": "app:1",
		"r.example.com:5000/library/app:1": "r.example.com:5000/library/app:1",
	} {
		ref, err := imagename.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		short := imagename.Short(ref.Name())
		again, err := imagename.Parse(short)
		if short != want || err != nil || again.Name() != ref.Name() {
			t.Errorf("%s is %s for short (%v), want %s", text, short, err, want)
		}
	}
}

func TestDebugTwin(t *testing.T) {
	t.Parallel()
	for image, twin := range map[string]string{
		"strata/run:13": "strata/run-debug:13", "run": "run-debug", "localhost:5000/a/run": "localhost:5000/a/run-debug",
		"run@sha256:0": "run-debug@sha256:0", "a-debug/run:13": "a-debug/run-debug:13",
	} {
		if got := imagename.DebugTwin(image); got != twin || imagename.DebugTwin(twin) != twin {
			t.Errorf("the twin of %s is %s, want %s", image, got, twin)
		}
		if got := imagename.WithoutDebug(twin); got != image || imagename.WithoutDebug(image) != image {
			t.Errorf("%s is the twin of %s, want %s", twin, got, image)
		}
	}
}
