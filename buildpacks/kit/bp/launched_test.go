package bp_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestLaunched reads the processes of the buildpacks before, in both forms that launch.toml has had.
func TestLaunched(t *testing.T) {
	t.Parallel()
	c := sample(t, kittest.Case{Layers: filepath.Join(t.TempDir(), "strata_sample")})
	kittest.Write(t, c.Layers, nil)
	if got := kittest.Build(t, c); got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.Log())
	}
	kittest.Write(t, filepath.Dir(c.Layers), map[string]string{
		"a_first/launch.toml": "[[processes]]\ntype = \"web\"\ncommand = [\"server\"]\n[[processes]]\ntype = \"old\"\ncommand = \"a | b\"\n" +
			"[[processes]]\ntype = \"direct\"\ncommand = \"a b\"\nargs = [\"c\"]\ndirect = true\n",
		"empty/launch.toml": "",
		"none/layer.toml":   "",
	})
	got := kittest.Build(t, c)
	var lines []string
	for line := range strings.Lines(got.Log()) {
		if line := strings.TrimSpace(line); strings.HasPrefix(line, "launched") {
			lines = append(lines, line)
		}
	}
	want := []string{
		`launched a/first web ["server"] [] "" false ""`, `launched a/first old [] [] "" false ""`,
		`launched a/first direct ["a b"] ["c"] "" false ""`,
		`launched strata/sample web ["<layers>/built/x" "-a"] ["-b"] "/srv" true "x.toml line 3"`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	for file, text := range map[string]string{"broken/launch.toml": "x", "strata_sample/origins.json": "[]"} {
		kittest.Write(t, filepath.Dir(c.Layers), map[string]string{file: text})
		if got := kittest.Build(t, c); got.Code != 2 {
			t.Errorf("%s: code %d and %s, want an internal error", file, got.Code, got.Log())
		}
	}
}
