package golang_test

import (
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// nothing is an app that does nothing.
var nothing = files{"go.mod": "module m\n\ngo 1.22\n", "main.go": "package main\n\nfunc main() {}\n"}

// lockedRelease is the default of lock.toml.
func lockedRelease(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("lock.toml")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lock.Read(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return l.Default["go"]
}

// TestShared builds with the Go for all apps. Its go command is told to use compiled packages of the standard library if the
// GOROOT has them.
func TestShared(t *testing.T) {
	t.Parallel()
	version := lockedRelease(t)
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	for name, test := range map[string]struct{ arch, folder, file, godebug string }{
		"compiled":               {"", "", "pkg/linux_" + runtime.GOARCH + "/fmt.a", "installgoroot=all"},
		"not compiled":           {"", "", "pkg/include/textflag.h", ""},
		"for another":            {other, "." + other, "pkg/linux_" + other + "/fmt.a", "installgoroot=all"},
		"for another, not there": {other, "." + other, "pkg/linux_" + runtime.GOARCH + "/fmt.a", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tool := kittest.NewTool(t, "exec env -u GOROOT -u GODEBUG GOCACHE='"+goEnv(t, "GOCACHE")+"' '"+goEnv(t, "GOROOT")+`/bin/go' "$@"`)
			tools := t.TempDir()
			kittest.Write(t, tools+"/go"+version+".linux-"+runtime.GOARCH+test.folder, files{"bin/go": tool.Text(), test.file: ""})
			got := kittest.Build(t, kittest.Case{
				App: nothing, Arch: test.arch, Env: config.Environment{"BP_GO_VERSION": version, "BP_TOOLS_DIR": tools, "GOPROXY": "off"},
			})
			if got.Code != 0 {
				t.Fatalf("code %d\n%s", got.Code, got.Log())
			}
			for _, call := range tool.Calls(t) {
				if call.Env["GODEBUG"] != test.godebug {
					t.Errorf("go %s gets GODEBUG=%s, want %q", call.Args[0], call.Env["GODEBUG"], test.godebug)
				}
			}
		})
	}
}

// TestMirror takes Go from a dependency mirror instead of the proxy.
func TestMirror(t *testing.T) {
	t.Parallel()
	r := kittest.NewRegistry(t)
	future(t, r)
	path := "/golang.org/toolchain/@v/v0.0.1-go1.99.1.linux-" + runtime.GOARCH + ".zip"
	response, err := http.Get(r.URL + "/go" + path)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	kittest.Write(t, dir, files{"proxy.example.test" + path: string(archive)})
	got := kittest.Build(t, input(r, nothing, config.Environment{
		"GOPROXY": "https://user:secret@proxy.example.test,off", "BP_DEPENDENCY_MIRROR": "file://" + dir + "/{originalHost}",
	}))
	if got.Code != 0 || strings.Contains(got.Log(), "secret") {
		t.Errorf("code %d\n%s", got.Code, got.Log())
	}
}
