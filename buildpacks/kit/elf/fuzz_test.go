package elf_test

import (
	debugelf "debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
)

// maxAllocated is the memory that headers, tables and names may take, in bytes.
const maxAllocated = 16 << 20

// FuzzELF reads and strips programs. Names are without zero bytes, and no file takes much more memory than it is large.
func FuzzELF(f *testing.F) {
	f.Add([]byte(elftest.Program(debugelf.EM_X86_64, "/lib/ld.so", "libm.so.6", "libc.so.6")))
	f.Add([]byte(elftest.Program(debugelf.EM_AARCH64, "", "libc.so.6")))
	f.Add([]byte(elftest.Program(debugelf.EM_X86_64, "/lib/ld.so\x00l")))
	f.Add([]byte(elftest.Library(debugelf.EM_X86_64, "$ORIGIN:/lib", "libc.so.6")))
	f.Add([]byte(elftest.Note(elftest.Program(debugelf.EM_X86_64, "", "libc.so.6"), 0x407c0c0a, `[{"soname":["libz.so.1"]}]`)))
	f.Add([]byte(elftest.Calls(debugelf.EM_X86_64, "iconv_open")))
	f.Add([]byte("\x7fELF\x01"))
	f.Add([]byte(elftest.Program(debugelf.EM_X86_64, "", strings.Split(strings.Repeat("a ", 8000), " ")...)))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		file, loaded, err := elf.Read(path)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > maxAllocated {
			t.Errorf("%d bytes are allocated for a file of %d", used, len(content))
		}
		if strings.Contains(file.Interpreter+strings.Join(file.Needed, "")+strings.Join(file.Folders, ""), "\x00") && err == nil {
			t.Errorf("names with a zero byte: %+v", file)
		}
		for _, opened := range file.Opened {
			if strings.ContainsAny(strings.Join(opened.Names, ""), "/\x00\n") || len(opened.Names) == 0 {
				t.Errorf("opens %q", opened.Names)
			}
		}
		if err == nil && loaded && !strings.HasPrefix(string(content), debugelf.ELFMAG) {
			t.Error("what is no ELF file is loaded")
		}
		if h, loaded, err := elf.ReadHardening(strings.NewReader(string(content))); err == nil && loaded && h.Kind == "" {
			t.Error("a file that is loaded is of no kind")
		}
		to := filepath.Join(dir, "stripped")
		if err := elf.Strip(path, to); err != nil {
			return
		}
		if info, err := os.Stat(to); err != nil || info.Size() > int64(len(content)) {
			t.Errorf("the copy of %d bytes is %v (%v)", len(content), info, err)
		}
	})
}
