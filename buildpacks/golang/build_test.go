package golang_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

type files = map[string]string

// future is a release that no lock has, published in the registry: its go command notes its calls, and then is this
// machine's with the caches of its user.
func future(t *testing.T, r *kittest.Registry) kittest.Tool {
	t.Helper()
	return publish(t, r, "exec env -u GOROOT GOCACHE='"+goEnv(t, "GOCACHE")+"' '"+goEnv(t, "GOROOT")+`/bin/go' "$@"`)
}

// publish publishes that release with another go command.
func publish(t *testing.T, r *kittest.Registry, script string) kittest.Tool {
	t.Helper()
	tool := kittest.NewTool(t, script)
	r.Module(t, "golang.org/toolchain", "v0.0.1-go1.99.1.linux-"+runtime.GOARCH, files{
		"bin/go": tool.Text(), "VERSION": "go1.99.1", "src/_go.mod": "module std\n", "src/io/io_test.go": "package io\n",
		"src/cmd/main.go": "package main\n", "src/io/testdata/a": "",
	})
	return tool
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// shop is an app of two programs and a module from the registry.
func shop(sums string) files {
	return files{
		"go.mod":             "module example.test/shop\n\ngo 1.22\n\nrequire example.test/greeting v1.2.3\n",
		"go.sum":             sums,
		"main.go":            "package main\n\nimport \"example.test/greeting\"\n\nfunc main() { println(greeting.Text) }\n",
		"cmd/worker/main.go": "package main\n\nfunc main() { println(\"works\") }\n",
		"Procfile":           "\ufeff# of later buildpacks\r\nworker: A=1 worker\r\n",
		"assets/a.txt":       "kept",
		"secret.env":         "PASSWORD=x",
	}
}

// TestBuild compiles an app from the download of Go to the layer and its bill of materials, and then what it made starts.
func TestBuild(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	tool := future(t, r)
	sums := r.Module(t, "example.test/greeting", "v1.2.3", files{
		"greeting.go": "package greeting\n\nconst Text = \"good morning\"\n", "LICENSE": mit,
	})
	got := kittest.Build(t, input(r, shop(sums), config.Environment{
		"BP_KEEP_FILES": "assets/*", "BP_GO_TARGETS": ".:./cmd/worker",
	}))
	if got.Code != 0 {
		t.Fatalf("code %d\n%s", got.Code, got.Log())
	}
	size := regexp.MustCompile(`: [0-9.]+ MB`) // the compiler's doing
	kittest.Golden(t, "build.txt", size.ReplaceAllString(got.Log(), ": <size>"))

	tree := kittest.Tree(t, got.Layers)
	want := files{
		"targets/": "dir 0755", "targets/bin/": "dir 0755", "targets/bin/shop": "file 0755", "targets/bin/worker": "file 0755",
		"targets.toml": "file 0644", "targets.sbom.cdx.json": "file 0644", "targets.sbom.spdx.json": "file 0644",
	}
	if diff := cmp.Diff(want, below(tree, "targets")); diff != "" {
		t.Errorf("the layer (-want +got):\n%s", diff)
	}
	wantApp := files{"Procfile": "\ufeff# of later buildpacks\r\nworker: A=1 worker\r\n", "assets/a.txt": "kept"}
	if diff := cmp.Diff(wantApp, kittest.Files(t, got.AppDir)); diff != "" {
		t.Errorf("the app (-want +got):\n%s", diff)
	}
	made := kittest.Files(t, got.Layers)
	hide := strings.NewReplacer(got.Layers, "<layers>", strings.TrimPrefix(runtime.Version(), "go"), "<go>")
	kittest.Golden(t, "build.launch.toml", hide.Replace(made["launch.toml"]))
	bill := regexp.MustCompile(`urn:uuid:[0-9a-f-]+`).ReplaceAllString(made["targets.sbom.cdx.json"], "<serial>") // of all that is in it
	kittest.Golden(t, "build.cdx.json", hide.Replace(bill))

	for name, want := range (files{"shop": "good morning\n", "worker": "works\n"}) {
		out, err := exec.CommandContext(t.Context(), filepath.Join(got.Layers, "targets", "bin", name)).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s prints %q (%v), want %q", name, out, err, want)
		}
	}
	calls := tool.Calls(t)
	if len(calls) != 2 || calls[0].Args[0] != "list" {
		t.Fatalf("the go command was called as %q, want list and build", calls)
	}
	called := strings.NewReplacer(got.Layers, "<layers>").Replace(strings.Join(calls[1].Args, " "))
	if want := "build -trimpath -buildvcs=false -ldflags=-s -w -o <layers>/targets/bin/ . ./cmd/worker"; called != want {
		t.Errorf("it was called as %q, want %q", called, want)
	}
	wantEnv := config.Environment{
		"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": runtime.GOARCH, "GOTOOLCHAIN": "local", "GOENV": "off", "GOWORK": "off",
		"GOFLAGS": "-modcacherw", "GOPROXY": r.URL + "/go", "GOSUMDB": "off", "GIT_TERMINAL_PROMPT": "0",
	}
	if diff := cmp.Diff(wantEnv, calls[1].Env.Only("CGO_ENABLED", "GOOS", "GOARCH", "GOTOOLCHAIN", "GOENV", "GOWORK", "GOFLAGS",
		"GOPROXY", "GOSUMDB", "GIT_TERMINAL_PROMPT", "BP_GO_VERSION", "CNB_TARGET_OS", "GODEBUG")); diff != "" {
		t.Errorf("its environment (-want +got):\n%s", diff)
	}
}

// input is a build with the release of the registry.
func input(r *kittest.Registry, app files, env config.Environment) kittest.Case {
	return kittest.Case{App: app, Distro: "strata-static", Env: config.Environment{
		"BP_GO_VERSION": "1.99.1", "BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED": "true", "GOPROXY": r.URL + "/go", "GOSUMDB": "off",
	}.With(env)}
}

// below returns what is at or below a name of a tree, without the hashes of files.
func below(tree files, name string) files {
	kept := files{}
	for path, kind := range tree {
		if path == name || strings.HasPrefix(path, name+"/") || strings.HasPrefix(path, name+".") {
			kept[path] = strings.Join(strings.Fields(kind)[:2], " ")
		}
	}
	return kept
}

// mit is the text of the licence MIT.
const mit = `MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

// TestUnvouched builds with a Go that nothing vouches for, and again without the permission: neither the cached Go nor the layer
// may be taken.
func TestUnvouched(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	app := files{"go.mod": "module example.test/shop\n\ngo 1.22\n", "main.go": "package main\n\nfunc main() {}\n"}
	c := input(r, app, config.Environment{"BP_CACHE_DIR": t.TempDir()})
	first := kittest.Build(t, c)
	if first.Code != 0 {
		t.Fatalf("code %d\n%s", first.Code, first.Log())
	}
	c.Env = c.Env.With(config.Environment{"BP_GO_TOOLCHAIN_UNVERIFIED_ENABLED": "false"})
	second := kittest.Rebuild(t, first, c)
	if second.Code != 1 || !strings.Contains(second.Log(), "cannot be verified because GOSUMDB is off") {
		t.Errorf("code %d\n%s", second.Code, second.Log())
	}
}
