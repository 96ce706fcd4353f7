package kittest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// restore reduces a folder of layers to what a lifecycle restores for the next build: the metadata of launch and cache layers,
// the content of cache layers, and store.toml (Platform API, "restorer").
func restore(t *testing.T, layers string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(layers, "*"))
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{"store.toml": true}
	for _, file := range files {
		name, isMetadata := strings.CutSuffix(filepath.Base(file), ".toml")
		if !isMetadata || name == "launch" || name == "build" || name == "store" {
			continue
		}
		var layer struct {
			Types    struct{ Launch, Build, Cache bool } `toml:"types"`
			Metadata map[string]any                      `toml:"metadata"`
		}
		if _, err := toml.DecodeFile(file, &layer); err != nil {
			t.Fatal(err)
		}
		kept[name] = layer.Types.Cache
		kept[name+".toml"] = layer.Types.Cache || layer.Types.Launch
		text, err := toml.Marshal(map[string]any{"metadata": layer.Metadata})
		if err == nil {
			err = os.WriteFile(file, text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range files {
		if kept[filepath.Base(file)] {
			continue
		}
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
	}
}
