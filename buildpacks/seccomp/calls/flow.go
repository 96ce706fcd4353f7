package calls

import "slices"

// flow is where the program goes on after an instruction.
type flow int

const (
	next      flow = iota // at the following one
	branch                // there or at the target
	jump                  // at the target
	somewhere             // at a place that a register or a table says
	call                  // at the following one, after the function at the target
	stop                  // nowhere
)

// instruction is one instruction of a function.
type instruction struct {
	address uint64
	flow    flow
	target  uint64 // of a branch, jump or call; 0 for one that is not known
	trap    bool   // calls the kernel
	apply   func(*state)
	names   uint64 // an address that it computes; 0 for none
}

// body is the code of a function.
type body struct {
	list    []instruction
	trusted bool // whether each byte is known to be of the instruction that it was taken for
}

// visit follows all ways through a function and calls see with each instruction and what is known before it. It goes on until there
// is nothing new, so the last call for an instruction has all that may be. Instructions that no way leads to are not seen.
func (b body) visit(first *state, see func(instruction, *state)) {
	if len(b.list) == 0 {
		return
	}
	index := make(map[uint64]int, len(b.list))
	for i, one := range b.list {
		index[one.address] = i
	}
	starts := map[int]bool{}
	for _, one := range b.list {
		if at, inside := index[one.target]; inside && (one.flow == branch || one.flow == jump) {
			starts[at] = true
		}
	}
	tables := b.afterJumps(starts)
	known := map[int]*state{}
	var todo []int
	reach := func(at int, s *state) {
		if at >= len(b.list) {
			return
		}
		if known[at] == nil {
			known[at] = s.clone()
		} else if !known[at].merge(s) {
			return
		}
		if !slices.Contains(todo, at) {
			todo = append(todo, at)
		}
	}
	reach(0, first)
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		s := known[at].clone()
		for {
			one := b.list[at]
			see(one, s)
			one.apply(s)
			target, inside := index[one.target]
			if inside && (one.flow == branch || one.flow == jump) {
				reach(target, s)
			}
			if one.flow == somewhere {
				for _, start := range tables {
					reach(start, s)
				}
			}
			at++
			if one.flow == jump || one.flow == somewhere || one.flow == stop {
				break
			}
			if at >= len(b.list) || starts[at] {
				reach(at, s)
				break
			}
		}
	}
}

// afterJumps returns the instructions that only a jump by a table can lead to, and adds them to those where a way may start.
func (b body) afterJumps(starts map[int]bool) []int {
	var found []int
	for i := 1; i < len(b.list); i++ {
		if before := b.list[i-1].flow; (before == jump || before == somewhere || before == stop) && !starts[i] {
			found = append(found, i)
		}
	}
	for _, i := range found {
		starts[i] = true
	}
	return found
}
