package golang

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

const mainFile = "package main\n\nfunc main() { println() }\n"

// find selects the targets of an app. A file without content is a program's.
func find(t *testing.T, files map[string]string, tags []string, asked ...string) (selection, error) {
	t.Helper()
	for name, content := range files {
		if content == "" {
			files[name] = mainFile
		}
	}
	dir := app(t, files)
	mods, err := readModules(dir, nil)
	if err != nil {
		return selection{}, err
	}
	return newFinder(dir, mods.Members, "1.26.3", "amd64", tags).find(asked)
}

// summary writes targets as "package" or "package=binary", where the name is not the last element of the package, with a star
// for those that are built apart, and then what is left.
func summary(s selection) string {
	var words []string
	for _, t := range s.Targets {
		word := t.Package
		if path.Base(word) != t.Binary {
			word += "=" + t.Binary
		}
		if t.Apart {
			word += "*"
		}
		words = append(words, word)
	}
	if len(s.Left) > 0 {
		words = append(words, "without", strings.Join(s.Left, " "))
	}
	return strings.Join(words, " ")
}

// TestChoose has the shapes of modules that people publish: their names, and the folders of their programs. What is not built is after
// "without".
func TestChoose(t *testing.T) {
	t.Parallel()
	tests := []struct{ module, dirs, want string }{
		// The program at the root, alone.
		{"shop", ".", ".=shop"},
		{"shop", ". cmd/gendocs tools/x", ".=shop without ./cmd/gendocs ./tools/x"},
		{"shop/v2", ". cmd/shop", ".=shop without ./cmd/shop"},
		// Commands, the one of the module's name first.
		{"shop", "cmd/migrate cmd/shop", "./cmd/shop ./cmd/migrate"},
		{"shop/v3", "cmd/cli cmd/shop", "./cmd/shop ./cmd/cli"},
		{"go-shop", "cmd/admin cmd/shop", "./cmd/shop ./cmd/admin"},
		{"shop-go", "cmd/admin cmd/shop", "./cmd/shop ./cmd/admin"},
		{"Shop", "cmd/admin cmd/shop", "./cmd/shop ./cmd/admin"},
		{"shop", "cmd/admin cmd/shop-server", "./cmd/shop-server ./cmd/admin"},
		{"shop", "cmd/shop cmd/shopd", "./cmd/shopd ./cmd/shop"},
		{"shop", "cmd/shopc cmd/shops", "./cmd/shops ./cmd/shopc"},
		{"shop/server", "cmd/admin cmd/shop", "./cmd/shop ./cmd/admin"},
		{"shop", "cmd/shop cmd/web", "./cmd/web ./cmd/shop"},
		{"shop", "cmd/admin cmd/api cmd/worker", "./cmd/api ./cmd/admin ./cmd/worker"},
		{"shop", "cmd/admin cmd/server", "./cmd/server ./cmd/admin"},
		{"shop", "cmd/admin cmd/grpc-server", "./cmd/grpc-server ./cmd/admin"},
		{"shop", "cmd/addlicense cmd/cli cmd/seed-db cmd/worker", "./cmd/addlicense ./cmd/worker ./cmd/cli ./cmd/seed-db"},
		{"shop", "cmd/b cmd/a", "./cmd/a ./cmd/b"},
		{"shop", "cmd/a cmd/internal/gen cmd/a/plugin", "./cmd/a without ./cmd/a/plugin ./cmd/internal/gen"},
		// A program that is the folder cmd.
		{"shop", "cmd hack/gen", "./cmd without ./hack/gen"},
		{"shop", "cmd cmd/tool", "./cmd ./cmd/tool"},
		// A program elsewhere that has the module's name, or that of all commands.
		{"shop", "cmd/shop-migrate shop", "./shop without ./cmd/shop-migrate"},
		{"shop", "cmd/gen tool/shop tool/ctl", "./tool/shop without ./tool/ctl ./cmd/gen"},
		{"shop", "apps/shopd apps/shop_tail apps/to_shop", "./apps/shopd without ./apps/shop_tail ./apps/to_shop"},
		{"seashop", "cmd/shop-db cmd/shop-sql shop test/x", "./shop without ./cmd/shop-db ./cmd/shop-sql ./test/x"},
		{"shop", "cmd/tool examples/shop", "./cmd/tool without ./examples/shop"},
		{"shop", "cmd/tool worker", "./cmd/tool without ./worker"},
		// No command: the only one that is no aid, or the only server.
		{"shop", "examples/a", "./examples/a"},
		{"shop", "app examples/a scripts/gen test/load", "./app without ./examples/a ./scripts/gen ./test/load"},
		{"shop", "keygen server shop-db", "./server without ./keygen ./shop-db"},
		{"shop", "a b", "go-many-mains"},
		{"shop", "examples/a examples/b", "go-many-mains"},
		{"shop", "testdata vendor/x _old .hidden", "go-no-main"},
	}
	for _, tt := range tests {
		t.Run(tt.module+" "+tt.dirs, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"go.mod": "module example.test/" + tt.module + "\n"}
			for dir := range strings.FieldsSeq(tt.dirs) {
				files[path.Join(dir, "main.go")] = ""
			}
			checkFind(t, files, nil, nil, tt.want)
		})
	}
}

func checkFind(t *testing.T, files map[string]string, tags, asked []string, want string) {
	t.Helper()
	found, err := find(t, files, tags, asked...)
	got := summary(found)
	if f := (fault.Fault{}); errors.As(err, &f) {
		got = f.ID
	}
	if got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

// TestPrograms has files that are programs, and others that are not although they look like it.
func TestPrograms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		tags  []string
		want  string
	}{
		{"package main without func main", map[string]string{"generate.go": "package main\n\n//go:generate x\n", "cmd/a/a.go": ""}, nil,
			"./cmd/a"},
		{"a method main", map[string]string{"x.go": "package main\n\nfunc (x X) main() {}\n", "cmd/a/a.go": ""}, nil, "./cmd/a"},
		{"a func main for go generate", map[string]string{"generate.go": "package main\n\nfunc main() {}\n", "cmd/a/a.go": ""}, nil,
			"./cmd/a without ."},
		{"nothing but an empty func main", map[string]string{"main.go": "package main\n\nfunc main() {}\n"}, nil, ".=shop"},
		{"only tests", map[string]string{"main.go": "", "cmd/x/x_test.go": ""}, nil, ".=shop"},
		{"func main in a test", map[string]string{"x.go": "package main\n", "x_test.go": "", "cmd/a/a.go": ""}, nil, "./cmd/a"},
		{"files that are hidden", map[string]string{"_main.go": "", ".main.go": "", "cmd/a/a.go": ""}, nil, "./cmd/a"},
		{"no files but those that are hidden", map[string]string{"_main.go": "", ".main.go": ""}, nil, "go-no-main"},
		{"a folder named as a file", map[string]string{"main.go/main.go": "", "cmd/a/a.go": ""}, nil, "./cmd/a without ./main.go"},
		{"folders that go.mod ignores", map[string]string{
			"go.mod":        "module example.test/shop\n\nignore ./third\nignore (\n\tstatic\n\tweb/old/\n)\n",
			"third/main.go": "", "x/static/main.go": "", "static/main.go": "", "web/old/main.go": "", "x/web/old/main.go": "",
			"x/third/main.go": "",
		}, nil, "./x/third"},
		{"folders that go.mod ignores in a workspace", map[string]string{
			"go.work": "go 1.22\n\nuse ./api\n", "api/go.mod": "module example.test/api\n\nignore ./third\n\nignore static\n",
			"api/main.go": "", "api/third/main.go": "", "api/static/main.go": "", "api/x/third/main.go": "",
		}, nil, "./api without ./api/x/third"},
		{"a template of a package clause", map[string]string{"cmd/a/a.go": "", "cmd/t/main.go": "package {{ .Name }}\n\nfunc main() {}\n"}, nil,
			"./cmd/a"},
		{"a template of an import", map[string]string{"cmd/a/a.go": "", "cmd/t/t.go": "package main\n\nimport {{ .Path }}\n"}, nil, "./cmd/a"},
		{"a root that does not parse", map[string]string{"main.go": "packag main\n", "cmd/a/a.go": ""}, nil, "go-mod-syntax"},
		{"a command that does not parse", map[string]string{"cmd/a/a.go": "package main\n\nfunc main() {\n"}, nil, "./cmd/a"},
		{"a file that does not parse beside func main", map[string]string{"main.go": "", "help.go": "package main\n\nfunc help( {\n"}, nil,
			".=shop"},
		{"another module", map[string]string{"main.go": "", "cmd/go.mod": "module example.test/tools\n", "cmd/a/a.go": ""}, nil, ".=shop"},
		{"a tag", map[string]string{"main.go": "//go:build special\n\n" + mainFile}, []string{"special"}, ".=shop"},
		{"a tag that is missing", map[string]string{"main.go": "//go:build special\n\n" + mainFile}, nil, "go-excluded"},
		{"a release", map[string]string{"main.go": "//go:build go1.26\n\n" + mainFile}, nil, ".=shop"},
		{"another system by its name", map[string]string{"main_windows.go": ""}, nil, "go-excluded"},
		{"cgo only", map[string]string{"main.go": "//go:build cgo\n\n" + mainFile}, nil, ".=shop"},
		{"with and without cgo", map[string]string{"a.go": "//go:build cgo\n\n" + mainFile, "b.go": "//go:build !cgo\n\n" + mainFile}, nil,
			".=shop"},
		{"two func main", map[string]string{"a.go": "", "b.go": ""}, nil, "go-several-main"},
		{"a major version is no name", map[string]string{"go.mod": "module example.test/shop/v2\n", "cmd/v3/main.go": ""}, nil, "./cmd/v3=cmd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.files["go.mod"] == "" {
				tt.files["go.mod"] = goMod
			}
			checkFind(t, tt.files, tt.tags, nil, tt.want)
		})
	}
}

// TestLinks has Go files that are links: one into the app, and one out of it.
func TestLinks(t *testing.T) {
	t.Parallel()
	outside := app(t, map[string]string{"main.go": mainFile})
	dir := app(t, map[string]string{"go.mod": goMod, "src/run": mainFile, "cmd/in/README": "", "cmd/out/README": ""})
	for name, to := range map[string]string{"cmd/in/main.go": "../../src/run", "cmd/out/main.go": filepath.Join(outside, "main.go")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := newFinder(dir, []member{{Dir: ".", Path: "example.test/shop"}}, "1.26.3", "amd64", nil).find(nil)
	if got := summary(found); err != nil || got != "./cmd/in" {
		t.Errorf("got %q (%v), want the link into the app alone", got, err)
	}
}

// TestAsked names targets.
func TestAsked(t *testing.T) {
	t.Parallel()
	shop := func() map[string]string {
		return map[string]string{
			"go.mod": goMod, "main.go": "", "cmd/api/main.go": "", "cmd/job/main.go": "", "cmd/job/help.go": "package main\n",
			"cmd/lib/lib.go": "package lib\n", "tools/gen/main.go": "", "scripts/a.go": "", "scripts/b.go": "",
			"run.go": "//go:build ignore\n\n" + mainFile, "nested/go.mod": "module example.test/nested\n", "nested/main.go": "",
			"internal/testdata/main.go": "", "vendor/x/main.go": "", "_old/main.go": "", "empty/x_windows.go": "package empty\n",
			"win/main_windows.go": "",
		}
	}
	tests := []struct{ asked, want string }{
		{"./cmd/job . cmd/job/", "./cmd/job .=shop"},
		{"./tools/...", "./tools/gen"},
		{"./cmd/...", "./cmd/api ./cmd/job"},
		{"./cmd/job/main.go ./cmd/api/main.go", "./cmd/job ./cmd/api"},
		{"main.go", ".=shop"},
		{"run.go", "./run.go=run*"},
		{"scripts/a.go scripts/b.go", "./scripts/a.go=a* ./scripts/b.go=b*"},
		{"./tools/gen/main.go", "./tools/gen"},
		{"example.test/shop example.test/shop/cmd/api", ".=shop ./cmd/api"},
		{"example.test/shop/tools/...", "./tools/gen"},
		{"testdata/...", "go-target-missing"},
		{"scripts", "go-several-main"},
		{"cmd/job/help.go", "go-target-not-main"},
		{"cmd/lib", "go-target-not-main"},
		{"go.mod", "go-target-not-main"},
		{"cmd/lib/...", "go-no-main"},
		{"cmd/absent.go", "go-target-missing"},
		{"empty", "go-target-empty"},
		{"win", "go-excluded"},
		{"nested", "go-target-nested"},
		{"nested/main.go", "go-target-nested"},
		{"../x", "go-target-outside"},
		{"/etc", "go-target-outside"},
		{"example.test/other", "go-target-missing"},
	}
	for _, tt := range tests {
		t.Run(tt.asked, func(t *testing.T) {
			t.Parallel()
			checkFind(t, shop(), nil, strings.Fields(tt.asked), tt.want)
		})
	}
}

// TestAskedFolder has a folder with the name of the module: a target is a folder where there is one.
func TestAskedFolder(t *testing.T) {
	t.Parallel()
	files := map[string]string{"go.mod": "module shop\n", "main.go": "", "shop/main.go": "", "cmd/a/main.go": ""}
	checkFind(t, files, nil, []string{"shop", "./shop", "shop/cmd/a"}, "./shop ./cmd/a")
}

// TestWorkspace selects the programs of workspaces.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	tests := []struct{ modules, dirs, want string }{
		{"api worker", "api worker", "./api ./worker"},
		{"worker api", "api worker", "./api ./worker"},
		{"api worker", "api/cmd/server worker/cmd/server", "./api/cmd/server=api-server* ./worker/cmd/server=worker-server*"},
		{"api lib", "api lib/examples/x", "./api without ./lib/examples/x"},
		{". tools", ". tools/cmd/gen", ".=shop without ./tools/cmd/gen"},
		{". tools", "cmd/shop tools/cmd/gen", "./cmd/shop ./tools/cmd/gen"},
	}
	for _, tt := range tests {
		t.Run(tt.modules+" "+tt.dirs, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"go.work": "go 1.22\n"}
			for dir := range strings.FieldsSeq(tt.modules) {
				files["go.work"] += "\nuse ./" + dir + "\n"
				files[path.Join(dir, "go.mod")] = "module " + path.Join("example.test/shop", dir) + "\n"
			}
			for dir := range strings.FieldsSeq(tt.dirs) {
				files[path.Join(dir, "main.go")] = ""
			}
			checkFind(t, files, nil, nil, tt.want)
		})
	}
}

func TestFindRefuses(t *testing.T) {
	t.Parallel()
	main := func(names ...string) map[string]string {
		files := map[string]string{"go.mod": goMod, "lib.go": "package shop\n"}
		for _, name := range names {
			files[name] = ""
		}
		return files
	}
	with := func(files map[string]string, name, content string) map[string]string {
		files[name] = content
		return files
	}
	nested := with(main("cmd/a/main.go", "cmd/b/main.go", "sdk/x/main.go"), "cmd/a/go.mod", "module example.test/a\n")
	nested["cmd/b/go.mod"], nested["sdk/go.mod"] = "module example.test/b\n", "module example.test/sdk\n"
	tests := []struct {
		name  string
		files map[string]string
		asked []string
	}{
		{"no-main", main(), nil},
		{"no-main-in-pattern", main(), []string{"./..."}},
		{"many-mains", main("a/main.go", "b/main.go"), nil},
		{"main-nested", nested, nil},
		{"several-main", main("cmd/x/a.go", "cmd/x/b.go"), nil},
		{"syntax", with(main(), "lib.go", "packag shop\n"), nil},
		{"excluded-tag", with(main(), "main.go", "// Command shop.\n\n//go:build linux && (prod || staging) && !debug\n\n"+mainFile), nil},
		{"excluded-ignore", with(main(), "main.go", "//go:build ignore\n\n"+mainFile), nil},
		{"excluded-system", with(main(), "main.go", "//go:build windows || prod && darwin\n\n"+mainFile), nil},
		{"excluded-name", main("win/main_windows.go"), nil},
		{"target-missing", main(), []string{"./cmd/api"}},
		{"target-missing-in-pattern", main(), []string{"./absent/..."}},
		{"target-not-main", main(), []string{"."}},
		{"target-no-main", with(main(), "cmd/x/x.go", "package main\n"), []string{"./cmd/x"}},
		{"target-empty", main("other/README.md"), []string{"./other"}},
		{"target-outside", main(), []string{"../x"}},
		{"target-absolute", main(), []string{"/etc"}},
		{"target-nested", nested, []string{"./cmd/a"}},
		{"target-file", main("main.go"), []string{"./lib.go"}},
		{"target-twice", main("cmd/a/main.go", "tools/a/main.go"), []string{"./cmd/a", "./tools/a"}},
	}
	for _, tt := range tests {
		_, err := find(t, tt.files, nil, tt.asked...)
		wantFault(t, tt.name, err)
	}
}
