// Package elftest makes ELF files for tests.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
)

// maxSegments is how many segments a file has room for.
const maxSegments = 5

// Program returns the smallest ELF file that has the parts that are named. It has no sections.
func Program(machine elf.Machine, interpreter string, needed ...string) string {
	return file(machine, interpreter, "", needed, nil)
}

// Library returns such a file of a library whose own libraries are looked for in folders, parted by colons.
func Library(machine elf.Machine, folders string, needed ...string) string {
	return file(machine, "", folders, needed, nil)
}

// Beside returns the file of a library whose own libraries are in the same folder.
func Beside(machine elf.Machine, needed ...string) string {
	return file(machine, "", "$ORIGIN", needed, nil)
}

// Calls returns the file of a library that needs glibc and names symbols of it.
func Calls(machine elf.Machine, symbols ...string) string {
	return file(machine, "", "", []string{"libc.so.6"}, symbols)
}

func file(machine elf.Machine, interpreter, folders string, needed, symbols []string) string {
	const headers, base = 64 + maxSegments*56, 0x400000
	text := append([]byte(interpreter), 0)
	stringsAt := headers + len(text)
	var names, table []byte
	names = append(names, 0)
	entry := func(tag elf.DynTag, value int) {
		table = binary.LittleEndian.AppendUint64(table, uint64(tag))
		table = binary.LittleEndian.AppendUint64(table, uint64(value))
	}
	for _, name := range needed {
		entry(elf.DT_NEEDED, len(names))
		names = append(append(names, name...), 0)
	}
	if folders != "" {
		entry(elf.DT_RUNPATH, len(names))
		names = append(append(names, folders...), 0)
	}
	if symbols != nil {
		names = append(append(names, strings.Join(symbols, "\x00")...), 0)
		entry(elf.DT_STRSZ, len(names))
	}
	entry(elf.DT_STRTAB, base+stringsAt)
	entry(elf.DT_NULL, 0)
	tableAt := stringsAt + len(names)
	size := tableAt + len(table)

	segment := func(kind elf.ProgType, at, length int) elf.Prog64 {
		return elf.Prog64{
			Type: uint32(kind), Off: uint64(at), Vaddr: uint64(base + at), Filesz: uint64(length), Memsz: uint64(length),
		}
	}
	segments := []elf.Prog64{segment(elf.PT_LOAD, 0, size)}
	if interpreter != "" {
		segments = append(segments, segment(elf.PT_INTERP, headers, len(text)))
	}
	if len(needed) > 0 {
		segments = append(segments, segment(elf.PT_DYNAMIC, tableAt, len(table)))
	}
	segments = append(segments, elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W)})
	header := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Phoff: 64,
		Ehsize: 64, Phentsize: 56, Phnum: uint16(len(segments)),
		Shoff: 1 << 40, Shnum: 9, Shstrndx: 8, // sections that are not there
	}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	var out bytes.Buffer
	for _, part := range []any{header, segments} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			panic(err)
		}
	}
	out.Write(make([]byte, headers-out.Len()))
	out.Write(text)
	out.Write(names)
	out.Write(table)
	return out.String()
}

// Defect returns a file of Program with the flags of the first segment of a kind, or with one more segment of that kind if it has none.
func Defect(file string, kind elf.ProgType, flags elf.ProgFlag) string {
	b := []byte(file)
	count := int(binary.LittleEndian.Uint16(b[56:]))
	at := 64
	for i := 0; i < count && elf.ProgType(binary.LittleEndian.Uint32(b[at:])) != kind; i++ {
		at += 56
	}
	if at == 64+56*count {
		if count == maxSegments {
			panic("no room for a segment")
		}
		binary.LittleEndian.PutUint16(b[56:], uint16(count+1))
		binary.LittleEndian.PutUint32(b[at:], uint32(kind))
	}
	binary.LittleEndian.PutUint32(b[at+4:], uint32(flags))
	return string(b)
}

// Note returns a file of Program, or of Library, with one more segment: a note of FDO with a type and a text.
func Note(file string, kind uint32, text string) string {
	owner := "FDO\x00"
	note := binary.LittleEndian.AppendUint32(nil, uint32(len(owner)))
	note = binary.LittleEndian.AppendUint32(note, uint32(len(text)))
	note = binary.LittleEndian.AppendUint32(note, kind)
	note = append(note, owner+text+"\x00\x00\x00"[:(4-len(text)%4)%4]...)
	b := []byte(Defect(file, elf.PT_NOTE, elf.PF_R))
	at := 64
	for elf.ProgType(binary.LittleEndian.Uint32(b[at:])) != elf.PT_NOTE {
		at += 56
	}
	binary.LittleEndian.PutUint64(b[at+8:], uint64(len(b)))
	binary.LittleEndian.PutUint64(b[at+32:], uint64(len(note)))
	return string(b) + string(note)
}
