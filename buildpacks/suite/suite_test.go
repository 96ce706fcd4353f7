package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
)

const (
	root = "../.." // of the Go module
	ours = "github.com/strata-buildpacks/strata/"
)

// buildpackFile is what the tests read of a buildpack.toml.
type buildpackFile struct {
	API       string
	Buildpack struct {
		ID, Name, Version, Description string
		Formats                        []string `toml:"sbom-formats"`
	}
	Targets []struct{ OS, Arch string }
	Order   []group // of a composite
}

type group struct{ Group []module }

type module struct{ ID, URI string }

func buildpackFiles(t *testing.T) map[string]buildpackFile {
	t.Helper()
	paths, err := filepath.Glob(root + "/buildpacks/*/buildpack.toml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]buildpackFile{}
	for _, p := range paths {
		var file buildpackFile
		if _, err := toml.DecodeFile(p, &file); err != nil {
			t.Fatal(err)
		}
		files[p] = file
	}
	return files
}

// TestTable holds the table, the buildpack.toml files, builder.toml and the orders of composites to the same buildpacks.
func TestTable(t *testing.T) {
	t.Parallel()
	var builder struct {
		Buildpacks []module
		Order      []group
	}
	if _, err := toml.DecodeFile(root+"/builder.toml", &builder); err != nil {
		t.Fatal(err)
	}
	var files, programs []string
	listed := map[string]bool{}
	ordered := map[string]bool{}
	add := func(order []group) {
		for _, o := range order {
			for _, one := range o.Group {
				ordered[one.ID] = true
			}
		}
	}
	add(builder.Order)
	for _, one := range builder.Buildpacks {
		listed[one.URI] = true
	}
	for p, file := range buildpackFiles(t) {
		files = append(files, file.Buildpack.ID)
		add(file.Order)
		if len(file.Order) == 0 {
			programs = append(programs, file.Buildpack.ID)
		} else if uri := "buildpacks/" + path.Base(path.Dir(p)); !listed[uri] {
			t.Errorf("builder.toml has no [[buildpacks]] with the uri %s", uri)
		}
	}
	slices.Sort(files)
	slices.Sort(programs)

	var rows []string
	for _, b := range table() {
		rows = append(rows, b.ID)
	}
	if diff := gocmp.Diff(programs, rows); diff != "" {
		t.Errorf("table (-buildpack.toml files +table):\n%s", diff)
	}
	if diff := gocmp.Diff(files, slices.Sorted(maps.Keys(ordered))); diff != "" {
		t.Errorf("orders (-buildpack.toml files +orders):\n%s", diff)
	}
}

// TestLanguages holds the order's end: an app of another language may have a package.json, and any app an index.html.
func TestLanguages(t *testing.T) {
	t.Parallel()
	order := buildpackFiles(t)[root+"/buildpacks/languages/buildpack.toml"].Order
	want := []group{
		{[]module{{ID: "strata/front-end"}, {ID: "strata/web"}}},
		{[]module{{ID: "strata/node"}}},
		{[]module{{ID: "strata/web"}}},
	}
	if diff := gocmp.Diff(want, order[max(0, len(order)-len(want)):]); diff != "" {
		t.Errorf("last entries of strata/languages (-want +got):\n%s", diff)
	}
}

func TestBuildpackFiles(t *testing.T) {
	t.Parallel()
	for p, file := range buildpackFiles(t) {
		t.Run(path.Base(path.Dir(p)), func(t *testing.T) {
			t.Parallel()
			want := file
			want.API = "0.10"
			want.Buildpack.Version = "0.1.0" // the suite is released as one
			if len(file.Order) == 0 {
				want.Buildpack.Formats = []string{"application/vnd.cyclonedx+json", "application/spdx+json"}
				want.Targets = []struct{ OS, Arch string }{{"linux", "amd64"}, {"linux", "arm64"}}
			}
			if diff := gocmp.Diff(want, file); diff != "" {
				t.Errorf("%s (-want +got):\n%s", p, diff)
			}
			if file.Buildpack.Name == "" || file.Buildpack.Description == "" {
				t.Errorf("%s has no name or no description", p)
			}
			// golang is named as Go's users search for it.
			if folder, id := path.Base(path.Dir(p)), path.Base(file.Buildpack.ID); folder != id && folder != "golang" {
				t.Errorf("%s has the id %s; its folder is called %s, not %s", p, file.Buildpack.ID, id, folder)
			}
		})
	}
}

// TestReadmes holds the table of variables in each README to what its buildpack.toml declares.
func TestReadmes(t *testing.T) {
	t.Parallel()
	for p := range buildpackFiles(t) {
		variables, err := config.Declared(p)
		if err != nil {
			t.Fatal(err)
		}
		readme, err := os.ReadFile(filepath.Join(filepath.Dir(p), "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range variables {
			row := "| `" + v.Name + "` | "
			switch {
			case !strings.Contains(string(readme), row):
				t.Errorf("README beside %s has no row %q", p, row)
			case !strings.Contains(string(readme), v.Description):
				t.Errorf("README beside %s describes %s otherwise than %q", p, v.Name, v.Description)
			case !v.Build && !v.Launch:
				t.Errorf("%s: %s is read neither at build nor at launch", p, v.Name)
			}
		}
	}
}

// TestSize holds the binary that every builder image has to its budget. Of what there is, net/http with TLS are 3.2 MB, the
// texts of licensecheck 3.6 MB (0.5 MB compressed), reading Debian's packages 0.5 MB, and a compressor 0.1 MB; all buildpacks share them.
func TestSize(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("links the suite")
	}
	const budget = 15_000_000
	suite := filepath.Join(t.TempDir(), "suite")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", suite, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(suite)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > budget {
		t.Errorf("suite has %d bytes, budget is %d", info.Size(), budget)
	}
}

// TestImports holds the direction of imports: suite -> buildpacks -> kit, and libcnb and libpak behind kit/bp.
func TestImports(t *testing.T) {
	t.Parallel()
	seen := 0
	err := fs.WalkDir(os.DirFS(root), "buildpacks", func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == "testdata" {
			return fs.SkipDir
		}
		if entry.IsDir() || path.Ext(p) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, p), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			seen++
			if why := banned(path.Dir(p), imported); why != "" {
				t.Errorf("%s imports %s: %s", p, imported, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("no imports found")
	}
}

// banned returns why the package in the folder from may not import a path, "" if it may.
func banned(from, imported string) string {
	if strings.HasPrefix(imported, "github.com/buildpacks/libcnb") || strings.Contains(imported, "/libpak") {
		if from != "buildpacks/kit/bp" {
			return "only kit/bp does"
		}
		return ""
	}
	own, ok := strings.CutPrefix(imported, ours)
	if !ok || strings.HasPrefix(own, "buildpacks/kit/") || from == "buildpacks/suite" || room(own) == room(from) {
		return ""
	}
	if strings.HasPrefix(from, "buildpacks/kit/") {
		return "kit imports nothing of ours outside kit"
	}
	return "buildpacks import nothing of ours but kit"
}

// room returns the folder of the buildpack that a package is part of. A package of kit is a room of its own.
func room(folder string) string {
	parts := strings.SplitN(folder, "/", 3)
	if len(parts) < 3 || parts[1] == "kit" {
		return folder
	}
	return path.Join(parts[:2]...)
}

func TestBanned(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, imported string
		banned         bool
	}{
		{"buildpacks/kit/bp", "github.com/buildpacks/libcnb/v2", false},
		{"buildpacks/kit/layer", "github.com/buildpacks/libcnb/v2", true},
		{"buildpacks/golang", "github.com/paketo-buildpacks/libpak/v2/bindings", true},
		{"buildpacks/golang", ours + "buildpacks/kit/bp", false},
		{"buildpacks/golang", ours + "buildpacks/procfile", true},
		{"buildpacks/procfile", ours + "buildpacks/procfile", false},
		{"buildpacks/web/serve", ours + "buildpacks/web", false},
		{"buildpacks/web/serve", ours + "buildpacks/node", true},
		{"buildpacks/node", ours + "buildpacks/node/project", false},
		{"buildpacks/golang", ours + "buildpacks/node/project", true},
		{"buildpacks/kit/bp", ours + "builder/compose", true},
		{"buildpacks/suite", ours + "buildpacks/golang", false},
	}
	for _, test := range tests {
		if got := banned(test.from, test.imported); (got != "") != test.banned {
			t.Errorf("%s imports %s: got %q, want banned=%t", test.from, test.imported, got, test.banned)
		}
	}
}
