package ldcache_test

import (
	"debug/elf"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf/elftest"
	"github.com/strata-buildpacks/strata/stacks/internal/ldcache"
)

// FuzzSoname reads shared libraries: the name has no zero byte, and what has one goes into the loader's cache.
func FuzzSoname(f *testing.F) {
	f.Add([]byte(elftest.Program(elf.EM_X86_64, "", "libc.so.6")))
	f.Add([]byte("\x7fELF\x01\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		name := ldcache.Soname(data)
		if strings.Contains(name, "\x00") || name != "" && !strings.HasPrefix(string(data), elf.ELFMAG) {
			t.Errorf("%q", name)
		}
		if _, err := ldcache.Format("amd64", libraries(name)); err != nil {
			t.Error(err)
		}
	})
}
