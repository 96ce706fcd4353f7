package allocator_test

import (
	"debug/elf"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/allocator"
	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

func TestMain(m *testing.M) { kittest.Main(m, allocator.Buildpack()) }

func TestDetect(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct {
		code int
		log  string
	}{
		"":         {100, "strata/allocator fail: BP_ALLOCATOR is glibc\n"},
		"glibc":    {100, "strata/allocator fail: BP_ALLOCATOR is glibc\n"},
		"jemalloc": {0, "strata/allocator pass: BP_ALLOCATOR is jemalloc\n"},
		"tcmalloc": {0, "strata/allocator pass: BP_ALLOCATOR is tcmalloc\n"},
	} {
		got := kittest.Detect(t, kittest.Case{Env: config.Environment{"BP_ALLOCATOR": value}})
		if got.Code != want.code || got.Log() != want.log {
			t.Errorf("%q: code %d and %q", value, got.Code, got.Log())
		}
	}
}

// TestRefuses ends where the allocator could not work, before anything is fetched.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ allocator, distro string }{
		"unknown": {"tcmalloc", "strata-glibc"}, "static": {"jemalloc", "strata-static"}, "musl": {"hardened", "strata-musl"},
		"mirror": {"mimalloc", "strata-glibc"},
	} {
		got := kittest.Build(t, kittest.Case{Distro: test.distro, Arch: "amd64", Env: config.Environment{"BP_ALLOCATOR": test.allocator}})
		if got.Code != 1 {
			t.Errorf("%s: code %d", name, got.Code)
		}
		kittest.Golden(t, "refuses-"+name+".txt", got.Log())
	}
}

// TestProof looks at the programs of processes with a layer that the build before has left: a file that the loader of this machine
// cannot load, which it would only warn of.
func TestProof(t *testing.T) {
	t.Parallel()
	const muslLoader = "/lib/ld-musl-x86_64.so.1"
	for name, test := range map[string]struct{ command, file string }{
		"static":     {"/APP/web", elftest.Program(elf.EM_X86_64, "")},
		"musl":       {"./web", elftest.Program(elf.EM_X86_64, muslLoader, "libc.musl-x86_64.so.1")},
		"script":     {"web", "#!/usr/bin/env -S inner -x\n"},
		"text":       {"./web", "no program"},
		"elsewhere":  {"gone", ""},
		"not loaded": {"/bin/true", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			app, layers := filepath.Join(root, "app"), filepath.Join(root, "layers", "strata_allocator")
			kittest.Write(t, app, map[string]string{"web": test.file, "inner": elftest.Program(elf.EM_X86_64, "")})
			kittest.Write(t, layers, nil)
			kittest.Write(t, filepath.Join(root, "layers", "other_x"), map[string]string{
				"launch.toml": "[[processes]]\ntype = \"web\"\ncommand = [\"" + strings.ReplaceAll(test.command, "/APP", app) + "\"]\n",
			})
			env := config.Environment{"BP_ALLOCATOR": "jemalloc"}
			kittest.Write(t, layers, allocator.Restored(t, "jemalloc", filepath.Join(root, "layers")))
			got := kittest.Build(t, kittest.Case{AppDir: app, Layers: layers, Distro: "strata-glibc", Arch: "amd64", Env: env})
			text := strings.ReplaceAll(got.Log(), root, "<root>")
			kittest.Golden(t, "proof-"+strings.ReplaceAll(name, " ", "-")+".txt", text)
			if want := 1; name != "elsewhere" && got.Code != want || name == "elsewhere" && got.Code != 0 {
				t.Errorf("code %d", got.Code)
			}
		})
	}
}
