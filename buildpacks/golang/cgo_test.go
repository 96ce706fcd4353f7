package golang

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// TestNeedsCgo tells packages that need cgo from those that merely can use it.
func TestNeedsCgo(t *testing.T) {
	t.Parallel()
	const c = "package p\n\nimport \"C\"\n\n"
	tests := []struct {
		name    string
		files   map[string]string
		suspect bool
		needs   string
	}{
		{"pure Go", map[string]string{"p.go": "package p\n\nfunc F() {}\n"}, false, ""},
		{"nothing without it", map[string]string{"p.go": c + "func F() {}\n"}, false, "all its files are excluded without it"},
		{"a stub without it", map[string]string{"p.go": c + "type T int\n\nfunc (*T) Open() {}\n",
			"stub.go": "//go:build !cgo\n\npackage p\n\ntype T int\n"}, false, "T.Open is missing without it"},
		{"a second implementation", map[string]string{"p.go": c + "func F() {}\n",
			"pure.go": "//go:build !cgo\n\npackage p\n\nfunc F() {}\n"}, true, ""},
		{"for another system", map[string]string{"p.go": "//go:build darwin\n\n" + c, "q.go": "package p\n"}, false, ""},
		{"generic receiver", map[string]string{"p.go": c + "type T[K any] struct{}\n\nfunc (t *T[K]) F() {}\n",
			"pure.go": "//go:build !cgo\n\npackage p\n\ntype T[K any] struct{}\n\nfunc (t T[K]) F() {}\n"}, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := app(t, tt.files)
			f := newFinder(dir, []member{{Dir: "."}}, "1.26.3", "amd64", nil)
			p := listed{ImportPath: "example.test/p", Dir: dir}
			matches, err := filepath.Glob(filepath.Join(dir, "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range matches {
				p.IgnoredGoFiles = append(p.IgnoredGoFiles, filepath.Base(file))
			}
			if tt.needs != "" {
				tt.needs = "package example.test/p needs cgo (p.go): " + tt.needs
			}
			needs, suspect := f.needsCgo(p)
			if needs != tt.needs || suspect != tt.suspect {
				t.Errorf("got %q, %t, want %q, %t", needs, suspect, tt.needs, tt.suspect)
			}
		})
	}
}

// TestExplainCgo blames the package that does not compile, not another one that may need cgo.
func TestExplainCgo(t *testing.T) {
	t.Parallel()
	lines := []string{"# example.test/a", "../a/a.go:1:1: undefined: x", "example.test/b is not in std"}
	for _, tt := range []struct {
		suspects []string
		want     string
	}{{[]string{"example.test/b", "example.test/a"}, "go-cgo"}, {[]string{"example.test/b"}, "go-build"}} {
		err := (&compiler{suspects: tt.suspects}).explain(t.Context(), &command.Error{Tail: lines, Err: errors.New("exit status 1")})
		if f := (fault.Fault{}); !errors.As(err, &f) || f.ID != tt.want {
			t.Errorf("%q: got %v, want %s", tt.suspects, err, tt.want)
		}
	}
}

func TestOwn(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]bool{
		"/app": true, "/app/drv": true, "/app/vendor/example.test/drv": false, "/apps": false, "/cache/mod/example.test/drv@v1.0.0": false,
	} {
		if got := (listed{Dir: dir}).own("/app"); got != want {
			t.Errorf("%s: %t, want %t", dir, got, want)
		}
	}
}
