package python_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestRuntime makes the layer that takes the place of an older Python, without an app, and says which ones it cannot replace.
func TestRuntime(t *testing.T) {
	t.Parallel()
	b := newBench(t, files{"main.py": ""})
	text := ""
	for _, was := range []struct{ version, line, asked string }{
		{"3.13.5-0123456789abcdef", "3.13", ">=3.11"}, {"3.13.5-0123456789abcdef", "3.13", ""}, {"3.13.999-0123456789abcdef", "3.13", ""},
		{"3.13.5-0123456789abcdef", "3.13", "3.12"},
	} {
		c := b.c
		c.Layers = t.TempDir()
		c.Env["BP_REPLACE_RUNTIME"] = fmt.Sprintf(`{"id":"python","version":%q,"line":%q,"abi":"x","asked":%q}`, was.version, was.line, was.asked)
		got := kittest.Build(t, c)
		text += fmt.Sprintf("%v: code %d\n%s", was, got.Code, got.Log())
		if got.Code != 0 {
			continue
		}
		if _, err := os.Stat(filepath.Join(got.Layers, "cpython", "bin", "python3.13")); err != nil {
			t.Error(err)
		}
		about, err := os.ReadFile(filepath.Join(got.Layers, "cpython.toml"))
		if err != nil {
			t.Fatal(err)
		}
		text += string(about)
	}
	text = regexp.MustCompile(`[0-9a-f]{16}`).ReplaceAllString(text, "DIGEST")
	kittest.Golden(t, "runtime.txt", locked.ReplaceAllString(text, "LOCKED"))
}
