package allocator

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
)

// Restored returns the layer of an allocator as a cache has it: a library that is no library, under the key of the right one.
func Restored(t *testing.T, name, layers string) map[string]string {
	t.Helper()
	one, err := locked("amd64", kinds[name])
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(struct {
		Recipe int    `json:"recipe"`
		Sum    string `json:"sum"`
		Helper string `json:"helper"`
	}{1, one.SHA256, filepath.Join(layers, "strata_launch-helper", "helper", "launch")})
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := toml.Marshal(map[string]any{"metadata": map[string]any{"key": string(key)}})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"allocator/" + kinds[name].library: "no library", "allocator.toml": string(metadata)}
}
