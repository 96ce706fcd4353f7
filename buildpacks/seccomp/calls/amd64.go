package calls

import (
	"bytes"
	"encoding/binary"
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// amd64 reads programs for x86-64.
type amd64 struct{}

// Registers by their numbers in the encoding of instructions.
const (
	rax = iota
	rcx
	rdx
	rbx
	rsp
	rbp
	rsi
	rdi
	r8
	r9
	r10
	r11
)

func (amd64) arch() string { return "amd64" }

// first is where a function in Go finds its first argument.
func (amd64) first() place { return place{at: rax} }

// number is where the kernel takes the number of a call from.
func (amd64) number() place { return place{at: rax} }

// called returns the stack pointer of a function that is called or jumped to, as a distance from that of the caller.
func (amd64) called(how flow) int64 {
	if how == call {
		return -word
	}
	return 0
}

func (amd64) result() int64 { return word }

// traps returns where bytes may call the kernel, by syscall, sysenter or int 0x80.
func (amd64) traps(code []byte) []int {
	var found []int
	for _, pattern := range [][]byte{{0x0f, 0x05}, {0x0f, 0x34}, {0xcd, 0x80}} {
		for at := 0; ; at++ {
			i := bytes.Index(code[at:], pattern)
			if i < 0 {
				break
			}
			at += i
			found = append(found, at)
		}
	}
	return found
}

// references calls see with each place that may hold an address, relative to the end of its four bytes, as calls, jumps and LEA have it.
func (amd64) references(code []byte, start uint64, see func(at, target uint64)) {
	for i := 0; i+4 <= len(code); i++ {
		at := start + uint64(i)
		see(at, at+4+uint64(int64(int32(binary.LittleEndian.Uint32(code[i:])))))
	}
}

// decode reads the instructions of a function.
func (amd64) decode(code []byte, start uint64, constant func(address uint64) value) body {
	b := body{trusted: true}
	for at := 0; at < len(code); {
		address := start + uint64(at)
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil || inst.Len == 0 {
			b.trusted = false // of AVX, lengths are not always known
			return b
		}
		if name := inst.Op.String(); name[0] == 'V' || name[0] == 'K' {
			b.trusted = false
		}
		at += inst.Len
		b.list = append(b.list, intel{inst, start + uint64(at), constant}.instruction(address))
	}
	return b
}

// intel is one decoded instruction.
type intel struct {
	x86asm.Inst
	next     uint64
	constant func(address uint64) value
}

func (i intel) instruction(address uint64) instruction {
	one := instruction{address: address, apply: i.apply, target: i.target()}
	name := i.Op.String()
	switch {
	case i.Op == x86asm.SYSCALL:
		one.trap = true
	case i.Op == x86asm.SYSENTER, i.Op == x86asm.INT && i.Args[0] == x86asm.Imm(0x80): // of 32-bit programs
		one.trap, one.other = true, true
	case i.Op == x86asm.CALL:
		one.flow = call
	case i.Op == x86asm.JMP && one.target == 0:
		one.flow = somewhere
	case i.Op == x86asm.JMP:
		one.flow = jump
	case name[0] == 'J', strings.HasPrefix(name, "LOOP"):
		one.flow = branch
	case i.Op == x86asm.RET, i.Op == x86asm.LRET, i.Op == x86asm.UD2, i.Op == x86asm.HLT, i.Op == x86asm.INT:
		one.flow = stop
	case i.Op == x86asm.LEA:
		if memory, ok := i.Args[1].(x86asm.Mem); ok && memory.Base == x86asm.RIP {
			one.names = i.next + uint64(memory.Disp)
		}
	}
	return one
}

// target returns where a jump or call with a relative address leads.
func (i intel) target() uint64 {
	if relative, ok := i.Args[0].(x86asm.Rel); ok {
		return i.next + uint64(int64(relative))
	}
	return 0
}

// general returns the number of a general register, and whether all of it is read or written: writing 32 bits clears the others.
func general(arg x86asm.Arg) (register int, whole, ok bool) {
	r, isRegister := arg.(x86asm.Reg)
	switch {
	case !isRegister || r == 0 || r > x86asm.R15:
		return 0, false, false
	case r >= x86asm.RAX:
		return int(r - x86asm.RAX), true, true
	case r >= x86asm.EAX:
		return int(r - x86asm.EAX), true, true
	case r >= x86asm.AX:
		return int(r - x86asm.AX), false, true
	case r >= x86asm.SPB: // SPL, BPL, SIL, DIL, R8B to R15B
		return int(r-x86asm.SPB) + rsp, false, true
	case r >= x86asm.AH:
		return int(r - x86asm.AH), false, true
	}
	return int(r - x86asm.AL), false, true
}

// onStack returns the distance from the stack pointer of a word in memory.
func onStack(arg x86asm.Arg) (distance int64, ok bool) {
	memory, isMemory := arg.(x86asm.Mem)
	if !isMemory || memory.Base != x86asm.RSP || memory.Index != 0 || memory.Segment != 0 {
		return 0, false
	}
	return memory.Disp, true
}

// read returns the value of an argument.
func (i intel) read(s *state, arg x86asm.Arg) value {
	if n, ok := arg.(x86asm.Imm); ok {
		return number(uint64(n))
	}
	if register, whole, ok := general(arg); ok && whole {
		return s.registers[register]
	}
	if distance, ok := onStack(arg); ok && i.MemBytes == word {
		return s.load(distance)
	}
	if memory, ok := arg.(x86asm.Mem); ok && memory.Base == x86asm.RIP && i.MemBytes == word {
		return i.constant(i.next + uint64(memory.Disp))
	}
	return anything
}

// write gives an argument a value.
func (i intel) write(s *state, arg x86asm.Arg, v value) {
	if register, whole, ok := general(arg); ok {
		if register == rsp {
			s.lost = true
		}
		if !whole {
			v = anything
		}
		s.registers[register] = v
		return
	}
	memory, ok := arg.(x86asm.Mem)
	if !ok {
		return
	}
	if distance, ok := onStack(arg); ok {
		s.store(distance, int64(max(i.MemBytes, 1)), v)
		return
	}
	if memory.Base == x86asm.RSP || memory.Base == x86asm.RBP || memory.Index == x86asm.RBP {
		s.storeAnywhere() // to a word of an array
	}
	s.touch()
}

// apply changes a state as the instruction does. One that is not listed leaves no register known.
func (i intel) apply(s *state) {
	first, second := i.Args[0], i.Args[1]
	name := i.Op.String()
	if i.takesFrame() {
		s.takeAll()
	}
	switch {
	case i.Op == x86asm.CALL:
		s.call()
	case i.Op == x86asm.SYSCALL:
		s.touch()
		s.registers[rax], s.registers[rcx], s.registers[r11] = anything, anything, anything
	case i.Op == x86asm.MOV, i.Op == x86asm.MOVSXD:
		i.write(s, first, i.read(s, second))
	case i.Op == x86asm.XOR && first == second:
		i.write(s, first, number(0))
	case i.Op == x86asm.LEA:
		i.computed(s)
	case i.Op == x86asm.PUSH:
		v := i.read(s, first)
		s.sp -= word
		s.store(0, word, v)
	case i.Op == x86asm.POP:
		v := s.load(0)
		s.sp += word
		i.write(s, first, v)
	case first == x86asm.Arg(x86asm.RSP) && (i.Op == x86asm.ADD || i.Op == x86asm.SUB):
		moved(s, i.Op, second)
	case strings.HasPrefix(name, "CMOV"):
		i.write(s, first, i.read(s, first).or(i.read(s, second)))
	case readsOnly[i.Op], name[0] == 'J':
	case writesFirst[i.Op], strings.HasPrefix(name, "SET"), strings.HasPrefix(name, "MOV"), i.Op == x86asm.IMUL && second != nil:
		i.write(s, first, anything)
	default:
		for _, arg := range i.Args {
			if arg != nil {
				i.write(s, arg, anything)
			}
		}
		s.touch()
		s.forget()
	}
}

// takesFrame reports whether an instruction has the address of a function's frame from its registers in another way than by LEA with a
// constant. The frame pointer is that of the caller when a function starts, and is not used for anything else.
func (i intel) takesFrame() bool {
	switch {
	case i.Op == x86asm.PUSH || i.Op == x86asm.POP || i.Op == x86asm.CMP || i.Op == x86asm.TEST:
		return false
	case i.Op == x86asm.LEA:
		memory, ok := i.Args[1].(x86asm.Mem)
		_, simple := onStack(i.Args[1])
		return ok && !simple && (ofFrame(memory.Base) || ofFrame(memory.Index))
	case i.Args[0] == x86asm.Arg(x86asm.RBP) && i.Args[1] == x86asm.Arg(x86asm.RSP), // MOV, at the start of a function
		i.Args[0] == x86asm.Arg(x86asm.RSP) && i.Args[1] == x86asm.Arg(x86asm.RBP):
		return i.Op != x86asm.MOV
	}
	for at, arg := range i.Args {
		if r, ok := arg.(x86asm.Reg); ok && ofFrame(r) && (at > 0 || !writesFirst[i.Op] && i.Op != x86asm.MOV) {
			return true
		}
	}
	return false
}

func ofFrame(r x86asm.Reg) bool { return r == x86asm.RSP || r == x86asm.RBP }

// computed is LEA. What has its address taken may be written by anybody.
func (i intel) computed(s *state) {
	distance, ok := onStack(i.Args[1])
	switch {
	case ok && i.Args[0] == x86asm.Arg(x86asm.RSP):
		s.sp += distance
		return
	case ok && i.Args[0] != x86asm.Arg(x86asm.RBP):
		s.take(s.sp + distance)
		s.touch()
	}
	i.write(s, i.Args[0], anything)
}

// moved moves the stack pointer.
func moved(s *state, op x86asm.Op, by x86asm.Arg) {
	n, ok := by.(x86asm.Imm)
	switch {
	case !ok:
		s.lost = true
	case op == x86asm.ADD:
		s.sp += int64(n)
	default:
		s.sp -= int64(n)
	}
}

// set returns a set of instructions.
func set(all ...x86asm.Op) map[x86asm.Op]bool {
	found := make(map[x86asm.Op]bool, len(all))
	for _, one := range all {
		found[one] = true
	}
	return found
}

// Instructions that write nothing, and those that write their first argument alone.
var (
	readsOnly = set(x86asm.CMP, x86asm.TEST, x86asm.NOP, x86asm.BT, x86asm.PAUSE, x86asm.UCOMISD, x86asm.UCOMISS, x86asm.MFENCE,
		x86asm.LFENCE, x86asm.SFENCE, x86asm.PREFETCHNTA, x86asm.PREFETCHT0, x86asm.RET, x86asm.UD2, x86asm.INT)
	writesFirst = set(x86asm.ADD, x86asm.SUB, x86asm.AND, x86asm.OR, x86asm.XOR, x86asm.ADC, x86asm.SBB, x86asm.SHL, x86asm.SHR, x86asm.SAR,
		x86asm.ROL, x86asm.ROR, x86asm.INC, x86asm.DEC, x86asm.NEG, x86asm.NOT, x86asm.BSF, x86asm.BSR, x86asm.BSWAP, x86asm.BTR,
		x86asm.BTS, x86asm.BTC, x86asm.POPCNT, x86asm.XORPS, x86asm.PXOR, x86asm.CVTTSD2SI, x86asm.CVTSI2SD, x86asm.TZCNT)
)
