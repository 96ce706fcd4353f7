package calls

import (
	"context"
)

// maxStarts is at how many places of a function a way may start. What has more is not followed.
const maxStarts = 10_000

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
	other   bool   // by a way for other programs, whose numbers stand for other calls
	apply   func(*state)
	names   uint64 // an address that it computes; 0 for none
}

// body is the code of a function.
type body struct {
	list    []instruction
	trusted bool // whether each byte is known to be of the instruction that it was taken for
}

// visit follows all ways through a function and calls see with each instruction and what is known before it. It goes on until there
// is nothing new, so the last call for an instruction has all that may be. Instructions that no way leads to are not seen. A jump by a
// table may lead to any of the landings, which are addresses. It reports whether the function is small enough to be followed.
func (b body) visit(ctx context.Context, landings []uint64, first *state, see func(instruction, *state)) bool {
	if len(b.list) == 0 {
		return true
	}
	index := make(map[uint64]int, len(b.list))
	for i, one := range b.list {
		index[one.address] = i
	}
	starts, tables := b.starts(index, landings)
	if len(starts) > maxStarts {
		return false
	}
	known := map[int]*state{}
	var todo queue
	reach := func(at int, s *state) {
		if at >= len(b.list) {
			return
		}
		if known[at] == nil {
			known[at] = s.clone()
		} else if !known[at].merge(s) {
			return
		}
		todo.add(at)
	}
	reach(0, first)
	for at := range todo.all {
		if ctx.Err() != nil {
			return false
		}
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
	return true
}

// starts returns the instructions where a way may start, and those of them to which a table may lead.
func (b body) starts(index map[uint64]int, landings []uint64) (starts map[int]bool, tables []int) {
	starts = map[int]bool{}
	for _, one := range b.list {
		if at, inside := index[one.target]; inside && (one.flow == branch || one.flow == jump) {
			starts[at] = true
		}
	}
	tables = b.afterJumps(starts)
	for _, address := range landings {
		if at, inside := index[address]; inside {
			tables, starts[at] = append(tables, at), true
		}
	}
	return starts, tables
}

// queue has numbers, each once.
type queue struct {
	waiting []int
	has     map[int]bool
}

func (q *queue) add(n int) {
	if q.has == nil {
		q.has = map[int]bool{}
	}
	if !q.has[n] {
		q.has[n], q.waiting = true, append(q.waiting, n)
	}
}

// all takes the numbers out, also those that are added meanwhile.
func (q *queue) all(yield func(int) bool) {
	for len(q.waiting) > 0 {
		n := q.waiting[0]
		q.waiting = q.waiting[1:]
		delete(q.has, n)
		if !yield(n) {
			return
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
