package golang_test

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// words is an app that prints what it was built with.
var words = files{
	"go.mod":    "module example.test/words\n\ngo 1.22\n",
	"main.go":   "package main\n\nvar version = \"unset\"\n\nfunc main() { println(version, tag) }\n",
	"plain.go":  "//go:build !special\n\npackage main\n\nconst tag = \"plain\"\n",
	"tagged.go": "//go:build special\n\npackage main\n\nconst tag = \"special\"\n",
}

// run builds and starts the program of a name, and returns what it prints.
func run(t *testing.T, name string, c kittest.Case) string {
	t.Helper()
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(got.Layers, "targets", "bin", name)).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestFlagsOfBuild has flags change a program.
func TestFlagsOfBuild(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	if got := run(t, "words", input(r, words, nil)); got != "unset plain" {
		t.Errorf("without flags it prints %q", got)
	}
	env := config.Environment{"BP_GO_BUILD_FLAGS": "-tags=special", "BP_GO_BUILD_LDFLAGS": "-X 'main.version=1.2 of today'"}
	if got := run(t, "words", input(r, words, env)); got != "1.2 of today special" {
		t.Errorf("with flags it prints %q", got)
	}
}

// TestModules compiles a workspace, by its go.work and by the modules that a variable names.
func TestModules(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	app := files{
		"app/go.mod":         "module example.test/app\n\ngo 1.22\n\nrequire example.test/greeting v1.0.0\n",
		"app/main.go":        "package main\n\nimport \"example.test/greeting\"\n\nfunc main() { println(greeting.Text) }\n",
		"greeting/go.mod":    "module example.test/greeting\n\ngo 1.22\n",
		"greeting/greet.go":  "package greeting\n\nconst Text = \"hello from the workspace\"\n",
		"unrelated/go.mod":   "module example.test/unrelated\n",
		"unrelated/main.go":  "package main\n\nfunc main() {}\n",
		"app/other_test.go":  "package main\n",
		"greeting/README.md": "",
	}
	named := config.Environment{"BP_GO_WORK_USE": "./app:./greeting", "BP_GO_TARGETS": "./app"}
	if got := run(t, "app", input(r, app, named)); got != "hello from the workspace" {
		t.Errorf("with modules that are named it prints %q", got)
	}
	app["go.work"] = "go 1.22\n\nuse (\n\t./app\n\t./greeting\n)\n"
	if got := run(t, "app", input(r, app, nil)); got != "hello from the workspace" {
		t.Errorf("with a go.work it prints %q", got)
	}
}

// TestBare compiles apps without go.mod: by the standard library alone, and with packages of their own and of a vendor folder.
func TestBare(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	// With a vendor folder the language is one that the registry's go command, which is this machine's, knows.
	plain := files{"hello.go": "package main\n\nfunc main() { println(\"plain\") }\n", "vendor/README": ""}
	if got := run(t, "app", input(r, plain, nil)); got != "plain" {
		t.Errorf("alone it prints %q", got)
	}
	vendored := files{
		"main.go": "package main\n\nimport (\n\t\"git.test/ann/shop/internal/words\"\n\t\"git.test/bob/lib\"\n)\n\n" +
			"func main() { println(words.Text, lib.Text) }\n",
		"internal/words/words.go":        "package words\n\nconst Text = \"own\"\n",
		"lib/other.go":                   "package other\n",
		"vendor/git.test/bob/lib/lib.go": "package lib\n\nconst Text = \"vendored\"\n",
	}
	if got := run(t, "shop", input(r, vendored, nil)); got != "own vendored" {
		t.Errorf("with a vendor folder it prints %q", got)
	}
	missing := files{"main.go": "package main\n\nimport _ \"git.test/bob/lib\"\n\nfunc main() {}\n", "vendor/README": ""}
	got := kittest.Build(t, input(r, missing, nil))
	if got.Code != 1 {
		t.Errorf("code %d", got.Code)
	}
	kittest.Golden(t, "fails-bare.txt", got.Log())
}

// TestUnsummed compiles an app that has no go.sum: the checksum database vouches for the module, and nothing is added to the app.
func TestUnsummed(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	r.Module(t, "example.test/lib", "v1.2.0", files{
		"go.mod": "module example.test/lib\n", "lib.go": "package lib\n\nconst Text = \"1.2.0\"\n",
	})
	r.Module(t, "example.test/other", "v1.0.0", files{"go.mod": "module example.test/other\n", "lib.go": "package other\n"})
	app := files{
		"go.mod":  "module example.test/shop\n\ngo 1.22\n\nrequire example.test/lib v1.2.0\n",
		"main.go": "package main\n\nimport \"example.test/lib\"\n\nfunc main() { println(lib.Text) }\n",
	}
	env := config.Environment{"GOSUMDB": r.Database(t)}
	if got := run(t, "shop", input(r, app, env)); got != "1.2.0" {
		t.Errorf("it prints %q", got)
	}
	for _, private := range []config.Environment{{"GOSUMDB": "off"}, {"GOPRIVATE": "example.test"}} {
		got := kittest.Build(t, input(r, app, env.With(private)))
		if got.Code != 1 || !strings.Contains(got.Log(), "go.sum is not complete: missing go.sum entry") {
			t.Errorf("with %v: code %d\n%s", private, got.Code, got.Log())
		}
	}
	app["main.go"] = "package main\n\nimport _ \"example.test/other\"\n\nfunc main() {}\n"
	got := kittest.Build(t, input(r, app, env))
	if got.Code != 1 || !strings.Contains(got.Log(), "imports example.test/other, which no required module has") {
		t.Errorf("with an import of another module: code %d\n%s", got.Code, got.Log())
	}
}

// TestInstallComment compiles the programs that a comment of go.mod names, unless BP_GO_TARGETS names others.
func TestInstallComment(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	program := func(text string) string { return "package main\n\nfunc main() { println(\"" + text + "\") }\n" }
	app := files{
		"go.mod": "// +heroku install ./tools/b\nmodule example.test/shop\n\ngo 1.22\n", "cmd/a/a.go": program("a"), "tools/b/b.go": program("b"),
	}
	if got := run(t, "b", input(r, app, nil)); got != "b" {
		t.Errorf("it prints %q", got)
	}
	if got := run(t, "a", input(r, app, config.Environment{"BP_GO_TARGETS": "./cmd/a"})); got != "a" {
		t.Errorf("with a variable it prints %q", got)
	}
}

// TestStamp looks for the state of the repository in a program.
func TestStamp(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	dir := t.TempDir()
	kittest.Write(t, dir, words)
	revision := git(t, dir, "init -q", "add -A", "commit -q -m first", "tag v1.2.3", "rev-parse HEAD")
	stamp := func(app files) (revision, modified, version string) {
		got := kittest.Build(t, input(r, app, nil))
		info, err := buildinfo.ReadFile(filepath.Join(got.Layers, "targets", "bin", "words"))
		if err != nil {
			t.Fatalf("%v\n%s", err, got.Log())
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				modified = s.Value
			}
		}
		return revision, modified, info.Main.Version
	}
	if got, modified, version := stamp(kittest.Files(t, dir)); got != revision || modified != "false" || version != "v1.2.3" {
		t.Errorf("a checkout gives revision %s, modified %s, version %s; want %s, false, v1.2.3", got, modified, version, revision)
	}
	kittest.Write(t, dir, files{"main.go": strings.Replace(words["main.go"], "unset", "changed", 1)})
	if got, modified, _ := stamp(kittest.Files(t, dir)); got != revision || modified != "true" {
		t.Errorf("a changed checkout gives revision %s, modified %s; want %s, true", got, modified, revision)
	}
	if got, _, _ := stamp(words); got != "" {
		t.Errorf("what is no checkout gives revision %s", got)
	}
}

// git runs commands in a folder, at a fixed time, and returns what the last one prints.
func git(t *testing.T, dir string, commands ...string) string {
	t.Helper()
	last := ""
	for _, line := range commands {
		cmd := exec.CommandContext(t.Context(), "git", strings.Fields(line)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.test", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.test", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v: %s", line, err, out)
		}
		last = strings.TrimSpace(string(out))
	}
	return last
}

// TestPrivate takes the toolchain and a module from a registry that asks for a password, over TLS with an authority of a
// company. The password is in a binding and stays there.
func TestPrivate(t *testing.T) {
	t.Parallel()
	const secret = "not-for-everybody"
	r := kittest.NewTLSRegistry(t, secret)
	future(t, r)
	sums := r.Module(t, "example.test/greeting", "v1.2.3", files{"greeting.go": "package greeting\n\nconst Text = \"private\"\n"})
	c := input(r, shop(sums), config.Environment{"SSL_CERT_FILE": filepath.Join(t.TempDir(), "authority.pem")})
	kittest.Write(t, filepath.Dir(c.Env["SSL_CERT_FILE"]), files{"authority.pem": r.Authority})
	refused := kittest.Build(t, c)
	if refused.Code != 1 || !strings.Contains(refused.Stderr, "401 Unauthorized") {
		t.Errorf("without a binding: code %d\n%s", refused.Code, refused.Log())
	}
	netrc := "machine " + strings.TrimPrefix(r.URL, "https://") + "\nlogin ann\npassword " + secret + "\n"
	c.Bindings = map[string]map[string]string{"company": {"type": "netrc", ".netrc": netrc}}
	got := kittest.Build(t, c)
	if got.Code != 0 {
		t.Fatalf("with a binding: code %d\n%s", got.Code, got.Log())
	}
	for _, dir := range []string{got.Layers, got.AppDir} {
		for path, content := range kittest.Files(t, dir) {
			if strings.Contains(content, secret) {
				t.Errorf("the password is in %s", path)
			}
		}
	}
}
