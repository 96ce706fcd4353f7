package missing_test

import (
	"go/build"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/golang/missing"
	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestMissing looks for the files that a program reads when it runs.
func TestMissing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		code string // of main.go, after the package clause
		want []string
	}{
		// What reads files.
		{"glob and folder", `var pages = template.Must(template.ParseGlob("templates/*.html"))
			func main() { http.Handle("/static/", http.StripPrefix("/static/", http.FileServer(http.Dir("static")))) }`,
			[]string{"templates/**", "static/**"}},
		{"a router's methods",
			`func main() { r.LoadHTMLGlob("templates/**/*"); r.Static("/assets", "./static"); r.StaticFile("/i", "./index.html") }`,
			[]string{"templates/**", "static/**", "index.html"}},
		{"file", `func main() { os.ReadFile("config.json"); tls.LoadX509KeyPair("certs/tls.crt", "certs/tls.key") }`,
			[]string{"config.json", "certs/tls.crt", "certs/tls.key"}},
		{"path of parts", `func read(name string) { os.ReadFile(filepath.Join("config", name)) }`, []string{"config/**"}},
		{"path below something", `func main() { wd, _ := os.Getwd(); http.Dir(filepath.Join(wd, "static")) }`, []string{"static/**"}},
		{"sum", `func read(name string) { template.ParseFiles("templates/" + name + ".html") }`, []string{"templates/**"}},
		{"sum below something", `func read(dir string) { os.ReadFile(dir + "/config.json") }`, []string{"config.json"}},
		{"format", `func read(name string) { template.ParseFiles(fmt.Sprintf("templates/%s.html", name)) }`, []string{"templates/**"}},
		{"constant", `const dir = "static"
			func main() { http.Dir(dir) }`, []string{"static/**"}},
		{"flag", `var where = flag.String("where", "static", "what is served")
			func main() { http.Dir(*where) }`, []string{"static/**"}},
		{"parameter", `func serve(where string) { os.DirFS(where) }
			func main() { serve("static") }`, []string{"static/**"}},
		{"parameter of another package", `func main() { web.Serve("static") }`, []string{"static/**"}},
		{"variable of the environment", `func main() { x := env("WHERE", "static"); os.DirFS(x) }`, []string{"static/**"}},
		{"field", `var m = sql.FileMigrationSource{Dir: "migrations"}`, []string{"migrations/**"}},
		{"tag", "type c struct { Pages string `env:\"PAGES\" envDefault:\"./static\"` }", []string{"static/**"}},
		{"URL of a file", `func main() { migrate.New("file://migrations", url) }`, []string{"migrations/**"}},
		{"the app's folder", `func main() { http.FileServer(http.Dir(".")) }`,
			[]string{"certs/**", "config/**", "config.json", "docs/**", "index.html", "migrations/**", "mixed/**", "static/**",
				"templates/**"}},
		{"pattern in the app's folder", `func main() { template.ParseGlob("*.html") }`, []string{"*.html"}},
		// What does not.
		{"words", `func main() { log.Print("static", "config", "docs"); flag.String("config", "", "templates") }`, nil},
		{"database", `func main() { sql.Open("migrations", "") }`, nil},
		{"routes", `func main() { http.HandleFunc("/static/a.css", f); http.HandleFunc("GET /docs/", f) }`, nil},
		{"import path", `import _ "example.test/shop/docs"`, nil},
		{"URL", `const u = "https://example.test/static/a.css"`, nil},
		{"embedded",
			"import \"embed\"\n\n//go:embed static\n" +
				"var files embed.FS\nfunc main() { files.ReadFile(\"static/a.css\"); fs.Sub(files, \"static\") }", nil},
		{"by a pattern",
			"import \"embed\"\n\n//go:embed templates/*.html\nvar files embed.FS\nfunc main() { template.ParseGlob(\"templates/*.html\") }", nil},
		{"embedded in part",
			"import \"embed\"\n\n//go:embed mixed/a.sql\nvar one string\nfunc main() { http.Dir(\"mixed\") }", []string{"mixed/**"}},
		{"kept in part", `func main() { http.Dir("docs") }`, []string{"docs/**"}},
		{"kept and embedded",
			"import \"embed\"\n\n//go:embed docs/spec.txt\nvar one string\nfunc main() { http.Dir(\"docs\") }", nil},
		{"in a file system", `func main() { template.ParseFS(files, "templates/*.html") }`, nil},
		{"source", `func main() { os.ReadFile("web/web.go"); os.ReadFile("go.mod"); os.ReadDir("web") }`, nil},
		{"another project's files",
			`func find(dir string) { os.Stat(filepath.Join(dir, "package.json")); os.Stat(filepath.Join(dir, "README.md")) }`, nil},
		{"not there", `func main() { os.ReadFile("nothing.json"); http.Dir("public") }`, nil},
		{"outside", `func main() { os.ReadFile("../config.json"); os.ReadFile("/etc/config.json") }`, nil},
		{"kept", `func main() { os.ReadFile("docs/kept.txt") }`, nil},
		{"link out of the app", `func main() { os.ReadFile("link/passwd") }`, nil},
	}
	context := build.Default
	context.GOOS = "linux"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			kittest.Write(t, dir, map[string]string{
				"go.mod":  "module example.test/shop\n",
				"main.go": "package main\n\n" + tt.code, "main_test.go": "package main\n\nconst x = \"docs/spec.txt\"\n",
				"main_windows.go": "package main\n\nconst y = \"docs/spec.txt\"\n",
				"web/web.go":      "package web\n\nfunc Serve(where string) { os.DirFS(where) }\n",
				"other/other.go":  "package other\n\nconst X = \"docs/spec.txt\"\n", "docs/docs.go": "package docs\n",
				"templates/a.html": "", "static/a.css": "", "config.json": "", "certs/tls.crt": "", "certs/tls.key": "", "config/a.yaml": "",
				"migrations/1.sql": "", "mixed/a.sql": "", "mixed/b.sql": "", "index.html": "", "docs/spec.txt": "", "docs/kept.txt": "",
				"package.json": "", "README.md": "",
				".env": "", "vendor/x/a.html": "",
			})
			if err := os.Symlink("/etc", dir+"/link"); err != nil {
				t.Fatal(err)
			}
			kept, err := keep.Parse([]string{"docs/kept.txt"})
			if err != nil {
				t.Fatal(err)
			}
			var packages []*build.Package
			for _, folder := range []string{".", "web"} {
				p, err := context.ImportDir(filepath.Join(dir, folder), 0)
				if err != nil {
					t.Fatal(err)
				}
				packages = append(packages, p)
			}
			got, err := missing.Find(dir, packages, kept)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Patterns); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
