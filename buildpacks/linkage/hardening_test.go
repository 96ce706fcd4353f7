package linkage_test

import (
	"debug/elf"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestHardening prints how files are hardened that the build compiled: each that lacks something, and of the others how many there are.
// What was compiled elsewhere is not among them.
func TestHardening(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	relro := func(file string) string { return elftest.Defect(file, elf.PT_GNU_RELRO, elf.PF_R) }
	whole := []byte(relro(elftest.Program(elf.EM_X86_64, "", "libc.so.6", "libm.so.6")))
	whole[len(whole)-3*16] = byte(elf.DT_BIND_NOW) // in place of the second library
	guarded := relro(elftest.Calls(elf.EM_X86_64, "__stack_chk_fail", "__memcpy_chk"))
	plain := elftest.Program(elf.EM_X86_64, glibcLoader, "libc.so.6")
	kittest.Write(t, filepath.Join(root, "strata_linkage"), nil)
	kittest.Write(t, root, map[string]string{
		"strata_native/installed/bin/plain":   plain,
		"strata_native/installed/bin/plain-2": plain,
		"strata_native/installed/lib/a.so":    guarded,
		"strata_native/installed/lib/b.so":    relro(elftest.Calls(elf.EM_X86_64, "puts")),
		"strata_native/installed/text":        "#!/bin/sh\n",
		"strata_native/installed.toml":        "[types]\nlaunch = true\n",
		"strata_go/targets/bin/c.so":          string(whole),
		"strata_go/targets/bin/d.so":          string(whole),
		"strata_go/targets.toml":              "[types]\nlaunch = true\n",
		"strata_node/node/bin/node":           plain,
		"strata_node/node.toml":               "[types]\nlaunch = true\n",
		"other/launch.toml":                   "[[processes]]\ntype = \"web\"\ncommand = [\"/cnb/lifecycle/launcher\"]\n",
	})
	makeExecutable(t, filepath.Join(root, "strata_native", "installed"), filepath.Join(root, "strata_node", "node"))
	got := kittest.Build(t, kittest.Case{
		Layers: filepath.Join(root, "strata_linkage"), Distro: "strata-glibc", Arch: "amd64",
		Env: config.Environment{"BP_LINKAGE_PROGRAMS": "web"},
	})
	if got.Code != 0 {
		t.Errorf("code %d", got.Code)
	}
	kittest.Golden(t, "hardening.txt", strings.ReplaceAll(got.Log(), root, "<root>"))
}
