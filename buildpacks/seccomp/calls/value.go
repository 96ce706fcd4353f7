package calls

import (
	"maps"
	"slices"
)

// maxValues is how many numbers a value may be. One that may be more is not known.
const maxValues = 64

// place is where a function finds something when it starts: in a register, or on the stack above the stack pointer.
type place struct {
	stack bool
	at    int64 // the number of the register, or the distance from the stack pointer in bytes
}

// value is what a register or a word of the stack may hold: one of several numbers, or what one of several places held when the function
// started. The zero value is nothing: no way leads there.
type value struct {
	unknown bool
	numbers map[uint64]bool
	places  map[place]bool
}

var anything = value{unknown: true}

func number(n uint64) value { return value{numbers: map[uint64]bool{n: true}} }

func given(p place) value { return value{places: map[place]bool{p: true}} }

// or returns what may be one or the other.
func (v value) or(other value) value {
	if v.unknown || other.unknown {
		return anything
	}
	joined := value{numbers: union(v.numbers, other.numbers), places: union(v.places, other.places)}
	if len(joined.numbers)+len(joined.places) > maxValues {
		return anything
	}
	return joined
}

func union[K comparable](one, other map[K]bool) map[K]bool {
	if len(other) == 0 {
		return one
	}
	all := maps.Clone(other)
	maps.Copy(all, one)
	return all
}

func (v value) equal(other value) bool {
	return v.unknown == other.unknown && maps.Equal(v.numbers, other.numbers) && maps.Equal(v.places, other.places)
}

// word is the size of what is tracked on the stack, in bytes.
const word = 8

// state is what is known at one instruction.
type state struct {
	registers [32]value
	frames    [32]frame       // of registers that point to the stack
	stack     map[int64]value // by the distance from the stack pointer with which the function started
	sp        int64           // the same distance of the stack pointer now
	lost      bool            // it is not known
	written   bool            // anything may have been written to what the stack does not list
	result    int64           // how many bytes at the start are the return address
}

// frame is an address on the stack.
type frame struct {
	known bool
	at    int64 // as state.sp
}

// begin returns the state in which a function starts, whose return address takes some bytes of the stack.
func begin(result int64) *state {
	s := &state{stack: map[int64]value{}, result: result}
	for i := range s.registers {
		s.registers[i] = given(place{at: int64(i)})
	}
	return s
}

func (s *state) clone() *state {
	copied := *s
	copied.stack = maps.Clone(s.stack)
	return &copied
}

// load returns the word at a distance from the stack pointer.
func (s *state) load(distance int64) value {
	at := s.sp + distance
	switch held, known := s.stack[at]; {
	case s.lost:
		return anything
	case known:
		return held
	case at >= s.result && !s.written:
		return given(place{stack: true, at: at})
	}
	return anything
}

// store writes bytes at a distance from the stack pointer. Only a whole word can be read again.
func (s *state) store(distance, size int64, v value) {
	at := s.sp + distance
	for other := at - word + 1; other < at+size; other++ {
		if _, known := s.stack[other]; known || other >= s.result {
			s.stack[other] = anything
		}
	}
	if size == word {
		s.stack[at] = v
	}
}

// storeAnywhere writes to the stack, nobody knows where.
func (s *state) storeAnywhere() {
	clear(s.stack)
	s.written = true
}

// forget leaves nothing known of the registers.
func (s *state) forget() {
	for i := range s.registers {
		s.registers[i] = anything
	}
	s.frames = [32]frame{}
}

// merge adds what is known on another way to the same instruction, and reports whether that changed anything.
func (s *state) merge(other *state) bool {
	changed := false
	for i := range s.registers {
		joined := s.registers[i].or(other.registers[i])
		changed = changed || !joined.equal(s.registers[i])
		s.registers[i] = joined
		if s.frames[i] != other.frames[i] && s.frames[i].known {
			s.frames[i], changed = frame{}, true
		}
	}
	if !s.lost && (other.lost || other.sp != s.sp) {
		s.lost, changed = true, true
	}
	if other.written && !s.written {
		s.written, changed = true, true
	}
	both := slices.Collect(maps.Keys(s.stack))
	for _, at := range slices.AppendSeq(both, maps.Keys(other.stack)) {
		joined := s.loadAt(at).or(other.loadAt(at))
		if held, known := s.stack[at]; !known || !joined.equal(held) {
			s.stack[at], changed = joined, true
		}
	}
	return changed
}

// loadAt is load by the distance from the stack pointer with which the function started.
func (s *state) loadAt(at int64) value { return s.load(at - s.sp) }
