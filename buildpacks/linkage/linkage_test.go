package linkage_test

import (
	"bytes"
	"debug/elf"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
	"github.com/strata-buildpacks/strata/buildpacks/linkage"
)

func TestMain(m *testing.M) { kittest.Main(m, linkage.Buildpack()) }

const (
	glibcLoader = "/lib64/ld-linux-x86-64.so.2"
	muslLoader  = "/lib/ld-musl-x86_64.so.1"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	static := elftest.Program(elf.EM_X86_64, "")
	glibc := elftest.Program(elf.EM_X86_64, glibcLoader, "libpthread.so.0", "libc.so.6")
	musl := elftest.Program(elf.EM_X86_64, muslLoader, "libc.musl-x86_64.so.1")
	tests := []struct {
		name   string
		distro string
		arch   string
		app    map[string]string
		layer  map[string]string // content of a launch layer
		reused bool              // another launch layer is taken from the previous image
		env    config.Environment
		code   int
	}{
		{name: "static-ok", distro: "strata-static", layer: map[string]string{"bin/web": static}},
		{name: "static-loader", distro: "strata-static", layer: map[string]string{"bin/web": glibc}, code: 1},
		{name: "static-pie-loader-only", distro: "strata-static", app: map[string]string{"web": elftest.Program(elf.EM_X86_64, glibcLoader)},
			code: 1},
		{name: "static-musl", distro: "strata-static", app: map[string]string{"web": musl}, code: 1},
		{name: "static-several", distro: "strata-static",
			app: map[string]string{"a": glibc, "b.so": elftest.Program(elf.EM_X86_64, "", "libm.so.6")}, code: 1},
		{name: "glibc-ok", distro: "strata-glibc", app: map[string]string{"web": glibc, "static": static}},
		{name: "glibc-library-of-the-layer", distro: "strata-glibc",
			app:   map[string]string{"a.node": elftest.Program(elf.EM_X86_64, "", "libvips.so.8", "libstdc++.so.6")},
			layer: map[string]string{"lib/libvips.so.8": elftest.Program(elf.EM_X86_64, "", "libc.so.6")}},
		{name: "glibc-library-missing", distro: "strata-glibc",
			app: map[string]string{"a.node": elftest.Program(elf.EM_X86_64, "", "libc.so.6", "libpq.so.5")}, code: 1},
		{name: "glibc-library-named", distro: "strata-glibc",
			app: map[string]string{"a.node": elftest.Program(elf.EM_X86_64, "", "libpq.so.5")},
			env: config.Environment{"BP_LINKAGE_LIBRARIES": "libpq.so.5"}},
		{name: "glibc-library-maybe-reused", distro: "strata-glibc", reused: true,
			app: map[string]string{"a.node": elftest.Program(elf.EM_X86_64, "", "libvips.so.8")}},
		{name: "musl-library-missing", distro: "strata-musl",
			app: map[string]string{"web": elftest.Program(elf.EM_X86_64, muslLoader, "libc.musl-x86_64.so.1", "libstdc++.so.6")}, code: 1},
		{name: "glibc-musl-loader", distro: "strata-glibc", app: map[string]string{"web": musl}, code: 1},
		{name: "glibc-musl-library", distro: "strata-glibc",
			app: map[string]string{"a.node": elftest.Program(elf.EM_X86_64, "", "libc.musl-x86_64.so.1")}, code: 1},
		{name: "glibc-packages", distro: "strata-glibc", app: map[string]string{
			"web": glibc, "node_modules/a/musl.node": elftest.Program(elf.EM_X86_64, "", "libc.so"),
			"node_modules/a/arm64.node": elftest.Program(elf.EM_AARCH64, "", "libc.so.6"),
			"node_modules/b/xsel":       elftest.Program(elf.EM_X86_64, glibcLoader, "libX11.so.6"),
			"node_modules/c/c.node":     elftest.Program(elf.EM_X86_64, "", "libc.so.6"),
		}},
		{name: "glibc-python-packages", distro: "strata-glibc", app: map[string]string{
			"site-packages/a/_a.so":               elftest.Program(elf.EM_X86_64, "", "libc.so.6"),
			"site-packages/a/copilot/arm64/rg":    elftest.Program(elf.EM_AARCH64, "/lib/ld-linux-aarch64.so.1", "libc.so.6"),
			"site-packages/a/copilot/keytar.node": elftest.Program(elf.EM_X86_64, "", "libsecret-1.so.0"),
			"site-packages/b/xsel":                elftest.Program(elf.EM_X86_64, glibcLoader, "libX11.so.6"),
		}},
		{name: "glibc-python-package-library-missing", distro: "strata-glibc",
			app: map[string]string{"site-packages/a/_a.so": elftest.Program(elf.EM_X86_64, "", "libpq.so.5")}, code: 1},
		{name: "glibc-package-library-missing", distro: "strata-glibc",
			app: map[string]string{"node_modules/c/c.node": elftest.Program(elf.EM_X86_64, "", "libpq.so.5")}, code: 1},
		{name: "glibc-distribution", distro: "strata-glibc", app: map[string]string{
			"site-packages/fast-1.dist-info/RECORD":    "fast/_core.so,sha256=x,9\nfast/pool/omp.so,sha256=x,9\n\"fast/pool/a,b.so\",,\n",
			"site-packages/fast/_core.so":              elftest.Program(elf.EM_X86_64, "", "libc.so.6"),
			"site-packages/fast/pool/omp.so":           elftest.Program(elf.EM_X86_64, "", "libgomp.so.1"),
			"site-packages/fast/pool/a,b.so":           elftest.Program(elf.EM_X86_64, "", "libtbb.so.12", "libgomp.so.1"),
			"site-packages/deep-1.dist-info/RECORD":    "deep/lib/main.so,,\ndeep/lib/more.so,,\n",
			"site-packages/deep/lib/more.so":           elftest.Program(elf.EM_X86_64, "", "libc.so.6"),
			"site-packages/unrecorded/_a.so":           elftest.Program(elf.EM_X86_64, "", "libc.so.6"),
			"site-packages/other-1.dist-info/METADATA": "",
		}},
		{name: "glibc-distribution-main", distro: "strata-glibc", code: 1, app: map[string]string{
			"site-packages/deep-1.dist-info/RECORD": "deep/lib/main.so,,\ndeep/lib/more.so,,\n",
			"site-packages/deep/lib/main.so":        elftest.Program(elf.EM_X86_64, "", "libgomp.so.1"),
			"site-packages/deep/lib/more.so":        elftest.Program(elf.EM_X86_64, "", "libc.so.6"),
			"site-packages/unrecorded/_a.so":        elftest.Program(elf.EM_X86_64, "", "libc.so.6"),
			"site-packages/unrecorded/x/y.so":       elftest.Program(elf.EM_X86_64, "", "libGL.so.1"),
		}},
		{name: "defects", distro: "strata-static", layer: map[string]string{
			"bin/rwx":   elftest.Defect(elftest.Program(elf.EM_X86_64, ""), elf.PT_LOAD, elf.PF_R|elf.PF_W|elf.PF_X),
			"bin/stack": elftest.Defect(elftest.Program(elf.EM_X86_64, ""), elf.PT_GNU_STACK, elf.PF_R|elf.PF_W|elf.PF_X),
		}, code: 1},
		{name: "defects-ignored", distro: "strata-static", env: config.Environment{"BP_LINKAGE_IGNORE": "bin/rwx"},
			layer: map[string]string{"bin/rwx": elftest.Defect(elftest.Program(elf.EM_X86_64, ""), elf.PT_LOAD, elf.PF_R|elf.PF_W|elf.PF_X)}},
		{name: "defects-brought", distro: "strata-glibc",
			app: map[string]string{"tool": elftest.Defect(elftest.Program(elf.EM_X86_64, ""), elf.PT_LOAD, elf.PF_R|elf.PF_W|elf.PF_X)},
			layer: map[string]string{
				"lib/python3.13/site-packages/a/_a.so": elftest.Defect(
					elftest.Program(elf.EM_X86_64, "", "libc.so.6"), elf.PT_GNU_STACK, elf.PF_R|elf.PF_W|elf.PF_X),
			}},
		{name: "no-defects", distro: "strata-static", layer: map[string]string{
			"bin/rx":    elftest.Defect(elftest.Program(elf.EM_X86_64, ""), elf.PT_LOAD, elf.PF_R|elf.PF_X),
			"bin/stack": elftest.Defect(elftest.Program(elf.EM_X86_64, ""), elf.PT_GNU_STACK, elf.PF_R|elf.PF_W),
		}},
		{name: "static-package", distro: "strata-static",
			app: map[string]string{"node_modules/c/c.node": elftest.Program(elf.EM_X86_64, "", "libc.so.6")}, code: 1},
		{name: "musl-ok", distro: "strata-musl", app: map[string]string{"web": musl}},
		{name: "musl-glibc", distro: "strata-musl", app: map[string]string{"web": glibc}, code: 1},
		{name: "unknown-distro-is-glibc", distro: "debian", app: map[string]string{"web": glibc}},
		{name: "other-machine", distro: "strata-static", app: map[string]string{"web": elftest.Program(elf.EM_AARCH64, "")}, code: 1},
		{name: "arm64-ok", distro: "strata-static", arch: "arm64", app: map[string]string{"web": elftest.Program(elf.EM_AARCH64, "")}},
		{name: "ignored", distro: "strata-static", app: map[string]string{"test/data/web": glibc},
			env: config.Environment{"BP_LINKAGE_IGNORE": "test/*"}},
		{name: "bad-pattern", distro: "strata-static", env: config.Environment{"BP_LINKAGE_IGNORE": "test/["}, code: 1},
		{name: "no-programs", distro: "strata-static",
			app: map[string]string{"short.so": "\x7fEL", "text.so": "INPUT(libc.so)", "broken.so": "\x7fELF\x02"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			app, layers := filepath.Join(root, "app"), filepath.Join(root, "layers", "strata_linkage")
			kittest.Write(t, app, test.app)
			kittest.Write(t, layers, nil)
			kittest.Write(t, filepath.Join(root, "layers", "other_go", "built"), test.layer)
			kittest.Write(t, filepath.Join(root, "layers", "other_go"), map[string]string{
				"built.toml": "[types]\nlaunch = true\n", "tools.toml": "[types]\nbuild = true\n",
				"launch.toml": "[[processes]]\ntype = \"old\"\ncommand = [\"/cnb/lifecycle/launcher\"]\n", "tools/cc.so": glibc,
			})
			if test.reused {
				kittest.Write(t, filepath.Join(root, "layers", "other_go"), map[string]string{"reused.toml": "[types]\nlaunch = true\n"})
			}
			makeExecutable(t, app, filepath.Join(root, "layers", "other_go", "built"))
			if test.arch == "" {
				test.arch = "amd64"
			}

			got := kittest.Build(t, kittest.Case{AppDir: app, Layers: layers, Distro: test.distro, Arch: test.arch, Env: test.env})
			if got.Code != test.code {
				t.Errorf("exit code %d, want %d", got.Code, test.code)
			}
			kittest.Golden(t, test.name+".txt", string(bytes.ReplaceAll([]byte(got.Log()), []byte(root), []byte("<root>"))))
		})
	}
}

func makeExecutable(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		for path, what := range kittest.Tree(t, dir) {
			if what[:4] != "file" {
				continue
			}
			if err := os.Chmod(filepath.Join(dir, path), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestForeign refuses files of packages for the machine of the build in an image for another one, and passes over those for a third.
func TestForeign(t *testing.T) {
	t.Parallel()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	right, wrong := elftest.Program(machines[other], "", "libc.so.6"), elftest.Program(machines[runtime.GOARCH], "", "libc.so.6")
	for name, test := range map[string]struct {
		files map[string]string
		code  int
		env   config.Environment
	}{
		"for the image":      {map[string]string{"site-packages/a/a.so": right, "node_modules/b/b.node": right}, 0, nil},
		"for a third":        {map[string]string{"site-packages/a/a.so": elftest.Program(elf.EM_RISCV, "", "libc.so.6")}, 0, nil},
		"Python for here":    {map[string]string{"site-packages/a/a.so": right, "site-packages/a/b.so": wrong}, 1, nil},
		"Node.js for here":   {map[string]string{"node_modules/b/build/Release/b.node": wrong}, 1, nil},
		"program for here":   {map[string]string{"bin/tool": wrong}, 1, nil},
		"named in the build": {map[string]string{"node_modules/b/b.node": wrong}, 0, config.Environment{"BP_LINKAGE_IGNORE": "node_modules"}},
	} {
		app := t.TempDir()
		kittest.Write(t, app, test.files)
		makeExecutable(t, app)
		got := kittest.Build(t, kittest.Case{Arch: other, Distro: "strata-glibc", AppDir: app, Env: test.env.With(config.Environment{
			"BP_LINKAGE_PROGRAMS": "web",
		})})
		want := "needs a machine of type " + runtime.GOARCH
		if found := strings.Contains(got.Stderr, want); found != (test.code == 1) {
			t.Errorf("%s: code %d, %s", name, got.Code, got.Log())
		}
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	got := kittest.Detect(t, kittest.Case{})
	if want := "strata/linkage pass: every image is checked\n"; got.Code != 0 || got.Log() != want {
		t.Errorf("got code %d and %q, want 0 and %q", got.Code, got.Log(), want)
	}
}

// TestLists makes the lists of libraries and programs of the files that the run images have on either architecture.
func TestLists(t *testing.T) {
	t.Parallel()
	library := regexp.MustCompile(`(?m)^[-l]\S+ \S+ /usr/lib\S*/([^/ ]+\.so(?:\.[0-9.]+)?) `)
	program := regexp.MustCompile(`(?m)^[-l]\S+ \S+ (/usr/(?:local/)?s?bin/\S+) `)
	libraries, programs := map[string]bool{}, map[string]bool{}
	for _, kind := range []string{"static", "glibc", "musl"} {
		for _, stack := range []string{"static", kind} { // which all others stand on
			lists, err := filepath.Glob(filepath.Join("../../stacks/images", stack, "contents-*.txt"))
			if err != nil || len(lists) == 0 {
				t.Fatalf("no list of the files of %s: %v", stack, err)
			}
			for _, list := range lists {
				data, err := os.ReadFile(list)
				if err != nil {
					t.Fatal(err)
				}
				for _, found := range library.FindAllStringSubmatch(string(data), -1) {
					if kind == "glibc" {
						libraries[found[1]] = true
					}
				}
				for _, found := range program.FindAllStringSubmatch(string(data), -1) {
					programs[kind+" "+found[1]] = true
				}
			}
		}
	}
	kittest.Golden(t, "../../libraries.txt", strings.Join(slices.Sorted(maps.Keys(libraries)), "\n")+"\n")
	kittest.Golden(t, "../../programs.txt", strings.Join(slices.Sorted(maps.Keys(programs)), "\n")+"\n")
}
