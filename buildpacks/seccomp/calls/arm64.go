package calls

import (
	"encoding/binary"
	"math/bits"
)

// arm64 reads programs for AArch64. Each instruction is 4 bytes (Arm Architecture Reference Manual, "A64 instruction set encoding").
type arm64 struct{}

// stackPointer is the number that stands for SP or for zero.
const stackPointer = 31

func (arm64) arch() string { return "arm64" }

// number is where the kernel takes the number of a call from.
func (arm64) number() place { return place{at: 8} }

// first is where a function in Go finds its first argument.
func (arm64) first() place { return place{at: 0} }

// called returns the stack pointer of a function that is called: the return address is in a register.
func (arm64) called(flow) int64 { return 0 }

// result is the size of the word in which a function keeps its return address.
func (arm64) result() int64 { return word }

func wordsOf(code []byte, see func(at int, w uint32)) {
	for at := 0; at+4 <= len(code); at += 4 {
		see(at, binary.LittleEndian.Uint32(code[at:]))
	}
}

// traps returns where the code calls the kernel, by svc.
func (arm64) traps(code []byte) []int {
	var found []int
	wordsOf(code, func(at int, w uint32) {
		if isTrap(w) {
			found = append(found, at)
		}
	})
	return found
}

func isTrap(w uint32) bool { return w&0xffe0001f == 0xd4000001 }

// references calls see with the targets of branches, and with addresses that two instructions compute.
func (arm64) references(code []byte, start uint64, see func(at, target uint64)) {
	var pages pages
	wordsOf(code, func(at int, w uint32) {
		address := start + uint64(at)
		if _, target := branchOf(w, address); target != 0 {
			see(address, target)
		} else if named := pages.follow(w, address); named != 0 {
			see(address, named)
		}
	})
}

// branchOf returns how an instruction goes on, and where.
func branchOf(w uint32, address uint64) (flow, uint64) {
	to := func(shift, size int) uint64 {
		offset := int64(int32(w<<(32-shift-size)) >> (32 - size)) // signed
		return address + uint64(offset*4)
	}
	switch {
	case w&0xfc000000 == 0x14000000: // b
		return jump, to(0, 26)
	case w&0xfc000000 == 0x94000000: // bl
		return call, to(0, 26)
	case w&0xff000010 == 0x54000000, w&0x7e000000 == 0x34000000: // b.cond; cbz, cbnz
		return branch, to(5, 19)
	case w&0x7e000000 == 0x36000000: // tbz, tbnz
		return branch, to(5, 14)
	case w&0xfffffc1f == 0xd63f0000: // blr
		return call, 0
	case w&0xfffffc1f == 0xd61f0000: // br
		return somewhere, 0
	case w&0xfffffc1f == 0xd65f0000, w&0xffe0001f == 0xd4200000, w>>16 == 0: // ret; brk; udf
		return stop, 0
	}
	return next, 0
}

// pages are the addresses of pages that registers have, by adrp.
type pages [32]uint64

// follow notes what an instruction makes of them, and returns the address that it computes or reads, if it is one with a page.
func (p *pages) follow(w uint32, address uint64) uint64 {
	rd, rn := w&31, w>>5&31
	if w&0x9f000000 == 0x90000000 { // adrp
		offset := int64(int32(w<<8)>>13)<<2 | int64(w>>29&3)
		p[rd] = (address &^ 0xfff) + uint64(offset<<12)
		return 0
	}
	named := uint64(0)
	switch {
	case p[rn] == 0:
	case w&0xffc00000 == 0x91000000: // add
		named = p[rn] + uint64(w>>10&0xfff)
	case w&0xffc00000 == 0xf9400000: // ldr
		named = p[rn] + uint64(w>>10&0xfff)*word
	}
	p[rd] = 0
	return named
}

// decode reads the instructions of a function.
func (arm64) decode(code []byte, start uint64, constant func(address uint64) value) body {
	b := body{trusted: true}
	var pages pages
	wordsOf(code, func(at int, w uint32) {
		address := start + uint64(at)
		one := instruction{address: address, trap: isTrap(w)}
		one.flow, one.target = branchOf(w, address)
		named := pages.follow(w, address)
		if w&0xffc00000 == 0x91000000 {
			one.names = named
		}
		one.apply = arm{w, named, constant}.apply
		b.list = append(b.list, one)
	})
	return b
}

// arm is one instruction.
type arm struct {
	w        uint32
	named    uint64 // the address that it computes or reads, 0 for none
	constant func(address uint64) value
}

// apply changes a state as the instruction does. One that is not listed writes the register that its last bits name.
func (a arm) apply(s *state) {
	w, rd, rn, rm := a.w, int(a.w&31), int(a.w>>5&31), int(a.w>>16&31)
	how, _ := branchOf(w, 0)
	switch {
	case how == call:
		s.call()
	case how != next:
	case isTrap(w):
		s.touch()
		s.set(0, anything)
	case w&0x7f800000 == 0x52800000: // movz
		s.set(rd, number(uint64(w>>5&0xffff)<<(w>>21&3*16)))
	case w&0x7f800000 == 0x12800000: // movn
		s.set(rd, number(^(uint64(w>>5&0xffff) << (w >> 21 & 3 * 16))))
	case w&0x7f8003e0 == 0x320003e0: // orr with zero and an immediate
		s.set(rd, number(repeated(w>>22&1, w>>10&0x3f, w>>16&0x3f)))
	case w&0x7fe0ffe0 == 0x2a0003e0: // mov
		if s.frames[rm].known {
			s.takeAll()
		}
		s.set(rd, s.get(rm))
	case w&0x7fe00c00 == 0x1a800000: // csel
		s.set(rd, s.get(rn).or(s.get(rm)))
	case w&0xbf800000 == 0x91000000: // add and sub with an immediate
		a.add(s, rd, rn)
	case w>>25&5 == 4:
		a.memory(s)
	case rd == stackPointer && (w&0xbfe00000 == 0x8b200000 || w&0xff800000 == 0x92000000): // add of a register, and
		s.lost = true
	default:
		extended := w&0x1f200000 == 0x0b200000 && rn == stackPointer
		if rd != stackPointer && (extended || s.frames[rn].known || s.frames[rm].known) {
			s.takeAll() // of a word of an array
		}
		s.set(rd, anything)
	}
}

// get returns what a register has. The last one is zero.
func (s *state) get(register int) value {
	if register == stackPointer {
		return number(0)
	}
	return s.registers[register]
}

// set gives a register a value, unless it is the one that is always zero.
func (s *state) set(register int, v value) {
	if register != stackPointer {
		s.registers[register], s.frames[register] = v, frame{}
	}
}

// add adds a constant to a register, which may be the stack pointer.
func (a arm) add(s *state, rd, rn int) {
	by := int64(a.w >> 10 & 0xfff)
	if a.w>>22&1 == 1 {
		by <<= 12
	}
	if a.w>>30&1 == 1 {
		by = -by
	}
	base := s.frame(rn)
	base.at += by
	if rd == stackPointer {
		s.sp, s.lost = base.at, s.lost || !base.known
		if rn != stackPointer {
			s.frames[rn] = frame{} // at the start of a function
		}
		return
	}
	s.set(rd, anything)
	s.frames[rd] = base
	if base.known {
		s.take(base.at)
		s.touch()
	}
}

// frame returns where on the stack a register points to.
func (s *state) frame(register int) frame {
	if register == stackPointer {
		return frame{!s.lost, s.sp}
	}
	return s.frames[register]
}

// memory reads or writes memory.
func (a arm) memory(s *state) {
	w, rt, rn, rt2 := a.w, int(a.w&31), int(a.w>>5&31), int(a.w>>10&31)
	base := s.frame(rn)
	near := int64(int32(w<<11) >> 23)      // bits 12 to 20, signed
	pair := int64(int32(w<<10)>>25) * word // bits 15 to 21, signed
	switch {
	case w&0xffc00000 == 0xf9400000: // ldr
		a.load(s, base, int64(w>>10&0xfff)*word, rt)
	case w&0xffc00000 == 0xf9000000: // str
		store(s, base, int64(w>>10&0xfff)*word, word, s.get(rt))
	case w&0xffe00000 == 0xf8400000 && w>>10&3 != 2: // ldur, ldr with an index
		a.load(s, base, indexed(near, w>>10&3 == 1), rt)
		written(s, rn, near, w>>10&3 != 0)
	case w&0xffe00000 == 0xf8000000 && w>>10&3 != 2: // stur, str with an index
		store(s, base, indexed(near, w>>10&3 == 1), word, s.get(rt))
		written(s, rn, near, w>>10&3 != 0)
	case w&0xfe400000 == 0xa8400000: // ldp
		a.load(s, base, indexed(pair, w>>23&3 == 1), rt)
		a.load(s, base, indexed(pair, w>>23&3 == 1)+word, rt2)
		written(s, rn, pair, w>>23&1 == 1)
	case w&0xfe400000 == 0xa8000000: // stp
		store(s, base, indexed(pair, w>>23&3 == 1), word, s.get(rt))
		store(s, base, indexed(pair, w>>23&3 == 1)+word, word, s.get(rt2))
		written(s, rn, pair, w>>23&1 == 1)
	default:
		a.other(s, base)
	}
}

// other is an instruction with memory that moves no words: of bytes, of vectors, of another thread.
func (a arm) other(s *state, base frame) {
	w, rn := a.w, int(a.w>>5&31)
	size := int64(1) << (w >> 30)
	if w>>26&1 == 1 { // of a vector, alone or in pairs
		size = 16
	}
	switch {
	case w&0x3a000000 == 0x28000000: // a pair
		scale := int64(4)
		if w>>26&1 == 1 {
			scale <<= w >> 30
		}
		by := int64(int32(w<<10)>>25) * scale
		store(s, base, indexed(by, w>>23&3 == 1), 2*size, anything)
		written(s, rn, by, w>>23&1 == 1)
	case w&0x3b000000 == 0x39000000: // at an offset
		scale := int64(1) << (w >> 30)
		if w>>26&1 == 1 && w>>23&1 == 1 {
			scale = 16
		}
		store(s, base, int64(w>>10&0xfff)*scale, size, anything)
	case base.known:
		s.storeAnywhere()
	default:
		s.touch()
	}
	if w>>26&1 == 0 { // it may write any general register that it names
		for _, register := range []uint32{w & 31, w >> 10 & 31, w >> 16 & 31} {
			s.set(int(register), anything)
		}
	}
	if base.known && rn != stackPointer {
		s.set(rn, anything)
	}
}

// indexed is the offset of an access: none if the base changes afterwards.
func indexed(by int64, after bool) int64 {
	if after {
		return 0
	}
	return by
}

// written moves the base of an access that changes it.
func written(s *state, base int, by int64, changes bool) {
	switch {
	case !changes:
	case base == stackPointer:
		s.sp += by
	default:
		moved := s.frames[base]
		moved.at += by
		s.set(base, anything)
		s.frames[base] = moved
	}
}

func (a arm) load(s *state, base frame, by int64, register int) {
	switch {
	case base.known:
		s.set(register, s.loadAt(base.at+by))
	case a.named != 0:
		s.set(register, a.constant(a.named))
	default:
		s.set(register, anything)
	}
}

func store(s *state, base frame, by, size int64, v value) {
	if base.known {
		s.store(base.at+by-s.sp, size, v)
	} else {
		s.touch()
	}
}

// repeated returns the number that three fields of an instruction stand for: some ones, rotated, over and over.
func repeated(n, ones, rotation uint32) uint64 {
	length := bits.Len32(n<<6|^ones&0x3f) - 1
	if length < 1 {
		return 0
	}
	size := uint(1) << length
	mask := uint32(size - 1)
	element := uint64(1)<<(ones&mask+1) - 1
	turn := uint(rotation & mask)
	element = element>>turn | element<<(size-turn)
	if size < 64 {
		element &= 1<<size - 1
	}
	for ; size < 64; size *= 2 {
		element |= element << size
	}
	return element
}
