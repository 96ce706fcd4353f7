package golang

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mainFile = "package main\n\nfunc main() {}\n"

// find looks for the targets of an app with one module at its root.
func find(t *testing.T, files map[string]string, tags []string, asked ...string) ([]target, error) {
	t.Helper()
	dir := app(t, files)
	mods, err := readModules(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return newFinder(dir, mods, "1.26.3", "amd64", tags).find(asked)
}

func TestFind(t *testing.T) {
	t.Parallel()
	shop := map[string]string{
		"go.mod": goMod, "main.go": mainFile, "cmd/api/main.go": mainFile, "cmd/job/main.go": mainFile, "cmd/lib/lib.go": "package lib\n",
		"tools/gen/main.go": mainFile, "cmd/nested/go.mod": "module example.test/nested\n", "cmd/nested/main.go": mainFile,
		"internal/testdata/main.go": mainFile, "vendor/x/main.go": mainFile, "_old/main.go": mainFile,
	}
	tests := []struct {
		name  string
		files map[string]string
		tags  []string
		asked []string
		want  []target
	}{
		{"root and commands", shop, nil, nil, []target{{".", "shop"}, {"./cmd/api", "api"}, {"./cmd/job", "job"}}},
		{"asked, in that order, once each", shop, nil, []string{"./cmd/job", ".", "cmd/job/"}, []target{{"./cmd/job", "job"}, {".", "shop"}}},
		{"a pattern", shop, nil, []string{"./tools/..."}, []target{{"./tools/gen", "gen"}}},
		{"the pattern of all", shop, nil, []string{"./..."},
			[]target{{".", "shop"}, {"./cmd/api", "api"}, {"./cmd/job", "job"}, {"./tools/gen", "gen"}}},
		{"the only one elsewhere", map[string]string{"go.mod": goMod, "lib.go": "package shop\n", "server/main.go": mainFile}, nil, nil,
			[]target{{"./server", "server"}}},
		{"a major version is no name", map[string]string{"go.mod": "module example.test/shop/v2\n", "main.go": mainFile,
			"cmd/v3/main.go": mainFile}, nil, nil, []target{{".", "shop"}, {"./cmd/v3", "cmd"}}},
		{"files beside commands", map[string]string{"go.mod": goMod, "cmd/README.md": "", "cmd/api/main.go": mainFile}, nil, nil,
			[]target{{"./cmd/api", "api"}}},
		{"commands of another module", map[string]string{"go.mod": goMod, "main.go": mainFile,
			"cmd/go.mod": "module example.test/tools\n", "cmd/api/main.go": mainFile}, nil, nil, []target{{".", "shop"}}},
		{"a tag", map[string]string{"go.mod": goMod, "main.go": "//go:build special\n\n" + mainFile}, []string{"special"}, nil,
			[]target{{".", "shop"}}},
		{"a Go release", map[string]string{"go.mod": goMod, "main.go": "//go:build go1.26\n\n" + mainFile}, nil, nil, []target{{".", "shop"}}},
		{"a file", map[string]string{"go.mod": goMod, "run.go": "//go:build ignore\n\n" + mainFile}, nil, []string{"./run.go"},
			[]target{{"./run.go", "run"}}},
		{"cgo only", map[string]string{"go.mod": goMod, "main.go": "package main\n\nimport \"C\"\n\nfunc main() {}\n"}, nil, nil,
			[]target{{".", "shop"}}},
		{"what does not parse", map[string]string{"go.mod": goMod, "main.go": "packag main\n"}, nil, nil, []target{{".", "shop"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := find(t, tt.files, tt.tags, tt.asked...)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("(-want +got): %v\n%s", err, diff)
			}
		})
	}
}

func TestFindRefuses(t *testing.T) {
	t.Parallel()
	lib := map[string]string{"go.mod": goMod, "lib.go": "package shop\n", "other/win_windows.go": mainFile}
	mains := map[string]string{"go.mod": goMod, "a/main.go": mainFile, "b/main.go": mainFile}
	twice := map[string]string{"go.mod": goMod, "cmd/a/main.go": mainFile, "tools/a/main.go": mainFile}
	tests := []struct {
		name  string
		files map[string]string
		asked []string
	}{
		{"no-main", lib, nil},
		{"no-main-in-pattern", lib, []string{"./..."}},
		{"many-mains", mains, nil},
		{"target-missing", mains, []string{"./cmd/api"}},
		{"target-missing-in-pattern", mains, []string{"./absent/..."}},
		{"target-not-main", lib, []string{"."}},
		{"target-empty", lib, []string{"./other"}},
		{"target-outside", lib, []string{"../x"}},
		{"target-absolute", lib, []string{"/etc"}},
		{"target-twice", twice, []string{"./cmd/a", "./tools/a"}},
	}
	for _, tt := range tests {
		_, err := find(t, tt.files, nil, tt.asked...)
		wantFault(t, tt.name, err)
	}
}
