package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoReal builds programs that were not written for us. They come as Go modules, verified by the checksum database, and stay in
// a temporary folder.
func TestGoReal(t *testing.T) {
	suite(t, nightly)
	t.Parallel()
	tests := []struct {
		name, module string
		flags        []string
		path         string   // asked over HTTP; when empty, the program's output counts
		args         []string // PORT is replaced
		want         string
	}{
		{
			name:   "metrics exporter",
			module: "github.com/prometheus/blackbox_exporter@v0.27.0",
			flags:  []string{"-e", "BP_KEEP_FILES=blackbox.yml"},
			path:   "/metrics", args: []string{"--", "--web.listen-address=:PORT"},
			want: "blackbox_exporter_config_last_reload_successful 1",
		},
		{
			name: "command line", module: "github.com/mikefarah/yq/v4@v4.47.1",
			args: []string{"--", "--null-input", "--output-format=json", "--indent=0", `{"sum": 40 + 2}`},
			want: `{"sum":42}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := image(t)
			inspect(t, build(t, module(t, tt.module), name, tt.flags...))
			var got string
			if tt.path != "" {
				got = ask(t, name, tt.path, tt.args...)
			} else {
				o := strata(t, append([]string{"run", name}, tt.args...)...)
				got = o.stdout
				if o.status != 0 {
					t.Errorf("it ended with status %d: %s", o.status, o.stderr)
				}
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want it to have %q", got, tt.want)
			}
		})
	}
}

// module fetches the source of a module into a writable folder.
func module(t *testing.T, version string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", version)
	cmd.Dir = t.TempDir() // outside of this module
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, output)
	}
	var source struct{ Dir string }
	if err := json.Unmarshal(output, &source); err != nil {
		t.Fatal(err)
	}
	path, _, _ := strings.Cut(version, "@")
	dir := filepath.Join(t.TempDir(), filepath.Base(strings.TrimSuffix(path, "/v2")))
	if err := os.CopyFS(dir, os.DirFS(source.Dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}
