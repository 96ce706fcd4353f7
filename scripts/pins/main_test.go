package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestSources has a source for every file of the repository that pins something.
func TestSources(t *testing.T) {
	const root = "../.."
	sources, err := sourcesOf(root)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, s := range sources {
		for _, file := range s.files {
			rel, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			found[rel] = true
		}
	}
	files, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skipf("this is no checkout: %v", err)
	}
	pins, seen := regexp.MustCompile(`(^|/)(go\.mod|lock(-[^/]*)?\.toml)$`), 0
	for name := range strings.FieldsSeq(string(files)) {
		if !pins.MatchString(name) || strings.Contains(name, "testdata/") {
			continue
		}
		seen++
		if !found[name] {
			t.Errorf("no source has %s", name)
		}
	}
	if seen != len(found) {
		t.Errorf("the repository has %d files that pin something, the sources have %d", seen, len(found))
	}
}

// TestModules has the modules of a go.mod that somebody chose, the toolchain's line among them.
func TestModules(t *testing.T) {
	t.Chdir(t.TempDir())
	kittest.Write(t, ".", map[string]string{"go.mod": `module example.test/m

go 1.26

toolchain go1.26.8

tool example.test/tool/v2/cmd/it

require example.test/direct v1.0.0

require (
	example.test/indirect v1.0.0 // indirect
	example.test/tool/v2 v2.1.0 // indirect
)
`})
	s, err := modulesOf("go.mod")
	want := []string{"example.test/direct", "example.test/tool/v2", "toolchain"}
	if err != nil || !slices.Equal(s.names, want) {
		t.Errorf("%v, %q, want %q", err, s.names, want)
	}
}

func TestTable(t *testing.T) {
	var moved []string
	of := func(name string, err error, pins ...pin) source {
		return source{
			names: []string{name, "both"}, files: []string{"file of " + name},
			ask: func(context.Context) ([]pin, error) { return pins, err },
			move: func(_ context.Context, _ io.Writer, names []string) error {
				moved = append(moved, name+": "+strings.Join(names, " "))
				return nil
			},
		}
	}
	fine := of("a", nil, pin{name: "a", pinned: "1", newest: "1", where: "file of a"})
	old := of("b", nil, pin{name: "b", pinned: "1", newest: "2", where: "file of b", behind: true})
	const why = "\nnot known: c in file of c: no answer\n"
	silent := of("c", errors.New("no answer"))
	const head, one, two = "NAME  PINNED  NEWEST  WHERE\n", "a     1       -       file of a\n", "b     1       2       file of b\n"
	const wide, none = "NAME  PINNED  NEWEST     WHERE\n", "c     -       not known  file of c\n"
	for _, tt := range []struct {
		sources []source
		behind  bool
		unknown bool
		table   string
	}{
		{[]source{fine}, false, false, head + one},
		{[]source{fine, old}, true, false, head + one + two},
		{[]source{silent, old}, true, true, wide + none + "b     1       2          file of b\n" + why},
		{[]source{silent}, false, true, wide + none + why},
	} {
		var out strings.Builder
		behind, err := show(t.Context(), &out, tt.sources)
		if behind != tt.behind || (err != nil) != tt.unknown || out.String() != tt.table {
			t.Errorf("%t, %v and\n%swant\n%s", behind, err, out.String(), tt.table)
		}
	}
	for names, want := range map[string]string{"": "a: a both, b: b both", "b": "b: b", "both": "a: both, b: both"} {
		moved = nil
		err := move(t.Context(), t.Output(), []source{fine, old}, strings.Fields(names))
		if got := strings.Join(moved, ", "); err != nil || got != want {
			t.Errorf("move %q: %v, %s, want %s", names, err, got, want)
		}
	}
	if err := move(t.Context(), t.Output(), []source{fine}, []string{"a", "d"}); !errors.As(err, new(fault.Fault)) || len(moved) > 2 {
		t.Errorf("got %v for a name that there is not", err)
	}
}
