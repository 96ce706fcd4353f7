package golang_test

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// change is a build after a first one, of which one thing is different.
type change struct {
	name  string
	app   files              // written over the app's files
	env   config.Environment // added to what the platform sets
	edit  func(*kittest.Case)
	again bool // the binaries are compiled again
	asked bool // the go command is asked again what needs cgo
}

// keyed is the app of the first build: two programs, of which one imports a package.
func keyed(t *testing.T) (kittest.Case, kittest.Tool) {
	t.Helper()
	self, err := os.Executable() // a Go program, with what a bill of materials is made from
	if err != nil {
		t.Fatal(err)
	}
	tool := kittest.NewTool(t, `[ "$1" = list ] || for name in shop worker; do ln -s '`+self+`' "$6$name"; done`)
	c := kittest.Case{
		App: files{
			"go.mod": "module example.test/shop\n\ngo 1.22\n", "main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n",
			"cmd/worker/main.go": "package main\n\nfunc main() {}\n", "page.html": "hello",
		},
		Distro: "strata-static", Arch: "amd64",
		Env: config.Environment{"BP_TOOLS_DIR": t.TempDir(), "GOPROXY": "off"},
	}
	return c, tool
}

// install gives a build what a platform would: the tools that detection asks for.
func install(t *testing.T, c kittest.Case, tool kittest.Tool) {
	t.Helper()
	for _, name := range kittest.Detect(t, c).Tools() {
		kittest.Write(t, c.Env["BP_TOOLS_DIR"], files{name + "/bin/go": tool.Text()})
	}
}

// TestKey changes one thing between two builds. What decides on the binaries has them compiled again, and all else has not.
func TestKey(t *testing.T) {
	t.Parallel()
	variable := func(name, value string, again, asked bool) change {
		return change{name: name + "=" + value, env: config.Environment{name: value}, again: again, asked: asked}
	}
	source := func(name, path, content string, asked bool) change {
		return change{name: name, app: files{path: content}, again: true, asked: asked}
	}
	tests := []change{
		{name: "nothing"},
		// What the platform sets of the target.
		{name: "run image", edit: func(c *kittest.Case) { c.Distro = "strata-musl" }, again: true, asked: true},
		{name: "architecture", edit: func(c *kittest.Case) { c.Arch = "arm64" }, again: true, asked: true},
		variable("CNB_TARGET_ARCH_VARIANT", "v3", true, true),
		// Variables of Go that change what is compiled.
		variable("GOAMD64", "v3", true, true),
		variable("GOARM", "7", true, true),
		variable("GOARM64", "v8.1", true, true),
		variable("GOEXPERIMENT", "nospinbitmutex", true, true),
		variable("GOFIPS140", "latest", true, true),
		// Variables of the buildpack.
		variable("BP_GO_VERSION", "1.26", true, true),
		variable("BP_GO_TARGETS", "./cmd/worker", true, true),
		variable("BP_GO_BUILD_FLAGS", "-tags=x", true, true),
		variable("BP_GO_BUILD_LDFLAGS", "-X main.v=1", true, true),
		variable("BP_GO_WORK_USE", ".", true, true),
		variable("BP_GO_CGO", "off", true, false),
		variable("BP_NATIVE_HARDENING_ENABLED", "false", true, false),
		variable("CGO_CFLAGS", "-O1", true, true),
		// Where something comes from, or what is in the image beside the binaries.
		variable("GOPROXY", "https://proxy.example.test", false, false),
		variable("GOPRIVATE", "example.test", false, false),
		variable("GOSUMDB", "off", false, false),
		variable("HTTPS_PROXY", "http://proxy.example.test", false, false),
		variable("SSL_CERT_FILE", "/certificates.pem", false, false),
		variable("BP_KEEP_FILES", "page.html", false, false),
		variable("BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED", "true", false, false),
		variable("LANG", "de_DE.UTF-8", false, false),
		// The source. What needs cgo is asked again when something is imported that was not.
		source("body", "main.go", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(2) }\n", false),
		source("import", "main.go", "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(1) }\n", true),
		source("module file", "go.mod", "module example.test/shop\n\ngo 1.22\n\n// later\n", true),
		source("embedded file", "page.html", "good bye", false),
		source("new file", "data/x.bin", "", true),
		source("executable file", "page.html", "#!hello", false),
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, tool := keyed(t)
			install(t, c, tool)
			first := kittest.Build(t, c)
			if calls := tool.Calls(t); first.Code != 0 || len(calls) != 2 {
				t.Fatalf("the first build: code %d after %q\n%s", first.Code, calls, first.Log())
			}
			c.App, c.Env = maps.Clone(c.App), c.Env.With(tt.env)
			maps.Copy(c.App, tt.app)
			if tt.edit != nil {
				tt.edit(&c)
			}
			install(t, c, tool)
			checkAgain(t, tt, kittest.Rebuild(t, first, c), tool)
		})
	}
}

// TestMissingFiles names the files that programs read and the image will not have, in each build, whatever an earlier one found.
func TestMissingFiles(t *testing.T) {
	t.Parallel()
	c, tool := keyed(t)
	c.App["main.go"] = "package main\n\nimport \"os\"\n\nfunc main() { os.ReadFile(\"page.html\") }\n"
	c.App["other.html"] = "other"
	install(t, c, tool)
	last := kittest.Build(t, c)
	for _, tt := range []struct{ name, keep, page, want string }{
		{"first", "", "page.html", "BP_KEEP_FILES=page.html\n"},
		{"again", "", "page.html", "BP_KEEP_FILES=page.html\n"},
		{"another file", "", "other.html", "BP_KEEP_FILES=other.html\n"},
		{"another file is kept", "page.html", "other.html", "BP_KEEP_FILES=page.html:other.html\n"},
		{"the file is kept", "other.html", "other.html", ""},
	} {
		c.App["main.go"] = strings.NewReplacer("page.html", tt.page, "other.html", tt.page).Replace(c.App["main.go"])
		c.Env = c.Env.With(config.Environment{"BP_KEEP_FILES": tt.keep})
		last = kittest.Rebuild(t, last, c)
		warned := strings.Contains(last.Log(), "the image will not have")
		if last.Code != 0 || warned != (tt.want != "") || !strings.Contains(last.Log(), tt.want) {
			t.Errorf("%s: code %d, warned %t, want %q:\n%s", tt.name, last.Code, warned, tt.want, last.Log())
		}
	}
}

// checkAgain looks at which commands the second build ran.
func checkAgain(t *testing.T, want change, second kittest.Result, tool kittest.Tool) {
	t.Helper()
	asked, again := false, false
	for _, call := range tool.Calls(t)[2:] {
		asked = asked || call.Args[0] == "list"
		again = again || call.Args[0] == "build"
	}
	if second.Code != 0 || again != want.again || asked != want.asked {
		t.Errorf("code %d, compiled again: %t, asked again: %t; want 0, %t, %t\n%s",
			second.Code, again, asked, want.again, want.asked, second.Log())
	}
	if reused := strings.Contains(second.Log(), "Layer targets: reused"); reused == again {
		t.Errorf("compiled again: %t, and the log says\n%s", again, second.Log())
	}
}

// TestKeyOfRepository changes the repository of an app. What is stamped into the binaries is known before.
func TestKeyOfRepository(t *testing.T) {
	t.Parallel()
	c, _ := keyed(t)
	checkout := func(commands ...string) files {
		dir := t.TempDir()
		kittest.Write(t, dir, c.App)
		git(t, dir, append([]string{"init -q", "add -A", "commit -q -m first"}, commands...)...)
		return kittest.Files(t, dir)
	}
	for _, tt := range []change{
		{name: "another clone", app: checkout()},
		{name: "branch", app: checkout("checkout -q -b other")},
		{name: "commit", app: checkout("commit -q --allow-empty -m second"), again: true},
		{name: "tag", app: checkout("tag v1.2.3"), again: true},
		{name: "file that is not tracked any more", app: checkout("rm -q --cached page.html"), again: true},
		{name: "no repository", app: c.App, again: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, tool := keyed(t)
			install(t, c, tool)
			c.App = checkout()
			first := kittest.Build(t, c)
			calls := tool.Calls(t)
			if stamp := regexp.MustCompile(`-buildvcs=\w+`).FindString(strings.Join(calls[1].Args, " ")); stamp != "-buildvcs=true" {
				t.Errorf("the go command is told %q of a repository", stamp)
			}
			c.App = tt.app
			checkAgain(t, tt, kittest.Rebuild(t, first, c), tool)
		})
	}
}
