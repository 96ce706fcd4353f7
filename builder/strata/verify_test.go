package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestVerify damages an image of a stack, an app and the index, and repairs what it can.
func TestVerify(t *testing.T) {
	t.Setenv("STRATA_HOME", t.TempDir())
	dir := t.TempDir()
	files := map[string]string{"builder.toml": "", "stacks/images/acme/stack.toml": ownStack}
	for _, arch := range architectures {
		lock, err := os.ReadFile("../../stacks/images/static/lock-" + arch + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		files["stacks/images/acme/lock-"+arch+".toml"], _, _ = strings.Cut(string(lock), "[[package]]")
	}
	kittest.Write(t, dir, files)
	config := filepath.Join(dir, "builder.toml")
	if _, err := execute("stack", "build", "--config", config); err != nil {
		t.Fatal(err)
	}
	h, err := openHome()
	if err != nil {
		t.Fatal(err)
	}
	app, err := random.Image(100, 1)
	if err == nil {
		_, err = put(h, "app", app)
	}
	if err != nil {
		t.Fatal(err)
	}
	verify := func(want string, args ...string) {
		t.Helper()
		out, err := execute(append([]string{"verify", "--config", config}, args...)...)
		if err != nil {
			out += err.Error()
		}
		if !strings.Contains(out, want) {
			t.Errorf("verify %v: got %s, want %s", args, out, want)
		}
	}
	verify("2 images are whole")
	stack, err := h.Store.Find("acme/run:13", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range []v1.Image{stack, app} {
		digest, err := image.Digest()
		if err == nil {
			err = os.Truncate(h.Store.Blobs().Path(digest), 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	verify("2 of ")
	verify("still damaged: app:latest; build apps with `strata build`", "--repair")
	verify("1 of ")
	verify("forgotten: app:latest", "--repair", "--forget")
	verify("1 images are whole")
	if err := os.WriteFile(filepath.Join(h.Store.Dir(), "index.json"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	verify("begin an empty one with `strata verify --repair --forget`", "--repair")
	verify("0 images are whole", "--repair", "--forget")
}
