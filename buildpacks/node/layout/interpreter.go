package layout

import (
	"bufio"
	"io"
	"regexp"
)

// byEnv matches the first line of a program that asks env for Node.js, and what node is told besides. Run images have no env.
var byEnv = regexp.MustCompile(`^#! ?/usr/bin/env (?:-S )?node( [^\r\n]*)?\r?\n`)

// longest is how long a first line may be for Linux.
const longest = 256

// interpreted returns a program that the kernel starts with the node at a path, if its first line asks env for one.
func interpreted(program io.Reader, node string) (first string, rest io.Reader) {
	r := bufio.NewReader(program)
	begin, _ := r.Peek(longest) // a shorter program is whole
	line := byEnv.FindSubmatch(begin)
	if line == nil {
		return "", r
	}
	_, _ = r.Discard(len(line[0])) // it was peeked at
	return "#!" + node + string(line[1]) + "\n", r
}
