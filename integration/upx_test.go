package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUPX packs static programs in each language that has some, and starts them. The same source gives the same digest.
func TestUPX(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	name := image(t)
	for sample, want := range map[string]struct {
		answer string
		args   []string
	}{
		"go/hello":    {answer: "Hello from Strata."},
		"rust/axum":   {answer: "Hello from axum."},
		"native/make": {answer: "Hello from make.", args: []string{"--run-image", "static"}},
	} {
		t.Run(filepath.Base(sample), func(t *testing.T) {
			app := filepath.Join(t.TempDir(), filepath.Base(sample))
			if err := os.CopyFS(app, os.DirFS(filepath.Join("testdata", sample))); err != nil {
				t.Fatal(err)
			}
			plain := build(t, app, name, want.args...)
			args := append(want.args, "--env", "BP_UPX_ENABLED=true")
			packed := build(t, app, name, args...)
			if body := strings.TrimSpace(ask(t, name, "/")); body != want.answer {
				t.Errorf("it answers %q, want %q", body, want.answer)
			}
			if packed == plain {
				t.Error("packed and not, the image has the same digest")
			}
			if again := build(t, app, name, args...); again != packed {
				t.Errorf("nothing changed, and the digest is %s instead of %s", again, packed)
			}
		})
	}
}
