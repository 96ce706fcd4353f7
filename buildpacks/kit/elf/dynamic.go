package elf

import (
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"io"
	"strings"
)

// tableLimit bounds the dynamic table, in bytes: 4,096 entries. Each may name a library of 4 kB. Those of large programs have a hundred.
const tableLimit = 1 << 16

var errDynamic = errors.New("its dynamic table is damaged")

// entry is one of the dynamic table.
type entry struct {
	tag   elf.DynTag
	value uint64
}

// table returns the dynamic table up to its end. It reads the segment as the loader does, and not the section of debug/elf, which
// stripped and packed files may lack.
func table(f *elf.File) ([]entry, error) {
	var table []byte
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_DYNAMIC {
			var err error
			if table, err = io.ReadAll(io.LimitReader(segment.Open(), tableLimit+1)); err != nil {
				return nil, err
			}
			if len(table) > tableLimit {
				return nil, errDynamic
			}
		}
	}
	word := 8
	if f.Class == elf.ELFCLASS32 {
		word = 4
	}
	number := func(b []byte) uint64 {
		if word == 4 {
			return uint64(f.ByteOrder.Uint32(b))
		}
		return f.ByteOrder.Uint64(b)
	}
	var entries []entry
	for ; len(table) >= 2*word; table = table[2*word:] {
		e := entry{elf.DynTag(number(table)), number(table[word:])}
		if e.tag == elf.DT_NULL {
			break
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// dynamic returns the libraries that the dynamic table names (DT_NEEDED) and the folders where they are looked for.
func dynamic(f *elf.File, entries []entry) (needed, folders []string, err error) {
	var offsets []uint64
	var texts, path, oldPath uint64
	for _, e := range entries {
		switch e.tag {
		case elf.DT_NEEDED:
			offsets = append(offsets, e.value)
		case elf.DT_STRTAB:
			texts = e.value
		case elf.DT_RUNPATH:
			path = e.value
		case elf.DT_RPATH:
			oldPath = e.value
		}
	}
	for _, offset := range offsets {
		name, err := stringAt(f, texts+offset)
		if err != nil {
			return nil, nil, err
		}
		needed = append(needed, name)
	}
	if path = cmp.Or(path, oldPath); path == 0 {
		return needed, nil, nil
	}
	list, err := stringAt(f, texts+path)
	return needed, strings.Split(list, ":"), err
}

// sectionFields are the parts of a file's header, as offsets from and to, that tell of sections: e_shoff; e_shnum and e_shstrndx.
var sectionFields = map[elf.Class][][2]int64{
	elf.ELFCLASS32: {{0x20, 0x24}, {0x30, 0x34}},
	elf.ELFCLASS64: {{0x28, 0x30}, {0x3c, 0x40}},
}

// segmentsOnly is an ELF file as the loader sees it: the header says that there are no sections, so that debug/elf does
// not read them and does not refuse a file because of them.
type segmentsOnly struct{ io.ReaderAt }

func (s segmentsOnly) ReadAt(p []byte, offset int64) (int, error) {
	n, err := s.ReaderAt.ReadAt(p, offset)
	class := make([]byte, 1)
	if _, err := s.ReaderAt.ReadAt(class, elf.EI_CLASS); err != nil {
		return 0, err
	}
	for _, field := range sectionFields[elf.Class(class[0])] {
		for i := max(field[0], offset); i < min(field[1], offset+int64(n)); i++ {
			p[i-offset] = 0
		}
	}
	return n, err
}

// stringAt returns the string that ends with a zero byte at a virtual address.
func stringAt(f *elf.File, address uint64) (string, error) {
	for _, segment := range f.Progs {
		if segment.Type != elf.PT_LOAD || address < segment.Vaddr || address-segment.Vaddr >= segment.Filesz {
			continue
		}
		text := make([]byte, min(segment.Filesz-(address-segment.Vaddr), 4096))
		n, err := segment.ReadAt(text, int64(address-segment.Vaddr))
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if name, _, found := bytes.Cut(text[:n], []byte{0}); found {
			return string(name), nil
		}
	}
	return "", errDynamic
}
