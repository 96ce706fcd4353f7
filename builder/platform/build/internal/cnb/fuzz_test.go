package cnb_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/strata-buildpacks/strata/builder/platform/build/internal/cnb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

var member = cnb.Member{ID: "a/b", Version: "1"}

// layers writes files of a build into a folder of layers.
func layers(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, files)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() }) // only read
	return root
}

// FuzzLayer reads what a build says of a layer: all of it can be said in a label, and is read from there the same.
func FuzzLayer(f *testing.F) {
	f.Add("[types]\nlaunch = true\n[metadata]\nkey = [1, 2.5, \"x\", 2024-01-02]\n")
	f.Add("launch = true\n")
	f.Add("[metadata]\nx = nan\n")
	f.Add("[metadata]\na.b.c = {d = inf}\n[[metadata.e]]\n[types]\ncache = 1")
	f.Fuzz(func(t *testing.T, text string) {
		found, _, err := cnb.Read(layers(t, map[string]string{"a_b/one.toml": text}), member)
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		if len(found) != 1 || found[0].Name != "one" || found[0].Filled {
			t.Fatalf("%+v", found)
		}
		said(t, cnb.Layers{Buildpacks: []cnb.Buildpack{{ID: "a/b", Layers: map[string]cnb.Layer{"one": {Types: found[0].Types}}}}})
	})
}

// FuzzStore is FuzzLayer for what a buildpack keeps from one build to the next.
func FuzzStore(f *testing.F) {
	f.Add("[metadata]\nkey = [1, 2.5, \"x\", 07:32:00]\n")
	f.Add("metadata = 1\n")
	f.Add("[metadata]\nx = [-inf]\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, store, err := cnb.Read(layers(t, map[string]string{"a_b/store.toml": text}), member)
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		said(t, cnb.Layers{Buildpacks: []cnb.Buildpack{{ID: "a/b", Store: store}}})
	})
}

// said writes a label and reads it.
func said(t *testing.T, all cnb.Layers) {
	t.Helper()
	label, err := json.Marshal(all)
	if err != nil {
		t.Fatalf("%+v cannot be written: %v", all, err)
	}
	read := ofLabel(t, string(label))
	again, err := json.Marshal(read)
	if diff := cmp.Diff(string(label), string(again)); err != nil || diff != "" {
		t.Errorf("%v (-first +second):\n%s", err, diff)
	}
}

func ofLabel(t *testing.T, label string) cnb.Layers {
	t.Helper()
	image, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{cnb.LifecycleLabel: label}})
	if err != nil {
		t.Fatal(err)
	}
	read, err := cnb.LayersOf(image)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// FuzzLabel reads the label of an image of somebody else: what is read can be written again and is then the same.
func FuzzLabel(f *testing.F) {
	f.Add(`{"app": [{"sha": "sha256:00"}],
		"buildpacks": [{"key": "a/b", "layers": {"one": {"sha": "", "data": {"a": 1e400}, "build": true}}}]}`)
	f.Add(`{"runImage": {"topLayer": "../..", "image": "x"}, "stack": {}, "sbom": null}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, label string) { said(t, ofLabel(t, label)) })
}

// FuzzCache reads what the cache of an app says of itself, which may be damaged: what is read is kept as it is.
func FuzzCache(f *testing.F) {
	f.Add(`{"sbom": {"sha": "sha256:00"}, "buildpacks": [{"key": "a/b", "layers": {"one": {"sha": "sha256:../../x", "cache": true}}}]}`)
	f.Add(`{`)
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"cache/layers.json": text, "cache/old.tar": "", "beside": ""})
		cache := cnb.Cache(filepath.Join(dir, "cache"))
		first, err := cache.Read()
		if err != nil {
			t.Fatal(err)
		}
		if err := cache.Write(first); err != nil {
			t.Fatal(err)
		}
		second, err := cache.Read()
		if diff := cmp.Diff(first, second); err != nil || diff != "" {
			t.Errorf("%v (-first +second):\n%s", err, diff)
		}
		if _, err := os.Stat(filepath.Join(dir, "beside")); err != nil {
			t.Error(err)
		}
	})
}

// FuzzMetadata reads what a build says of an image: it fits the group, and no process leads to another folder.
func FuzzMetadata(f *testing.F) {
	const group = "[[buildpacks]]\nid = \"a/b\"\nversion = \"1\"\n"
	f.Add(group + "[[processes]]\ntype = \"web\"\ncommand = [\"a\"]\nargs = [\"b\"]\n" +
		"[[labels]]\nkey = \"k\"\nvalue = \"v\"\n[[slices]]\npaths = [\"*\"]\n")
	f.Add(group + "[[processes]]\ntype = \"../web\"\ncommand = \"a\"\n")
	f.Add(group + "[[labels]]\nkey = \"io.buildpacks.x\"\n")
	f.Add("buildpack-default-process-type = \"web\"\n" + group)
	f.Add("[[processes]]\ncommand = 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := cnb.ReadMetadata(layers(t, map[string]string{cnb.MetadataFile: text}), []cnb.Member{member})
		if err != nil {
			kittest.Fault(t, err)
			return
		}
		for _, p := range m.Processes {
			if filepath.Base(p.Type) != p.Type || p.Type == "." || p.Type == ".." {
				t.Errorf("type %q", p.Type)
			}
		}
		for _, l := range m.Labels {
			if cnb.Reserved(l.Key) {
				t.Errorf("label %q", l.Key)
			}
		}
		if label, err := m.Label(); err != nil || !json.Valid([]byte(label)) {
			t.Errorf("label %q: %v", label, err)
		}
	})
}
