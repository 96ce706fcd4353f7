package golang

import (
	"path/filepath"
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
		"cmd/job/main.go": file("main", "func main() {}\n"),
	})
	mods, err := readModules(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	members, err := readMembers(dir, mods)
	if err != nil {
		t.Fatal(err)
	}
	f := newFinder(dir, members, "1.26.3", "amd64", nil)
	root := []string{".", "web", "local/pages"}
	for name, want := range map[string][]string{".": root, "./main.go": root, "./cmd/job": {"cmd/job"}} {
		var got []string
		for _, p := range f.linked([]target{{Package: name}}) {
			rel, err := filepath.Rel(dir, p.Dir)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
