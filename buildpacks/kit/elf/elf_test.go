package elf_test

import (
	debugelf "debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	t.Parallel()
	const loader = "/lib64/ld-linux-x86-64.so.2"
	object := []byte(elftest.Program(debugelf.EM_X86_64, ""))
	object[16] = byte(debugelf.ET_REL)
	tests := []struct {
		name, content string
		want          elf.File
		loaded        bool
	}{
		{"static", elftest.Program(debugelf.EM_AARCH64, ""), elf.File{Machine: debugelf.EM_AARCH64}, true},
		{"dynamic", elftest.Program(debugelf.EM_X86_64, loader, "libm.so.6", "libc.so.6"),
			elf.File{Machine: debugelf.EM_X86_64, Interpreter: loader, Needed: []string{"libm.so.6", "libc.so.6"}}, true},
		{"library", elftest.Program(debugelf.EM_X86_64, "", "libc.so.6"),
			elf.File{Machine: debugelf.EM_X86_64, Needed: []string{"libc.so.6"}}, true},
		{"library with folders", elftest.Library(debugelf.EM_X86_64, "$ORIGIN/../x.libs:/lib", "libx.so"),
			elf.File{Machine: debugelf.EM_X86_64, Needed: []string{"libx.so"}, Folders: []string{"$ORIGIN/../x.libs", "/lib"}}, true},
		{"object file", string(object), elf.File{}, false},
		{"script", "#!/bin/sh\n", elf.File{}, false},
		{"broken headers", "\x7fELF\x02", elf.File{}, false},
		{"short", "\x7fE", elf.File{}, false},
		{"empty", "", elf.File{}, false},
	}
	for _, test := range tests {
		got, loaded, err := elf.Read(write(t, test.content))
		if diff := cmp.Diff(test.want, got); err != nil || loaded != test.loaded || diff != "" {
			t.Errorf("%s: %t, %v (-want +got):\n%s", test.name, loaded, err, diff)
		}
	}
	damaged := []byte(elftest.Program(debugelf.EM_X86_64, "", "libc.so.6"))
	damaged[len(damaged)-18] = 0xff // of the address of names, the last but one entry of the dynamic table
	if _, _, err := elf.Read(write(t, string(damaged))); err == nil {
		t.Error("names outside of the file are read")
	}
	if _, _, err := elf.Read(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v of a file that is not there", err)
	}
}

// TestStrip strips this test's own program, and runs it.
func TestStrip(t *testing.T) {
	t.Parallel()
	from, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "stripped")
	if err := elf.Strip(from, to); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(to)
	if err != nil || after.Size() >= before.Size() || after.Mode() != 0o755 {
		t.Errorf("the copy is %v (%v), the program had %d bytes", after, err, before.Size())
	}
	program, err := debugelf.Open(to)
	if err != nil || len(program.Sections) > 0 {
		t.Errorf("the copy has sections or is damaged: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), to, "-test.run=^$").CombinedOutput(); err != nil {
		t.Errorf("it does not run: %v\n%s", err, out)
	}
	if err := elf.Strip(from, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v where a file is", err)
	}
}

// TestStripWhole copies what may not be cut: a program in which nothing is known to be behind what is loaded.
func TestStripWhole(t *testing.T) {
	t.Parallel()
	whole := []byte(elftest.Program(debugelf.EM_X86_64, "", "libc.so.6"))
	for _, at := range []int{0x3c, 0x3d, 0x3e, 0x3f} { // no sections
		whole[at] = 0
	}
	for at := 0x28; at < 0x30; at++ {
		whole[at] = 0
	}
	to := filepath.Join(t.TempDir(), "copy")
	if err := elf.Strip(write(t, string(whole)), to); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != string(whole) {
		t.Errorf("the copy has %d of %d bytes (%v)", len(got), len(whole), err)
	}
	if err := elf.Strip(write(t, "#!/bin/sh\n"), filepath.Join(t.TempDir(), "script")); err == nil {
		t.Error("a script is stripped")
	}
}
