package elf

import (
	"bytes"
	"debug/elf"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Hardening is what makes a file harder to misuse, as far as its headers and the names of its dynamic symbols tell.
type Hardening struct {
	Kind    string // "program", "PIE", "static", "static PIE" or "library"
	RELRO   string // "full", "partial" or "none": what of the tables of addresses is read-only once the file is loaded
	Canary  string // "yes", "no" or "-": whether it calls what a stack protector calls; "-" where no symbols tell
	Fortify string // "yes", "no" or "-": whether it calls a checked variant of a function of glibc

	Defects
}

// Defects are what no compiler makes by default any more, and what lets an attacker run what he has written.
type Defects struct {
	// ExecStack is whether a header asks for an executable stack. glibc 2.41 opens no such library by its name, and still loads one that a
	// program needs.
	ExecStack bool
	// UntoldStack is whether a library for amd64 has no header that tells. glibc takes that for the same (sysdeps/x86_64/stackinfo.h).
	UntoldStack bool
	TextRel     bool // the loader writes to code (DT_TEXTREL)
	WriteExec   bool // a segment is writable and executable
}

// The names of defects.
const (
	ExecStack = "executable stack"
	TextRel   = "TEXTREL"
	WriteExec = "RWX segment"
)

// Faults returns the names of the defects that there are.
func (d Defects) Faults() []string {
	var faults []string
	for _, one := range []struct {
		is   bool
		name string
	}{{d.ExecStack, ExecStack}, {d.TextRel, TextRel}, {d.WriteExec, WriteExec}} {
		if one.is {
			faults = append(faults, one.name)
		}
	}
	return faults
}

// Measures returns the names of the measures that a file has, and of those that it could have: PIE, RELRO, BIND_NOW, NX, canary, fortify. A
// library is always PIE, a static program binds nothing late, and of the last two its symbols say nothing.
func (h Hardening) Measures() (has, lacks []string) {
	static := strings.HasPrefix(h.Kind, "static")
	for _, one := range []struct {
		name     string
		is, asks bool
	}{
		{"PIE", h.Kind == "PIE" || h.Kind == "static PIE", h.Kind != "library"},
		{"RELRO", h.RELRO != "none", true},
		{"BIND_NOW", h.RELRO == "full", !static},
		{"NX", !h.ExecStack && !h.WriteExec, true},
		{"canary", h.Canary == "yes", h.Canary != "-"},
		{"fortify", h.Fortify == "yes", h.Fortify != "-"},
	} {
		switch {
		case !one.asks:
		case one.is:
			has = append(has, one.name)
		default:
			lacks = append(lacks, one.name)
		}
	}
	return has, lacks
}

// checked matches the name of a checked variant of a function of glibc, as a table of names has it.
var checked = regexp.MustCompile(`\x00__[a-z0-9_]+_chk\x00`)

// namesLimit bounds the names of dynamic symbols that are read, in bytes. Those of the largest libraries have some million.
const namesLimit = 16 << 20

// ReadHardening reads the hardening of a program or a shared library. It reports whether a loader would load the file.
func ReadHardening(r io.ReaderAt) (Hardening, bool, error) {
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := r.ReadAt(magic, 0); err != nil || string(magic) != elf.ELFMAG {
		return Hardening{}, false, nil
	}
	f, err := elf.NewFile(segmentsOnly{r})
	if err != nil || f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return Hardening{}, false, nil
	}
	entries, err := table(f)
	if err != nil {
		return Hardening{}, false, err
	}
	h := Hardening{RELRO: "none", Canary: "-", Fortify: "-"}
	h.Defects = defects(f, entries)
	now, pie, address, size := readDynamic(entries)
	h.Kind = kind(f.Type, has(f, elf.PT_INTERP), pie)
	switch relro := has(f, elf.PT_GNU_RELRO); {
	case relro && (now || strings.HasPrefix(h.Kind, "static")):
		h.RELRO = "full"
	case relro:
		h.RELRO = "partial"
	}
	if size > 0 && !strings.HasPrefix(h.Kind, "static") {
		names := at(f, address, min(size, namesLimit))
		h.Canary, h.Fortify = yes(bytes.Contains(names, []byte("\x00__stack_chk_fail\x00"))), yes(checked.Match(names))
	}
	return h, true, nil
}

// defects reads what headers of segments and the dynamic table say of code that can be written to.
func defects(f *elf.File, entries []entry) Defects {
	_, pie, _, _ := readDynamic(entries)
	library := has(f, elf.PT_DYNAMIC) && kind(f.Type, has(f, elf.PT_INTERP), pie) == "library"
	d := Defects{UntoldStack: library && f.Machine == elf.EM_X86_64 && !has(f, elf.PT_GNU_STACK)}
	for _, segment := range f.Progs {
		switch segment.Type {
		case elf.PT_GNU_STACK:
			d.ExecStack = segment.Flags&elf.PF_X != 0
		case elf.PT_LOAD:
			d.WriteExec = d.WriteExec || segment.Flags&(elf.PF_W|elf.PF_X) == elf.PF_W|elf.PF_X
		}
	}
	for _, e := range entries {
		d.TextRel = d.TextRel || e.tag == elf.DT_TEXTREL || e.tag == elf.DT_FLAGS && elf.DynFlag(e.value)&elf.DF_TEXTREL != 0
	}
	return d
}

// has reports whether a file has a segment of a kind.
func has(f *elf.File, kind elf.ProgType) bool {
	return slices.ContainsFunc(f.Progs, func(segment *elf.Prog) bool { return segment.Type == kind })
}

// readDynamic reads of the dynamic table what tells of hardening, and where in memory the names of symbols are.
func readDynamic(entries []entry) (now, pie bool, address, size uint64) {
	for _, e := range entries {
		switch e.tag {
		case elf.DT_BIND_NOW:
			now = true
		case elf.DT_FLAGS:
			now = now || elf.DynFlag(e.value)&elf.DF_BIND_NOW != 0
		case elf.DT_FLAGS_1:
			now = now || elf.DynFlag1(e.value)&elf.DF_1_NOW != 0
			pie = elf.DynFlag1(e.value)&elf.DF_1_PIE != 0
		case elf.DT_STRTAB:
			address = e.value
		case elf.DT_STRSZ:
			size = e.value
		}
	}
	return now, pie, address, size
}

// kind returns what a file is.
func kind(t elf.Type, interpreter, pie bool) string {
	switch {
	case t == elf.ET_EXEC && interpreter:
		return "program"
	case t == elf.ET_EXEC:
		return "static"
	case interpreter:
		return "PIE"
	case pie:
		return "static PIE"
	}
	return "library"
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// at returns the bytes at a virtual address, as far as a segment has them.
func at(f *elf.File, address, size uint64) []byte {
	for _, segment := range f.Progs {
		if segment.Type != elf.PT_LOAD || address < segment.Vaddr || address-segment.Vaddr >= segment.Filesz {
			continue
		}
		b, _ := io.ReadAll(io.NewSectionReader(segment, int64(address-segment.Vaddr), int64(size))) // what a damaged file has
		return b
	}
	return nil
}
