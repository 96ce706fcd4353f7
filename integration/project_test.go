package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// Descriptors of one app. The one in its folder says which files are not built, the other one which files are.
const (
	excluding = `[_]
schema-version = "0.2"
id = "com.example.app"
version = "1.0"
source-url = "https://example.com/app"

[io.buildpacks]
exclude = ["/notes/", "*_broken.go"]

[[io.buildpacks.build.env]]
name = "BP_KEEP_FILES"
value = "assets/*,notes/*,*.toml"
`
	including = `[_]
schema-version = "0.2"

[io.buildpacks]
include = ["go.mod", "*.go", "!*_broken.go", "assets/", "/notes/private.txt"]
group = [{id = "strata/go"}, {uri = "urn:cnb:builder:strata/linkage"}]

[[io.buildpacks.build.env]]
name = "BP_KEEP_FILES"
value = "assets/*,notes/*,*.toml"
`
)

// described makes an app with a project.toml; including.toml is beside it.
func described(t *testing.T) (app, includingFile string) {
	t.Helper()
	app = sample(t, "keep-files")
	includingFile = filepath.Join(filepath.Dir(app), "including.toml")
	for path, text := range map[string]string{
		filepath.Join(app, "project.toml"): excluding, includingFile: including, filepath.Join(app, "half_broken.go"): "package main\n\nfunc",
		filepath.Join(app, "main.go"): "package main\n\nfunc main() {}\n", // it compiles quickly, and nobody asks it
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return app, includingFile
}

// TestPlatformProjectDescriptor builds the files of an app that its descriptor names, with the descriptor's variables.
func TestPlatformProjectDescriptor(t *testing.T) {
	suite(t, anyUser)
	t.Parallel()
	app, includingFile := described(t)
	name := image(t)
	for _, tt := range []struct {
		name  string
		flags []string
		kept  string // below the folder of the app
	}{
		{"project.toml", nil, "assets/greeting.txt project.toml"},
		{"on the command line", []string{"-d", includingFile}, "assets/greeting.txt notes/private.txt"},
		{"with --env", []string{"-e", "BP_KEEP_FILES=go.mod"}, "go.mod"},
	} {
		var kept []string
		for _, e := range inspect(t, build(t, app, name, tt.flags...)).entries(t, func(string) bool { return false }) {
			if path, ok := strings.CutPrefix(e.header.Name, "/workspace/"); ok && e.header.FileInfo().Mode().IsRegular() {
				kept = append(kept, path)
			}
		}
		if diff := cmp.Diff(tt.kept, strings.Join(kept, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	before := strata(t, "inspect", name)
	edit(t, app, "project.toml", "BP_KEEP_FILES", "LD_PRELOAD")
	got := strata(t, "build", app, "-t", name)
	if got.status != 1 || got.stdout != "" {
		t.Errorf("status %d and %q on stdout, want 1 and nothing", got.status, got.stdout)
	}
	kittest.Golden(t, "fail/project-variable.txt", words(got.stderr, app))
	if diff := cmp.Diff(before, strata(t, "inspect", name), cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("the image changed (-before +after):\n%s", diff)
	}
}
