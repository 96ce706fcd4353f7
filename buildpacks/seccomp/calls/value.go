package calls

import (
	"maps"
	"math"
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
	taken     int64           // the lowest address of the stack that code has: anybody may write from there upwards
	written   int64           // from where on anything may have been written to what the stack does not list
	result    int64           // how many bytes at the start are the return address
}

// frame is an address on the stack.
type frame struct {
	known bool
	at    int64 // as state.sp
}

// begin returns the state in which a function starts, whose return address takes some bytes of the stack.
func begin(result int64) *state {
	s := &state{stack: map[int64]value{}, result: result, taken: math.MaxInt64, written: math.MaxInt64}
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
	case at >= s.result && at < s.written:
		return given(place{stack: true, at: at})
	}
	return anything
}

// store writes bytes at a distance from the stack pointer. Only a whole word can be read again.
func (s *state) store(distance, size int64, v value) {
	if s.lost {
		s.storeAnywhere()
		return
	}
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
	s.written = math.MinInt64
}

// take notes that code has an address of the stack. What is below the stack pointer is no variable.
func (s *state) take(at int64) {
	if s.lost {
		s.takeAll()
	} else if at >= s.sp {
		s.taken = min(s.taken, at)
	}
}

// takeAll notes that code may have any address of the stack.
func (s *state) takeAll() { s.taken = math.MinInt64 / 2 }

// touch writes to any address of the stack that code has.
func (s *state) touch() {
	maps.DeleteFunc(s.stack, func(at int64, _ value) bool { return at+word > s.taken })
	if s.taken < math.MaxInt64 {
		s.written = min(s.written, s.taken-word+1)
	}
}

// call runs another function. It may write to its arguments and results, which lie somewhere in the frame of this one.
func (s *state) call() {
	maps.DeleteFunc(s.stack, func(at int64, _ value) bool { return at < s.result })
	s.touch()
	s.forget()
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
	both := slices.Collect(maps.Keys(s.stack))
	for _, at := range slices.AppendSeq(both, maps.Keys(other.stack)) {
		joined := s.loadAt(at).or(other.loadAt(at))
		if held, known := s.stack[at]; !known || !joined.equal(held) {
			s.stack[at], changed = joined, true
		}
	}
	if other.written < s.written || other.taken < s.taken {
		s.written, s.taken, changed = min(s.written, other.written), min(s.taken, other.taken), true
	}
	return changed
}

// loadAt is load by the distance from the stack pointer with which the function started.
func (s *state) loadAt(at int64) value { return s.load(at - s.sp) }
