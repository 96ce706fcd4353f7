package calls

import (
	"cmp"
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxText is how large the code of a program may be, in bytes.
const maxText = 256 << 20

// function is a function of the program, by the table with which Go's runtime writes stack traces.
type function struct {
	name       string
	entry, end uint64
}

// program is the executable code of a program, and what its data begins with.
type program struct {
	machine   machine
	text      uint64 // the address of code
	code      []byte
	functions []function // sorted by their entry
	entries   map[uint64]bool
	data      []segment
	targets   []uint64  // addresses of code that data has, sorted
	outside   []segment // executable code that Go's table does not have
}

type segment struct {
	start uint64
	bytes []byte
}

// read reads a program.
func read(file io.ReaderAt) (program, error) {
	f, err := elf.NewFile(file)
	if err != nil {
		return program{}, &Defect{"is no program in the ELF format"}
	}
	var p program
	switch f.Machine {
	case elf.EM_X86_64:
		p.machine = amd64{}
	case elf.EM_AARCH64:
		p.machine = arm64{}
	default:
		return p, &Defect{"is for neither amd64 nor arm64"}
	}
	for _, one := range f.Progs {
		if one.Type == elf.PT_INTERP || one.Type == elf.PT_DYNAMIC {
			return p, &Defect{"is linked to libraries, or lies at any address"}
		}
	}
	if err := p.sections(f); err != nil {
		return p, err
	}
	table := f.Section(".gopclntab")
	if table == nil || p.code == nil || table.Flags&elf.SHF_ALLOC == 0 || table.Flags&elf.SHF_COMPRESSED != 0 {
		return p, &Defect{"has no table of Go's functions"}
	}
	lines, err := table.Data()
	if err != nil {
		return p, fmt.Errorf("reading the table of functions: %w", err)
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(lines, p.text))
	if err != nil {
		return p, &Defect{"has a table of functions that cannot be read: " + err.Error()}
	}
	return p, p.addFunctions(symbols.Funcs)
}

// sections reads the code and the data of a program.
func (p *program) sections(f *elf.File) error {
	var total uint64
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Type == elf.SHT_NOBITS {
			continue
		}
		if total += s.Size; total > maxText {
			return &Defect{fmt.Sprintf("has more than %d bytes", maxText)}
		}
		if s.Flags&elf.SHF_COMPRESSED != 0 {
			return &Defect{"has a section that is loaded and compressed: " + s.Name}
		}
		content, err := s.Data()
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the section %s: %w", s.Name, err)
		}
		part := segment{s.Addr, content}
		switch {
		case s.Name == ".text" && s.Flags&elf.SHF_EXECINSTR != 0:
			p.text, p.code = s.Addr, content
		case s.Flags&elf.SHF_EXECINSTR != 0:
			p.outside = append(p.outside, part)
		case s.Name != ".gopclntab":
			p.data = append(p.data, part)
		}
	}
	return nil
}

// addFunctions takes the functions of a table, and the code between, before and after them as code of nobody.
func (p *program) addFunctions(all []gosym.Func) error {
	p.entries = make(map[uint64]bool, len(all))
	end := p.text + uint64(len(p.code))
	for _, one := range all {
		if one.Entry < p.text || one.End > end || one.Entry >= one.End {
			return &Defect{"has a table of functions that does not fit its code"}
		}
		p.functions = append(p.functions, function{one.Name, one.Entry, one.End})
		p.entries[one.Entry] = true
	}
	slices.SortStableFunc(p.functions, func(a, b function) int { return cmp.Compare(a.entry, b.entry) })
	at := p.text
	for _, one := range p.functions {
		if one.entry > at {
			p.outside = append(p.outside, segment{at, p.bytes(at, one.entry)})
		}
		at = max(at, one.end)
	}
	p.outside = append(p.outside, segment{at, p.bytes(at, end)})
	return nil
}

// bytes returns the code between two addresses.
func (p *program) bytes(start, end uint64) []byte { return p.code[start-p.text : end-p.text] }

// holder returns the number of the function that has an address in it.
func (p *program) holder(address uint64) (int, bool) {
	i, found := slices.BinarySearchFunc(p.functions, address, func(f function, address uint64) int { return cmp.Compare(f.entry, address) })
	if !found {
		i--
	}
	return i, i >= 0 && address < p.functions[i].end
}

// pointers returns the addresses of functions that the data has: what is called through them is not known. It notes all addresses of
// code, which are also those that a switch jumps to.
func (p *program) pointers() map[uint64]bool {
	found := map[uint64]bool{}
	for _, part := range p.data {
		for at := -part.start % word; at+word <= uint64(len(part.bytes)); at += word {
			address := binary.LittleEndian.Uint64(part.bytes[at:])
			if p.entries[address] {
				found[address] = true
			} else if address-p.text < uint64(len(p.code)) {
				p.targets = append(p.targets, address)
			}
		}
	}
	slices.Sort(p.targets)
	p.targets = slices.Compact(p.targets)
	return found
}

// landings returns the addresses within a function that data has.
func (p *program) landings(f function) []uint64 {
	from, _ := slices.BinarySearch(p.targets, f.entry)
	to, _ := slices.BinarySearch(p.targets, f.end)
	return p.targets[from:to]
}

// tabled reports whether a function may be a method that is called through an interface which a program makes when it runs. The tables of
// methods have its distance from the start of code, in four bytes (internal/abi, type Method). Names of methods have two dots.
func (p *program) tabled(f function) bool {
	if strings.Count(f.name[strings.LastIndexByte(f.name, '/')+1:], ".") < 2 {
		return false
	}
	distance := uint32(f.entry - p.text)
	for _, part := range p.data {
		for at := -part.start % 4; at+4 <= uint64(len(part.bytes)); at += 4 {
			if binary.LittleEndian.Uint32(part.bytes[at:]) == distance {
				return true
			}
		}
	}
	return false
}

// constants reads variables that their package sets once. Others may have any value when they are read.
func (p *program) constants(f function) func(uint64) value {
	if !strings.HasPrefix(f.name, "golang.org/x/sys/unix.") && !strings.HasPrefix(f.name, "syscall.") {
		return func(uint64) value { return anything }
	}
	return func(address uint64) value { // its variable fcntl64Syscall, which only a 32-bit machine changes
		for _, part := range p.data {
			if address >= part.start && address+word <= part.start+uint64(len(part.bytes)) {
				return number(binary.LittleEndian.Uint64(part.bytes[address-part.start:]))
			}
		}
		return anything
	}
}
