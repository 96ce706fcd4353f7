package bp_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
)

func replace(ctx context.Context, in bp.BuildContext, was runtimes.Runtime) error {
	_, err := in.Layers.Contribute(ctx, layer.Request{
		Name: "runtime", Flags: layer.Flags{Launch: true},
		Fill: func(_ context.Context, l *layer.Layer) error {
			was.Version += ".1"
			l.Runtime = &was
			return nil
		},
	})
	return err
}

// TestReplace makes the layer of a runtime and nothing else. What the variable says has to be a runtime.
func TestReplace(t *testing.T) {
	t.Parallel()
	c := sample(t, kittest.Case{Env: config.Environment{"BP_REPLACE_RUNTIME": `{"id":"x","version":"1","line":"1","abi":"x-1"}`}})
	got := kittest.Build(t, c)
	if got.Code != 0 || kittest.Tree(t, got.Layers)["built.toml"] != "" {
		t.Fatalf("code %d and %v\n%s", got.Code, kittest.Tree(t, got.Layers), got.Log())
	}
	about, err := os.ReadFile(filepath.Join(got.Layers, "runtime.toml"))
	if err != nil {
		t.Fatal(err)
	}
	kittest.Golden(t, "runtime.toml", string(about))
	c.Env["BP_REPLACE_RUNTIME"] = "1"
	other := c
	other.Env = maps.Clone(c.Env)
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"buildpack.toml": "api = \"0.10\"\n[buildpack]\nid = \"strata/cross\"\nversion = \"0.1.0\"\n"})
	other.Env["CNB_BUILDPACK_DIR"], other.Env["BP_REPLACE_RUNTIME"] = dir, `{"id":"x","version":"1","line":"1","abi":"x-1"}`
	text := ""
	for _, wrong := range []kittest.Case{c, other} {
		got := kittest.Build(t, wrong)
		if got.Code != 1 {
			t.Errorf("code %d", got.Code)
		}
		text += got.Log()
	}
	kittest.Golden(t, "fails-runtime.txt", text)
}
