package golang

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

// TestHashSource changes an app file by file: what changes which hash decides
// whether a build compiles, and whether it looks for cgo again.
func TestHashSource(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"go.mod": goMod, "main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n",
		"page.html": "<p>", "vendor/x/x.go": "package x\n", ".git/HEAD": "ref: refs/heads/main\n",
	}
	tests := []struct {
		name         string
		change       func(dir string) error
		all, imports bool
	}{
		{"nothing", func(string) error { return nil }, false, false},
		{"time", func(dir string) error {
			return os.Chtimes(filepath.Join(dir, "main.go"), time.Unix(1, 0), time.Unix(1, 0))
		}, false, false},
		{"modes of others", func(dir string) error { return os.Chmod(filepath.Join(dir, "main.go"), 0o600) }, false, false},
		{"executable", func(dir string) error { return os.Chmod(filepath.Join(dir, "main.go"), 0o700) }, true, false},
		{"a repository's own file", rewrite(".git/HEAD", "x"), false, false},
		{"a line of code", rewrite("main.go", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(2) }\n"), true, false},
		{"an import", rewrite("main.go", "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(1) }\n"), true, true},
		{"a build constraint", rewrite("main.go", "//go:build linux\n\npackage main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n"), true, true},
		{"an embedded file", rewrite("page.html", "<b>"), true, false},
		{"a module file", rewrite("go.mod", goMod+"\n// x\n"), true, true},
		{"a vendored file", rewrite("vendor/x/x.go", "package x // y\n"), true, true},
		{"a new file", rewrite("new.txt", ""), true, true},
		{"a link", func(dir string) error { return os.Symlink("page.html", filepath.Join(dir, "link")) }, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := app(t, files)
			before, err := hashSource(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.change(dir); err != nil {
				t.Fatal(err)
			}
			after, err := hashSource(dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := before.All != after.All; got != tt.all {
				t.Errorf("the hash of all changes: %t, want %t", got, tt.all)
			}
			if got := before.Imports != after.Imports; got != tt.imports {
				t.Errorf("the hash of imports changes: %t, want %t", got, tt.imports)
			}
		})
	}
}

func rewrite(name, content string) func(dir string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644) }
}

func TestRemoveSource(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"main.go": "", "Procfile": "", "assets/a.css": "", "assets/img/b.png": "", "web/x/deep/c.html": "", "web/c.html": "", "web/d.txt": "", "docs/Procfile": "",
	}
	tests := []struct {
		name, want string
		patterns   []string
		warning    string
	}{
		{"nothing is kept", "Procfile ", nil, ""},
		{"a star stops at slashes", "Procfile assets/ assets/a.css ", []string{"assets/*.css"}, ""},
		{"a folder", "Procfile assets/ assets/a.css assets/img/ assets/img/b.png ", []string{"./assets/"}, ""},
		{"what a star matches may be a folder", "Procfile assets/ assets/a.css assets/img/ assets/img/b.png ", []string{"assets/*"}, ""},
		{"two stars do not", "Procfile web/ web/c.html web/x/ web/x/deep/ web/x/deep/c.html ", []string{"web/**/*.html"}, ""},
		{"a pattern within a kept folder", "Procfile assets/ assets/a.css assets/img/ assets/img/b.png ", []string{"assets", "assets/*.css"}, ""},
		{"the app's own folder", "Procfile docs/ docs/Procfile main.go assets/ assets/a.css assets/img/ assets/img/b.png web/ web/c.html web/d.txt web/x/ web/x/deep/ web/x/deep/c.html ", []string{"."}, ""},
		{"no regular expression", "Procfile ", []string{"main[.]go"}, "  warning: BP_KEEP_FILES has \"main[.]go\", which matches nothing\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := app(t, files)
			k, err := parseKeep(tt.patterns)
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			if err := removeSource(dir, k, tt.patterns, report.New(&log, report.Options{})); err != nil {
				t.Fatal(err)
			}
			left := map[string]bool{}
			for path := range kittest.Tree(t, dir) {
				left[path] = true
			}
			want := map[string]bool{}
			for path := range strings.FieldsSeq(tt.want) {
				want[path] = true
			}
			if diff := cmp.Diff(want, left); diff != "" {
				t.Errorf("what stays (-want +got):\n%s", diff)
			}
			if log.String() != tt.warning {
				t.Errorf("it says %q, want %q", log.String(), tt.warning)
			}
		})
	}
	_, err := parseKeep([]string{"../secret"})
	wantFault(t, "keep-outside", err)
}
