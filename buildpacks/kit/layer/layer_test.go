package layer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
)

type key struct {
	Version string            `json:"version"`
	Options map[string]string `json:"options"`
}

// restored is the metadata that the lifecycle restores of a layer with the key of contribute.
const restored = "[metadata]\n  key = '{\"version\":\"1\",\"options\":{\"a\":\"x\",\"b\":\"y\"}}'\n"

func contribute(t *testing.T, dir string, flags layer.Flags, fillErr error) (*layer.Layer, string, error) {
	t.Helper()
	var out bytes.Buffer
	l, err := layer.Open(dir, report.New(&out, report.Options{Debug: true})).Contribute(t.Context(), layer.Request{
		Name: "tool", Flags: flags, Key: key{Version: "1", Options: map[string]string{"b": "y", "a": "x"}},
		Fill: func(_ context.Context, l *layer.Layer) error {
			l.LaunchEnv.Default("TOOL", l.Path)
			l.SBOM = &sbom.Document{Subject: sbom.Component{Name: "tool"}}
			kittest.Write(t, l.Path, map[string]string{"new": "n"})
			return fillErr
		},
	})
	return l, out.String(), err
}

// TestShow makes a layer again that was made when nobody looked into it, and keeps one that somebody has seen.
func TestShow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		before string
		show   int
		flags  layer.Flags
		reused bool
	}{
		{restored, 0, layer.Flags{Launch: true}, true},
		{restored, 2, layer.Flags{Launch: true}, false},
		{restored + "  shown = true\n", 2, layer.Flags{Launch: true}, false}, // of a recipe that had no number
		{restored + "  shown_to = \"1\"\n", 2, layer.Flags{Launch: true}, false},
		{restored + "  shown_to = \"2\"\n", 2, layer.Flags{Launch: true}, true},
		{restored + "  shown_to = \"2\"\n", 0, layer.Flags{Launch: true}, true},
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"tool.toml": test.before})
		layers := layer.Open(dir, report.New(io.Discard, report.Options{}))
		if test.show > 0 {
			layers.Show(test.show)
		}
		l, err := layers.Contribute(t.Context(), layer.Request{
			Name: "tool", Flags: test.flags, Key: key{Version: "1", Options: map[string]string{"b": "y", "a": "x"}},
			Fill: func(context.Context, *layer.Layer) error { return nil },
		})
		if err != nil || l.Reused != test.reused || l.Shown != test.show {
			t.Errorf("%+v: reused %t, shown %d, %v", test, l.Reused, l.Shown, err)
		}
	}
}

func TestContribute(t *testing.T) {
	t.Parallel()
	const file = "file 0644 1b16b1df" // "n"
	filled := map[string]string{"tool/": "dir 0755", "tool/new": file, "tool.sbom.cdx.json": "SBOM", "tool.sbom.spdx.json": "SBOM"}
	tests := []struct {
		name   string
		flags  layer.Flags
		files  map[string]string // what the lifecycle restored
		reused bool
		tree   map[string]string
	}{
		{name: "first build", flags: layer.Flags{Launch: true}, tree: filled},
		{
			name: "launch only", flags: layer.Flags{Launch: true}, files: map[string]string{"tool.toml": restored},
			reused: true, tree: map[string]string{},
		},
		{
			name: "cached", flags: layer.Flags{Build: true, Cache: true}, files: map[string]string{"tool.toml": restored, "tool/old": "n"},
			reused: true, tree: map[string]string{"tool/": "dir 0755", "tool/old": file},
		},
		{
			name: "cache is gone", flags: layer.Flags{Launch: true, Cache: true}, files: map[string]string{"tool.toml": restored},
			tree: filled,
		},
		{
			name: "other key", flags: layer.Flags{Launch: true, Cache: true},
			files: map[string]string{"tool.toml": "[metadata]\nkey = '{}'\n", "tool/old": "n", "tool.sbom.cdx.json": "{}"},
			tree:  filled,
		},
		{
			name: "no key", flags: layer.Flags{Cache: true}, files: map[string]string{"tool.toml": "[metadata]\nkey = 3", "tool/old": "n"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			kittest.Write(t, dir, test.files)
			l, _, err := contribute(t, dir, test.flags, nil)
			if test.tree == nil {
				if err == nil {
					t.Error("metadata that does not decode is taken")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l.Reused != test.reused || (len(l.LaunchEnv) == 0) != test.reused {
				t.Errorf("reused is %t with environment %v, want %t", l.Reused, l.LaunchEnv, test.reused)
			}
			tree := kittest.Tree(t, dir)
			delete(tree, "tool.toml") // libcnb writes and removes it
			for path := range tree {
				if filepath.Ext(path) == ".json" {
					tree[path] = "SBOM"
				}
			}
			if diff := cmp.Diff(test.tree, tree); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhy says under debugging which fields of a key made a layer again, and never a value.
func TestWhy(t *testing.T) {
	t.Parallel()
	for restored, want := range map[string]string{
		`{"version":"0","options":{"a":"x","b":"y"}}`: "layer tool is made again: its key differs in version",
		`{"version":"0","options":{"a":"s3cret","c":"y"}}`: "layer tool is made again: " +
			"its key differs in options.a, options.b, options.c, version",
		`{"version":"1","options":null}`:              "layer tool is made again: its key differs in options",
		`{"options":{"a":"x","b":"y"}}`:               "layer tool is made again: its key differs in version",
		`{"options":{"a":"x","b":"y"},"version":"1"}`: "layer tool is made again: its key differs in its form",
		`3`: "layer tool is made again: its key differs in its form",
		`{"version":"1","options":{"a":"x","b":"y"}}`: "layer tool is made again: the cache does not have it",
	} {
		dir := t.TempDir()
		kittest.Write(t, dir, map[string]string{"tool.toml": "[metadata]\nkey = '" + restored + "'\n"})
		_, log, err := contribute(t, dir, layer.Flags{Cache: true}, nil)
		if want := "    debug: " + want + "\n"; err != nil || log != want {
			t.Errorf("%s: %v, log %q, want %q", restored, err, log, want)
		}
	}
}

func TestContributeFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kittest.Write(t, dir, map[string]string{"tool.toml": "[metadata]\n", "tool/old/file": "x", "tool.sbom.cdx.json": "{}"})
	// As the Go module cache has them.
	if err := os.Chmod(filepath.Join(dir, "tool", "old"), 0o555); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if _, _, err := contribute(t, dir, layer.Flags{Cache: true}, broken); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if tree := kittest.Tree(t, dir); len(tree) != 0 {
		t.Errorf("left behind: %v", tree)
	}
}

func TestEnv(t *testing.T) {
	t.Parallel()
	env := layer.Env{}
	env.Default("A", "1")
	env.Override("B", "2")
	env.Prepend("PATH", ":", "/x")
	env.Append("LIST", ",", "y")
	want := layer.Env{
		"A.default": "1", "B.override": "2", "PATH.prepend": "/x", "PATH.delim": ":", "LIST.append": "y", "LIST.delim": ",",
	}
	if diff := cmp.Diff(want, env); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestContents tells the next build what processes find in a launch layer, which it gets back without its folder.
func TestContents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	request := layer.Request{Name: "tool", Flags: layer.Flags{Launch: true}, Key: key{}}
	request.Fill = func(_ context.Context, l *layer.Layer) error {
		l.LaunchEnv.Prepend("PATH", ":", "/tools/bin:/tools/sbin")
		l.LaunchEnv["web/PATH.append"] = "/web"
		l.LaunchEnv.Override("PATHS", "/no")
		kittest.Write(t, l.Path, map[string]string{"bin/run": "#!/bin/sh", "bin/readme": "text", "bin/folder/x": "", "lib/x": "#!"})
		return os.Symlink("/absent", filepath.Join(l.Path, "bin", "link"))
	}
	open := func() *layer.Dir { return layer.Open(dir, report.New(io.Discard, report.Options{})) }
	made, err := open().Contribute(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	want := layer.Contents{Known: true, Programs: []string{"link", "run"}, Path: []string{"/tools/bin", "/tools/sbin", "/web"}}
	if diff := cmp.Diff(want, made.Contents); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
	metadata, err := toml.Marshal(map[string]any{"metadata": map[string]any{"key": made.Key, "contents": made.Contents}})
	if err != nil {
		t.Fatal(err)
	}
	kittest.Write(t, dir, map[string]string{"tool.toml": string(metadata)})
	if err := os.RemoveAll(made.Path); err != nil {
		t.Fatal(err)
	}
	again, err := open().Contribute(t.Context(), request)
	if err != nil || !again.Reused {
		t.Fatalf("the layer is made again (%v)", err)
	}
	if diff := cmp.Diff(want, again.Contents); diff != "" {
		t.Errorf("contents of the reused layer (-want +got):\n%s", diff)
	}
}

// TestNeeds makes a layer again that was made for another version of a runtime, and keeps what the layer of a runtime says of itself.
func TestNeeds(t *testing.T) {
	t.Parallel()
	node := runtimes.Runtime{ID: "node", Version: "24.20.0", Line: "24", ABI: "node-137"}
	for asked, want := range map[string]string{"^24": "^24", "": "", "24 ||\n22": "24.20.0", strings.Repeat("24 ||", 50): "24.20.0"} {
		dir := t.TempDir()
		contribute := func(version string) *layer.Layer {
			l, err := layer.Open(dir, report.New(io.Discard, report.Options{})).Contribute(t.Context(), layer.Request{
				Name: "tool", Flags: layer.Flags{Launch: true}, Key: key{}, Needs: []runtimes.Need{{ID: "node", Version: version}},
				Fill: func(_ context.Context, l *layer.Layer) error {
					l.Runtime = &node
					return nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			l.Allow(asked)
			return l
		}
		made := contribute("24.20.0")
		metadata, err := toml.Marshal(map[string]any{"metadata": map[string]any{"key": made.Key, "needs": made.Needs, "runtime": made.Runtime}})
		if err != nil {
			t.Fatal(err)
		}
		kittest.Write(t, dir, map[string]string{"tool.toml": string(metadata)})
		again := contribute("24.20.0")
		if !again.Reused || *again.Runtime != *made.Runtime || again.Runtime.Asked != want {
			t.Errorf("the layer is %+v, %+v; it was %+v", again, again.Runtime, made.Runtime)
		}
		if contribute("24.21.0").Reused {
			t.Error("a layer for another version is taken")
		}
	}
	if node.Asked != "" {
		t.Errorf("what the buildpack gave was changed: %+v", node)
	}
}

// TestKeyBefore reads the key of a layer of the build before, if it has the form of a key.
func TestKeyBefore(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{restored: true, "[metadata]\nkey = '3'": false, "[metadata]\n": false, "": false} {
		dir := t.TempDir()
		if text != "" {
			kittest.Write(t, dir, map[string]string{"tool.toml": text})
		}
		var got key
		found, err := layer.Open(dir, report.New(io.Discard, report.Options{})).KeyBefore("tool", &got)
		if err != nil || found != want || found && got.Options["b"] != "y" {
			t.Errorf("%q: %t and %+v, %v", text, found, got, err)
		}
	}
}

// TestReserved refuses a launch layer whose metadata would be in the file of the buildpack's processes.
func TestReserved(t *testing.T) {
	t.Parallel()
	d := layer.Open(t.TempDir(), report.New(io.Discard, report.Options{}))
	fill := func(context.Context, *layer.Layer) error { return nil }
	if _, err := d.Contribute(t.Context(), layer.Request{Name: "launch", Flags: layer.Flags{Launch: true}, Fill: fill}); err == nil {
		t.Error("a layer may be called launch")
	}
}
