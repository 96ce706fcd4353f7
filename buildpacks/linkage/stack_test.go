package linkage_test

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestStacks names the libraries with an executable stack that glibc refuses to open, of the app, of packages and of jars. One that a
// program needs as it starts is loaded. Those for other systems and machines in a jar are not opened.
func TestStacks(t *testing.T) {
	t.Parallel()
	stack := func(file string) string { return elftest.Defect(file, elf.PT_GNU_STACK, elf.PF_R|elf.PF_W|elf.PF_X) }
	needs := func(name string) string { return elftest.Program(elf.EM_X86_64, "", name) }
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	entries := map[string]string{
		"linux-amd64/libjni.so": stack(needs("libc.so.6")), "linux-arm64/libjni.so": stack(elftest.Program(elf.EM_AARCH64, "", "libc.so.6")),
		"sunos-amd64/libjni.so": stack(needs("libc.so.1")), "linux-musl/libjni.so": stack(needs("libc.so")), "good/libjni.so": needs("libc.so.6"),
		"text.so": "text", "Main.class": stack(needs("libc.so.6")),
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(entries[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"app/plugin.so":     stack(needs("libc.so.6")),
		"app/needed.so.1.2": stack(needs("deeper.so")),
		"app/static":        stack(elftest.Program(elf.EM_X86_64, "")),
		"app/deeper.so":     stack(needs("libc.so.6")),
		"app/good.so":       needs("libc.so.6"),
		"app/web":           elftest.Program(elf.EM_X86_64, glibcLoader, "needed.so.1"),
		"app/broken.jar":    "PK",
		"app/lib.jar":       jar.String(),
	}
	for distro, golden := range map[string]string{"strata-glibc": "stacks.txt", "strata-static": ""} {
		root := t.TempDir()
		kittest.Write(t, root, files)
		if err := os.Symlink("needed.so.1.2", filepath.Join(root, "app", "needed.so.1")); err != nil {
			t.Fatal(err)
		}
		kittest.Write(t, filepath.Join(root, "layers", "strata_linkage"), nil)
		kittest.Write(t, root, map[string]string{
			"layers/other/launch.toml": "[[processes]]\ntype = \"web\"\ncommand = [\"web\"]\n",
		})
		makeExecutable(t, filepath.Join(root, "app"))
		got := kittest.Build(t, kittest.Case{
			AppDir: filepath.Join(root, "app"), Layers: filepath.Join(root, "layers", "strata_linkage"), Distro: distro, Arch: "amd64",
			Env: config.Environment{"BP_LINKAGE_PROGRAMS": "web"},
		})
		text := strings.ReplaceAll(got.Log(), root, "<root>")
		if golden == "" {
			if strings.Contains(text, "opens no library") {
				t.Errorf("%s:\n%s", distro, text)
			}
			continue
		}
		if got.Code != 0 {
			t.Errorf("%s: code %d", distro, got.Code)
		}
		kittest.Golden(t, golden, text)
	}
}
