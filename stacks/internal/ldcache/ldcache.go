// Package ldcache writes /etc/ld.so.cache, in which glibc's loader looks for libraries before it searches folders. The format is
// "glibc-ld.so.cache1.1" of glibc's sysdeps/generic/dl-cache.h.
package ldcache

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
)

// Library is a shared library. Programs ask for it by Soname, and it lies at Path, which ends in that name.
type Library struct{ Soname, Path string }

// flags say which machine a library is for: FLAG_ELF_LIBC6 with FLAG_X8664_LIB64 or FLAG_AARCH64_LIB64.
var flags = map[string]uint32{"amd64": 0x0303, "arm64": 0x0a03}

const (
	headerSize   = 48
	entrySize    = 24
	littleEndian = 2
)

// Format returns the cache for an architecture, amd64 or arm64. Its bytes depend on the set of libraries alone.
func Format(arch string, libraries []Library) ([]byte, error) {
	flag, ok := flags[arch]
	if !ok {
		return nil, fmt.Errorf("the loader's flags for %q are not known", arch)
	}
	sorted := slices.Clone(libraries)
	// The loader searches the list by halves in an order of its own, the greatest name first.
	slices.SortFunc(sorted, func(a, b Library) int { return compare(b.Soname, a.Soname) })
	var table, text bytes.Buffer
	base := headerSize + entrySize*len(sorted)
	word := func(values ...uint32) {
		for _, v := range values {
			table.Write(binary.LittleEndian.AppendUint32(nil, v))
		}
	}
	table.WriteString("glibc-ld.so.cache1.1")
	for _, l := range sorted {
		text.WriteString(l.Path + "\x00")
	}
	// Number of entries, bytes of text, byte order, no extensions, three unused words.
	word(uint32(len(sorted)), uint32(text.Len()), littleEndian, 0, 0, 0, 0)
	at := base
	for _, l := range sorted {
		// The name is the end of the path, so one text serves both. There are no kernel version and no processor features.
		word(flag, uint32(at+len(l.Path)-len(l.Soname)), uint32(at), 0, 0, 0)
		at += len(l.Path) + 1
	}
	return append(table.Bytes(), text.Bytes()...), nil
}

// compare orders names as glibc's _dl_cache_libcmp does: runs of digits count as numbers, and come after everything else.
func compare(a, b string) int {
	for a != "" {
		switch {
		case digit(a) && digit(b):
			var x, y int
			x, a = number(a)
			y, b = number(b)
			if x != y {
				return x - y
			}
		case digit(a):
			return 1
		case digit(b):
			return -1
		case b == "":
			return int(a[0])
		case a[0] != b[0]:
			return int(a[0]) - int(b[0])
		default:
			a, b = a[1:], b[1:]
		}
	}
	return -len(b)
}

func digit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func number(s string) (int, string) {
	n := 0
	for digit(s) {
		n, s = n*10+int(s[0]-'0'), s[1:]
	}
	return n, s
}

// Soname returns the name by which programs ask for a shared library, or "" for any other file.
func Soname(data []byte) string {
	if !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		return ""
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil || f.Type != elf.ET_DYN {
		return ""
	}
	names, err := f.DynString(elf.DT_SONAME)
	if err != nil || len(names) == 0 {
		return ""
	}
	return names[0]
}
