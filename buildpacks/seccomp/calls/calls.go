// Package calls finds the system calls of static programs that Go compiled, in their machine code. Each such call goes through one of a
// few functions, which get its number as an argument. The package follows the number back, through registers, the stack and callers, to the
// constants that it may be. What it cannot follow, it names.
package calls

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Found is what a program may ask of the kernel.
type Found struct {
	Arch    string   // as in GOARCH
	Numbers []uint64 // of its system calls, sorted
	Unknown []string // the functions that make a call whose number is not known, sorted
}

// Defect says why a file is no program whose calls can be found: "is linked to libraries".
type Defect struct{ what string }

func (d *Defect) Error() string { return d.what }

// machine is an architecture.
type machine interface {
	arch() string
	number() place                                                              // where the kernel takes the number of a call from
	first() place                                                               // where a function finds its first argument
	called(how flow) int64                                                      // by how much a call moves the stack pointer
	result() int64                                                              // the size of a return address on the stack
	traps(code []byte) []int                                                    // where bytes may call the kernel
	references(code []byte, start uint64, see func(at, target uint64))          // what may be an address in code
	decode(code []byte, start uint64, constant func(address uint64) value) body // the instructions of a function
}

// maxFunction is how large a function may be that is followed, in bytes.
const maxFunction = 1 << 20

// Of finds the system calls of a program. The error is a *Defect if it is no static program of Go.
func Of(ctx context.Context, file io.ReaderAt) (Found, error) {
	p, err := read(file)
	if err != nil {
		return Found{}, err
	}
	s := search{
		program: &p, pointers: p.pointers(), sinks: map[uint64]map[place]bool{}, numbers: map[uint64]bool{}, unknown: map[string]bool{},
		references: map[uint64][]uint64{}, traps: map[int][]uint64{},
	}
	s.prepare()
	for i := range s.todo.all {
		s.follow(ctx, i)
		if err := ctx.Err(); err != nil {
			return Found{}, fmt.Errorf("following system calls: %w", err)
		}
	}
	return Found{
		Arch: p.machine.arch(), Numbers: slices.Sorted(maps.Keys(s.numbers)), Unknown: slices.Sorted(maps.Keys(s.unknown)),
	}, nil
}

// search is the state of a search.
type search struct {
	*program
	pointers   map[uint64]bool           // functions that data points to
	references map[uint64][]uint64       // where code may name a function, by its entry
	traps      map[int][]uint64          // where functions may call the kernel
	sinks      map[uint64]map[place]bool // functions that get a number, and where
	todo       queue                     // functions to follow
	numbers    map[uint64]bool
	unknown    map[string]bool
}

// prepare finds what bytes may call the kernel or name a function.
func (s *search) prepare() {
	for _, part := range s.outside {
		if len(s.machine.traps(part.bytes)) > 0 {
			s.unknown["code that is not of Go"] = true
		}
	}
	s.machine.references(s.code, s.text, func(at, target uint64) {
		if s.entries[target] {
			s.references[target] = append(s.references[target], at)
		}
	})
	for _, at := range s.machine.traps(s.code) {
		address := s.text + uint64(at)
		if i, inside := s.holder(address); inside {
			s.traps[i] = append(s.traps[i], address)
			s.todo.add(i)
		}
	}
}

// relays are functions that read a number from memory, each with the one that got it as an argument and put it there for other threads.
var relays = map[string]string{"runtime.runPerThreadSyscall": "syscall.runtime_doAllThreadsSyscall"}

// follow finds what numbers a function gives to the kernel or to a function that gets one.
func (s *search) follow(ctx context.Context, i int) {
	f := s.functions[i]
	if f.end-f.entry > maxFunction {
		s.fail(f)
		return
	}
	b := s.machine.decode(s.bytes(f.entry, f.end), f.entry, s.constants(f))
	for at := range b.list {
		if one := &b.list[at]; one.flow == call && ends(s.nameOf(one.target)) {
			one.flow = stop
		}
	}
	wanted := s.wanted(i)
	values := map[uint64]value{}
	followed := b.visit(ctx, s.landings(f), begin(s.machine.result()), func(one instruction, now *state) {
		switch v, sink := s.given(f, one, now); {
		case one.trap && one.other:
			values[one.address] = anything
		case one.trap:
			values[one.address] = now.at(s.machine.number())
		case sink:
			values[one.address] = v
		}
	})
	for _, one := range b.list {
		if s.sinks[one.names] != nil {
			s.unknown[s.nameOf(one.names)+", whose address "+f.name+" takes"] = true
		}
		_, seen := values[one.address]
		if reaches := one.trap || s.sinks[one.target] != nil && one.leaves(f); reaches && !seen {
			values[one.address] = anything // no way that is known leads there
		}
	}
	if (!b.trusted || !followed) && len(wanted) > 0 {
		s.fail(f)
	}
	for _, v := range values {
		s.take(f, v)
	}
}

// take notes what a number may be.
func (s *search) take(f function, v value) {
	if v.unknown {
		s.fail(f)
		return
	}
	maps.Copy(s.numbers, v.numbers)
	for p := range v.places {
		s.sink(f, p)
	}
}

// fail notes a function whose number is not known. One that reads it from memory may have it from a function that puts it there.
func (s *search) fail(f function) {
	from, isRelay := relays[f.name]
	if !isRelay {
		s.unknown[f.name] = true
		return
	}
	for _, one := range s.functions {
		if one.name == from {
			s.sink(one, s.machine.first())
		}
	}
}

// sink notes that a function gets a number.
func (s *search) sink(f function, p place) {
	if s.sinks[f.entry][p] {
		return
	}
	if s.sinks[f.entry] == nil {
		s.sinks[f.entry] = map[place]bool{}
	}
	s.sinks[f.entry][p] = true
	if s.pointers[f.entry] || s.tabled(f) {
		s.unknown[f.name+", which is called through a variable"] = true
	}
	for _, at := range s.references[f.entry] {
		if i, inside := s.holder(at); inside {
			s.todo.add(i)
		}
	}
}

// wanted returns where bytes of a function may call the kernel or a function that gets a number.
func (s *search) wanted(i int) []uint64 {
	f, found := s.functions[i], slices.Clone(s.traps[i])
	for entry := range s.sinks {
		for _, at := range s.references[entry] {
			if at >= f.entry && at < f.end {
				found = append(found, at)
			}
		}
	}
	return found
}

// given returns the number that an instruction gives to a function that gets one.
func (s *search) given(f function, one instruction, now *state) (v value, sink bool) {
	places := s.sinks[one.target]
	if places == nil || !one.leaves(f) {
		return value{}, false
	}
	for p := range places {
		if p.stack {
			p.at += s.machine.called(one.flow)
			v = v.or(now.load(p.at))
		} else {
			v = v.or(now.registers[p.at])
		}
	}
	return v, true
}

// at returns what is in a register.
func (s *state) at(p place) value { return s.registers[p.at] }

// leaves reports whether an instruction leads to another function, or calls its own.
func (i instruction) leaves(f function) bool {
	return i.flow == call || (i.flow == jump || i.flow == branch) && (i.target < f.entry || i.target >= f.end)
}

// ends reports whether a function never returns. The compiler puts anything after a call of one of the runtime, which packages of the
// standard library name as their own: internal/sync.throw.
func ends(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch pkg := name[:len(name)-len(last)]; {
	case pkg == "runtime.":
		return strings.HasPrefix(last, "panic") || strings.HasPrefix(last, "goPanic") ||
			slices.Contains([]string{"gopanic", "throw", "fatal", "fatalthrow"}, last)
	case strings.HasPrefix(pkg, "internal/"), strings.HasPrefix(pkg, "crypto/internal/"), pkg == "sync.":
		return last == "throw" || last == "fatal"
	}
	return false
}

func (s *search) nameOf(entry uint64) string {
	if i, found := s.holder(entry); found {
		return s.functions[i].name
	}
	return "a function"
}
