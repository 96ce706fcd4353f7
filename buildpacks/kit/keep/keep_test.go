package keep_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
)

func TestClear(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"main.go": "", "Procfile": "", "assets/a.css": "", "assets/img/b.png": "", "web/x/deep/c.html": "", "web/c.html": "",
		"web/d.txt": "", "docs/Procfile": "", "odd/a\nb": "", "odd/c/d\ne": "",
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
		{"the app's own folder", "Procfile odd/ odd/a\nb odd/c/ odd/c/d\ne docs/ docs/Procfile main.go " +
			"assets/ assets/a.css assets/img/ assets/img/b.png web/ web/c.html web/d.txt web/x/ web/x/deep/ web/x/deep/c.html ",
			[]string{"."}, ""},
		{"a line break in a name", "Procfile odd/ odd/a\nb odd/c/ odd/c/d\ne ", []string{"odd/**"}, ""},
		{"no regular expression", "Procfile ", []string{"main[.]go"}, "  warning: BP_KEEP_FILES has \"main[.]go\", which matches nothing\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			kittest.Write(t, dir, files)
			patterns, err := keep.Parse(tt.patterns)
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			if err := patterns.Clear(dir, report.New(&log, report.Options{}), "Procfile"); err != nil {
				t.Fatal(err)
			}
			left := map[string]bool{}
			for path := range kittest.Tree(t, dir) {
				left[path] = true
			}
			want := map[string]bool{}
			for path := range strings.SplitSeq(strings.TrimSuffix(tt.want, " "), " ") {
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
}

func TestParse(t *testing.T) {
	t.Parallel()
	_, err := keep.Parse([]string{"assets/*", "../secret"})
	if !errors.As(err, new(fault.Fault)) {
		t.Fatalf("got %v, want a fault", err)
	}
	kittest.Golden(t, "outside.txt", err.Error()+"\n")
}
