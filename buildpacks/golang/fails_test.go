package golang_test

import (
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestBuildFails has one golden file per mistake that shows when a build acts. The app is as it was, and there is no layer.
func TestBuildFails(t *testing.T) {
	t.Parallel()
	with := func(path, content string) files { return files{"go.mod": words["go.mod"], path: content} }
	requiring := with("main.go", "package main\n\nimport _ \"example.test/gone\"\n\nfunc main() {}\n")
	requiring["go.mod"] += "\nrequire example.test/gone v1.0.0\n"
	requiring["go.sum"] = "example.test/gone v1.0.0 h1:" + strings.Repeat("A", 43) + "=\n"
	several := func(path, content string) files {
		app := with("cmd/api/main.go", "package main\n\nfunc main() { println() }\n")
		app[path] = content
		return app
	}
	tests := []struct {
		name   string
		app    files
		env    config.Environment
		script string // of the go command; this machine's when empty
	}{
		{name: "go-mod", app: files{"go.mod": "module example.test/words\n\nrequire (\n", "main.go": "package main\n"}},
		{name: "no-main", app: with("words.go", "package words\n")},
		{name: "target", app: words, env: config.Environment{"BP_GO_TARGETS": "./cmd/absent"}},
		{name: "version", app: words, env: config.Environment{"BP_GO_VERSION": "newest"}},
		{name: "version-unknown", app: words, env: config.Environment{"BP_GO_VERSION": "1.99.2"}},
		{name: "proxy-off", app: words, env: config.Environment{"GOPROXY": "off"}},
		{name: "modules", app: requiring},
		{name: "compile", app: with("main.go", "package main\n\nfunc main() { undefined() }\n")},
		{name: "embed", app: with("main.go", "package main\n\nimport \"embed\"\n\n//go:embed dist\nvar dist embed.FS\n\nfunc main() {}\n")},
		{name: "not-required", app: with("main.go", "package main\n\nimport _ \"example.test/gone\"\n\nfunc main() {}\n")},
		{name: "no-sum", app: files{"go.mod": requiring["go.mod"], "main.go": requiring["main.go"]}},
		{name: "command", app: several("cmd/gen/main.go", "package main\n\nfunc main() { undefined() }\n")},
		{name: "command-import", app: several("cmd/gen/main.go", "package main\n\nimport _ \"example.test/words/gone\"\n\nfunc main() {}\n")},
		{name: "no-program", app: words, script: "exit 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := kittest.NewRegistry(t)
			if tt.script == "" {
				future(t, r)
			} else {
				publish(t, r, tt.script)
			}
			got := kittest.Build(t, input(r, tt.app, tt.env))
			if got.Code != 1 {
				t.Errorf("code %d, want 1", got.Code)
			}
			if left := below(kittest.Tree(t, got.Layers), "targets"); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
			if diff := cmp.Diff(tt.app, kittest.Files(t, got.AppDir)); diff != "" {
				t.Errorf("the app (-want +got):\n%s", diff)
			}
			hide := strings.NewReplacer(r.URL, "<registry>", "linux-"+runtime.GOARCH, "<platform>")
			kittest.Golden(t, "fails-"+tt.name+".txt", locked.ReplaceAllString(hide.Replace(got.Log()), "such as <locked>\n"))
		})
	}
}

// locked matches the example of a release, which a newer lock replaces.
var locked = regexp.MustCompile(`such as [0-9.]+\n`)
