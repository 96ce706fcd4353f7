package golang

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLinked follows the imports of programs as far as the app has them.
func TestLinked(t *testing.T) {
	t.Parallel()
	file := func(name string, imports string) string { return "package " + name + "\n\n" + imports }
	dir := app(t, map[string]string{
		"go.mod":       "module example.test/shop\n\nrequire example.test/local v1.0.0\n\nreplace example.test/local => ./local\n",
		"main.go":      file("main", "import (\n\t\"/etc\"\n\t\"../x\"\n\t\"example.test/shop/web\"\n)\n\nfunc main() {}\n"),
		"web/web.go":   file("web", "import \"example.test/local/pages\"\n"),
		"main_test.go": file("main", "import \"example.test/shop/tested\"\n"), "tested/t.go": file("tested", ""),
		"local/go.mod": "module example.test/local\n", "local/pages/p.go": file("pages", "import \"example.test/other\"\n"),
		"cmd/job/main.go":   file("main", "func main() {}\n"),
		"folder.go/main.go": file("main", "func main() {}\n"),
		"run.go":            "//go:build ignore\n\n" + file("main", "import \"example.test/shop/tested\"\n\nfunc main() {}\n"),
		"tools/gen.go":      "//go:build ignore\n\n" + file("main", "import \"example.test/shop/web\"\n\nfunc main() {}\n"),
	})
	mods, err := readModules(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newFinder(dir, mods.Members, "1.26.3", "amd64", nil)
	root := []string{".: main.go", "web: web.go", "local/pages: p.go"}
	for name, want := range map[string][]string{
		".": root, "./main.go": root, "./cmd/job": {"cmd/job: main.go"}, "./run.go": {".: run.go", "tested: t.go"},
		"./folder.go": {"folder.go: main.go"}, "./tools/gen.go": {"tools: gen.go", "web: web.go", "local/pages: p.go"},
	} {
		var got []string
		for _, p := range f.linked([]target{{Package: name}}) {
			rel, err := filepath.Rel(dir, p.Dir)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel+": "+strings.Join(p.GoFiles, " "))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestReplaced has the folders that a build takes instead of modules, by the versions that are required.
func TestReplaced(t *testing.T) {
	t.Parallel()
	const lib = "module example.test/shop\n\nrequire example.test/lib v1.2.0\n\nreplace example.test/lib "
	tests := []struct{ name, mod, work, want string }{
		{"all versions", lib + "=> ./a\n", "", "a"},
		{"this version", lib + "v1.2.0 => ./a\n", "", "a"},
		{"this version before all", lib + "v1.2.0 => ./a\n\nreplace example.test/lib => ./b\n", "", "a"},
		{"another version", lib + "v1.1.0 => ./a\n", "", ""},
		{"another module", lib + "=> example.test/fork v1.0.0\n", "", ""},
		{"a workspace", goMod, "go 1.22\n\nuse .\n\nreplace example.test/lib => ./a\n", "a"},
		{"a workspace instead of a module", lib + "=> ./b\n", "go 1.22\n\nuse .\n\nreplace example.test/lib => ./a\n", "a"},
		{"another version of a workspace", goMod, "go 1.22\n\nuse .\n\nreplace example.test/lib v1.1.0 => ./a\n", ""},
	}
	for _, tt := range tests {
		files := map[string]string{"go.mod": tt.mod, "a/go.mod": "module example.test/lib\n", "b/go.mod": "module example.test/lib\n"}
		if tt.work != "" {
			files["go.work"] = tt.work
		}
		mods, err := readModules(app(t, files), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := newFinder("", mods.Members, "1.26.3", "amd64", nil).roots()["example.test/lib"]; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
