package platform_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/builder/platform"
)

// TestHomeIsPrivate looks for folders that other users of the machine may enter.
func TestHomeIsPrivate(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	if _, err := platform.Open(home); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{".", "apps", "builders", "tmp"} {
		info, err := os.Stat(filepath.Join(home, folder))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o700 {
			t.Errorf("%s has mode %o, want 700", folder, mode)
		}
	}
}

// TestImageNames has names refused that no registry could have.
func TestImageNames(t *testing.T) {
	t.Parallel()
	for file, image := range map[string]string{
		"capitals": "registry.example.com/Team/app", "tag": "app:-1", "separators": "team/my..app", "long-tag": "app:" + strings.Repeat("1", 129), "port-word": "localhost:http/app",
		"port-zero": "localhost:0/app", "port-large": "registry.example.com:65536/app", "port-empty": "registry.example.com:/app", "empty": "", "digest": "app@sha256:12",
	} {
		golden(t, "name-"+file+".txt", platform.CheckTag(image))
	}
	for folder, want := range map[string]string{"app": "app", "My App": "my-app", "my..app_-x": "my-app-x", "a__b--c.d": "a__b--c.d", "_": "app"} {
		if got := platform.DefaultImage("/src/" + folder); got != want || platform.CheckTag(got) != nil {
			t.Errorf("the image of the folder %q is %q, want %q", folder, got, want)
		}
	}
	for _, image := range []string{"app", "app:V1", "localhost:5000/app", "[::1]:5000/app", "registry.example.com/team/app:1"} {
		if err := platform.CheckTag(image); err != nil {
			t.Errorf("%s: %v", image, err)
		}
	}
}
