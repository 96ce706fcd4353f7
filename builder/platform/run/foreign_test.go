package run

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// qemu is what the kernel says of an interpreter for arm64, as Debian's qemu-user-static registers it.
const qemu = `enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`

// TestStarts has interpreters that start programs for another architecture, and such that do not.
func TestStarts(t *testing.T) {
	t.Parallel()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	register := qemu
	if other == "amd64" {
		register = strings.Replace(qemu, "0200b700", "02003e00", 1)
	}
	for name, test := range map[string]struct {
		entry, arch string
		want        bool
	}{
		"the machine's own":    {"enabled\n", runtime.GOARCH, true},
		"an emulator":          {register, other, true},
		"no such interpreter":  {"enabled\ninterpreter /usr/bin/python3\nflags: F\noffset 0\nmagic cb0d0d0a\n", other, false},
		"by the file's name":   {"enabled\ninterpreter /usr/bin/jar\nflags: F\nextension .jar\n", other, false},
		"switched off":         {strings.Replace(register, "enabled", "disabled", 1), other, false},
		"not open":             {strings.Replace(register, "POF", "PO", 1), other, false},
		"another machine":      {strings.NewReplacer("0200b700", "0200f300", "02003e00", "0200f300").Replace(register), other, false},
		"unknown architecture": {register, "riscv64", false},
		"magic past the head":  {strings.Replace(register, "offset 0", "offset 4", 1), other, false},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"entry": test.entry, "status": "enabled\n"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := starts(dir, test.arch); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	if starts(filepath.Join(t.TempDir(), "none"), other) {
		t.Error("a kernel without interpreters starts programs for " + other)
	}
}

// TestCheckPlatform names the image, both platforms and what to do.
func TestCheckPlatform(t *testing.T) {
	t.Parallel()
	for _, mine := range []*v1.Platform{nil, {OS: "linux"}, {OS: "linux", Architecture: runtime.GOARCH}} {
		if err := CheckPlatform("app", mine); err != nil {
			t.Errorf("%v: %v", mine, err)
		}
	}
	err := CheckPlatform("app", &v1.Platform{OS: "linux", Architecture: "s390x"})
	want := "app is for linux/s390x, and this machine starts programs for linux/" + runtime.GOARCH
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "--platform linux/"+runtime.GOARCH) {
		t.Errorf("got %v", err)
	}
}
