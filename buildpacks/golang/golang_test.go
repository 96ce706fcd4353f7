package golang

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

func TestMain(m *testing.M) { kittest.Main(m, Buildpack()) }

// app writes an app and returns its folder.
func app(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	kittest.Write(t, dir, files)
	return dir
}

// wantFault compares a fault with its golden file.
func wantFault(t *testing.T, name string, err error) {
	t.Helper()
	if f := (fault.Fault{}); !errors.As(err, &f) {
		t.Fatalf("%s: got %v, want a fault", name, err)
	}
	kittest.Golden(t, "fault-"+name+".txt", err.Error()+"\n")
}

const goMod = "module example.test/shop\n\ngo 1.22\n"

func TestDetect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		env   config.Environment
		code  int
		log   string
	}{
		{"module", map[string]string{"go.mod": goMod}, nil, 0, "strata/go pass: go.mod found\n"},
		{"workspace", map[string]string{"go.work": "go 1.26\n", "go.mod": goMod}, nil, 0, "strata/go pass: go.work found\n"},
		{"named modules", map[string]string{"a/go.mod": goMod}, config.Environment{"BP_GO_WORK_USE": "./a"}, 0,
			"strata/go pass: BP_GO_WORK_USE is ./a\n"},
		{"no module", map[string]string{"main.go": "package main\n"}, nil, 0, "strata/go pass: main.go found, without go.mod\n"},
		{"no module, but commands", map[string]string{"cmd/api/api.go": "package main\n"}, nil, 0,
			"strata/go pass: cmd/api/api.go found, without go.mod\n"},
		{"no module, and another language", map[string]string{"main.go": "package main\n", "package.json": "{}"}, nil, 100,
			"strata/go fail: main.go found, but no go.mod or go.work; make one with go mod init\n"},
		{"a module in a folder", map[string]string{"backend/go.mod": goMod, "web/package.json": "{}"}, nil, 100,
			"strata/go fail: no go.mod or go.work, but backend/go.mod; build that folder, or set BP_GO_WORK_USE=./backend\n"},
		{"modules of others", map[string]string{"node_modules/x/go.mod": goMod, "vendor/x/go.mod": goMod, ".cache/go.mod": goMod}, nil, 100,
			"strata/go fail: no go.mod or go.work\n"},
		{"modules that are too deep", map[string]string{"a/b/c/d/go.mod": goMod}, nil, 100, "strata/go fail: no go.mod or go.work\n"},
		{"modules in folders of folders", map[string]string{"a/b/c/go.mod": goMod, "x/y/go.mod": goMod}, nil, 100,
			"strata/go fail: no go.mod or go.work, but x/y/go.mod; build that folder, or set BP_GO_WORK_USE=./x/y\n"},
		{"no module, and files at the root and in cmd", map[string]string{"cmd/a.go": "package main\n", "main.go": "package main\n"}, nil, 0,
			"strata/go pass: main.go found, without go.mod\n"},
		{"hidden files, and files of others", map[string]string{
			"_x.go": "", ".x.go": "", "cmd/vendor/x.go": "", "cmd/node_modules/x.go": "", "cmd/.x/x.go": "", "cmd/a/b/x.go": "", "a/x.go": "",
		}, nil, 100, "strata/go fail: no go.mod or go.work\n"},
		{"a folder named as a file", map[string]string{"main.go/x": ""}, nil, 100, "strata/go fail: no go.mod or go.work\n"},
		{"a folder named go.mod", map[string]string{"go.mod/x": ""}, nil, 100, "strata/go fail: no go.mod or go.work\n"},
		{"another language", map[string]string{"package.json": "{}"}, nil, 100, "strata/go fail: no go.mod or go.work\n"},
		{"a module, and another language", map[string]string{"go.mod": "module x\n\ngo 9.99\n", "package.json": "{}"}, nil, 100,
			"strata/go fail: go.mod found, but no package main, and there is package.json\n"},
		{"a module of a site", map[string]string{"go.mod": "module x\n\ngo 9.99\n", "index.html": "", "lib/x.go": "package x\n"}, nil, 100,
			"strata/go fail: go.mod found, but no package main, and there is index.html\n"},
		{"tools of developers", map[string]string{"go.mod": goMod, "pyproject.toml": "", "a_test.go": "package main\n",
			"tools.go": "//go:build ignore\n\npackage main\n", "node_modules/x/x.go": "package main\n", "vendor/x/x.go": "package main\n"}, nil, 100,
			"strata/go fail: go.mod found, but no package main, and there is pyproject.toml\n"},
		{"a program with a front end", map[string]string{"go.mod": goMod, "package.json": "{}",
			"a/b/c/d/cmd/x/x.go": "// X\npackage main\n"}, nil, 0,
			"strata/go pass: go.mod found\n"},
		{"named programs", map[string]string{"go.mod": goMod, "package.json": "{}"}, config.Environment{"BP_GO_TARGETS": "./x"}, 0,
			"strata/go pass: go.mod found\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: tt.files, Env: tt.env})
			if got.Code != tt.code || got.Log() != tt.log {
				t.Errorf("code %d and %q, want %d and %q", got.Code, got.Log(), tt.code, tt.log)
			}
		})
	}
}

// TestTools asks for the tool of an app: the locked toolchain that its build would use, and none where that is another.
func TestTools(t *testing.T) {
	t.Parallel()
	l, err := lock.Read(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	patch, _ := l.Newest(goID, runtime.GOARCH, func(v string) bool { return sameMinor(v, "1.26") })
	tests := []struct {
		name, mod string
		env       config.Environment
		want      string
	}{
		{"locked", "module m\n\ngo 1.26.0\n", nil, patch.Version},
		{"asked for", "module m\n", config.Environment{"BP_GO_VERSION": "1.26"}, patch.Version},
		{"not locked", "module m\n", config.Environment{"BP_GO_VERSION": "1.26.1"}, ""},
		{"no version", "module m\n", config.Environment{"BP_GO_VERSION": "newest"}, ""},
		{"no go.mod", "modul m\n", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Detect(t, kittest.Case{App: map[string]string{"go.mod": tt.mod}, Env: tt.env, Distro: "strata-static"})
			want := ""
			if tt.want != "" {
				want = `tools = ["` + toolchain{Choice: version.Choice{Version: tt.want}}.folder() + `"]`
			}
			if got.Code != 0 || strings.Contains(got.Plan, "tools") != (want != "") || !strings.Contains(got.Plan, want) {
				t.Errorf("code %d and the plan\n%s\nwant %q", got.Code, got.Plan, want)
			}
		})
	}
}

// TestInstallUnknown asks for a tool that no lock vouches for.
func TestInstallUnknown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	got := kittest.Build(t, kittest.Case{
		Env:  config.Environment{"BP_TOOLS_DIR": dir, "BP_INSTALL_TOOL": "go1.26.1.linux-amd64", "GOPROXY": "off"},
		Plan: "[[entries]]\nname = \"go\"\n[entries.metadata]\ntools = [\"go1.26.1.linux-amd64\"]\n",
	})
	if got.Code != 1 || len(kittest.Tree(t, dir)) > 0 {
		t.Errorf("code %d and %v, want 1 and nothing", got.Code, kittest.Tree(t, dir))
	}
	kittest.Golden(t, "refuses-unknown-tool.txt", got.Log())
}

// TestBuildRefuses runs builds that end before anything is fetched.
func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	files := map[string]string{"go.mod": goMod, "main.go": "package main\n\nfunc main() {}\n"}
	tests := []struct {
		name string
		env  config.Environment
	}{
		{"unknown-variable-no-proxy", config.Environment{"BP_GO_TARGET": "./cmd/a"}},
		{"flag-output", config.Environment{"BP_GO_BUILD_FLAGS": "-o x"}},
		{"unverified", config.Environment{"BP_GO_VERSION": "1.26.1", "GOPROXY": "off", "GOSUMDB": "off"}},
	}
	l, err := lock.Read(lockFile)
	if err != nil {
		t.Fatal(err)
	}
	hide := strings.NewReplacer(strings.Join(l.Versions(goID, runtime.GOARCH), ", "), "<locked>", l.Default[goID], "<default>")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := kittest.Build(t, kittest.Case{App: files, Env: tt.env, Distro: "strata-static", Arch: "amd64", Plan: kittest.First})
			if got.Code != 1 {
				t.Errorf("code %d, want 1", got.Code)
			}
			kittest.Golden(t, "refuses-"+tt.name+".txt", hide.Replace(got.Log()))
			if _, err := os.Stat(filepath.Join(got.AppDir, "main.go")); err != nil {
				t.Errorf("the source is gone: %v", err)
			}
			tree := kittest.Tree(t, got.Layers)
			if slices.ContainsFunc(keys(tree), func(name string) bool { return strings.HasPrefix(name, "targets") }) {
				t.Errorf("it left a layer: %v", tree)
			}
		})
	}
}

func keys(m map[string]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

func TestJoinFlags(t *testing.T) {
	t.Parallel()
	got, err := joinFlags([]string{"-s", "-X", "main.text=two words", `main.quote="`, "it's", ""})
	if want := `-s -X 'main.text=two words' 'main.quote="' "it's" ''`; err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	describe := func(list []bp.Process) (all []string) {
		for _, p := range list {
			text := p.Type + " " + strings.Join(p.Command, " ")
			if p.Default {
				text += " default"
			}
			all = append(all, text)
		}
		return all
	}
	tests := []struct {
		name     string
		binaries []string
		want     []string
	}{
		{"the first is web too", []string{"api", "job"}, []string{"api /l/api", "web /l/api default", "job /l/job"}},
		{"one is named web", []string{"api", "web"}, []string{"api /l/api", "web /l/web default"}},
		{"names that are no types", []string{"a b", "a+b"}, []string{"a-b /l/a b", "web /l/a b default", "a-b-2 /l/a+b"}},
	}
	for _, tt := range tests {
		var targets []target
		for _, b := range tt.binaries {
			targets = append(targets, target{Binary: b})
		}
		if diff := cmp.Diff(tt.want, describe(processes(targets, "/l"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
