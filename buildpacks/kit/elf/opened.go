package elf

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"io"
	"regexp"
	"slices"
)

// Opened is what a file says that it opens by a name when it runs (dlopen). It is one entry of a note (UAPI group, "ELF Metadata:
// dlopen"), which Debian's systemd and kmod have, among others.
type Opened struct {
	Names    []string `json:"soname"`   // names of libraries, of which any one does
	Priority string   `json:"priority"` // Required, Recommended or Suggested
}

// The priorities of what is opened.
const (
	Required    = "required"    // without it the program fails
	Recommended = "recommended" // without it most users lack something; what no priority is given for, too
	Suggested   = "suggested"   // without it few users lack something
)

const (
	// noteOpened is the type of the note, whose owner is "FDO".
	noteOpened = 0x407c0c0a
	// notesLimit bounds the notes of a file, in bytes. Those of libsystemd have 800.
	notesLimit = 1 << 16
)

// soname matches the name of a library without a path.
var soname = regexp.MustCompile(`^[\w.+-]+$`)

// opened returns what the notes say that is opened. No loader reads notes: what is damaged says nothing.
func opened(f *elf.File) []Opened {
	var all []Opened
	left := int64(notesLimit)
	for _, segment := range f.Progs {
		if segment.Type != elf.PT_NOTE {
			continue
		}
		notes, err := io.ReadAll(io.LimitReader(segment.Open(), left))
		if err != nil {
			return nil
		}
		left -= int64(len(notes))
		for len(notes) > 0 {
			var entries []Opened
			var ours bool
			var text []byte
			if text, ours, notes = note(f, notes, segment.Align); ours && json.Unmarshal(text, &entries) == nil {
				all = append(all, entries...)
			}
		}
	}
	for i := range all {
		if all[i].Priority != Required && all[i].Priority != Suggested {
			all[i].Priority = Recommended
		}
		all[i].Names = slices.DeleteFunc(all[i].Names, func(name string) bool { return !soname.MatchString(name) })
	}
	return slices.DeleteFunc(all, func(o Opened) bool { return len(o.Names) == 0 })
}

// note returns the text of the first note, reports whether it is one of what is opened, and returns the notes behind it. A note has the
// sizes of its owner and its text and a type, each in four bytes, and both parts end where the alignment says (gABI, "Note Section").
func note(f *elf.File, notes []byte, align uint64) (text []byte, ours bool, rest []byte) {
	const header = 12
	if len(notes) < header {
		return nil, false, nil
	}
	round := func(size uint32) uint64 {
		unit := uint64(4)
		if align == 8 {
			unit = 8
		}
		return (uint64(size) + unit - 1) / unit * unit
	}
	owner, size, kind := f.ByteOrder.Uint32(notes), f.ByteOrder.Uint32(notes[4:]), f.ByteOrder.Uint32(notes[8:])
	notes = notes[header:]
	if round(owner)+uint64(size) > uint64(len(notes)) {
		return nil, false, nil
	}
	ours = kind == noteOpened && bytes.Equal(notes[:owner], []byte("FDO\x00"))
	text = bytes.TrimRight(notes[round(owner):round(owner)+uint64(size)], "\x00")
	return text, ours, notes[min(round(owner)+round(size), uint64(len(notes))):]
}

// iconv is the function of glibc that opens the converter of a character set by its name.
const iconv = "iconv_open"

// convertsText reports whether a file names iconv among its dynamic symbols.
func convertsText(f *elf.File, entries []entry) bool {
	_, _, address, size := readDynamic(entries)
	return size > 0 && bytes.Contains(at(f, address, min(size, namesLimit)), []byte("\x00"+iconv+"\x00"))
}
