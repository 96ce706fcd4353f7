package layout

import (
	"bufio"
	"io"
	"path"
	"regexp"
)

// byEnv matches the first line of a program that asks env for Node.js or Bun, and one option for it. Run images have no env, and Linux
// gives all that is behind the program of a first line as one argument.
var byEnv = regexp.MustCompile(`^#! ?/usr/bin/env (?:-S )?(node|bun)( [^ \r\n]+)? *\r?\n`)

// longest is how long a first line may be for Linux.
const longest = 256

// interpreted returns a program that the kernel starts with the Node.js or Bun at a path, if its first line asks env for one. Bun runs
// programs of Node.js, too.
func interpreted(program io.Reader, runtime string) (first string, rest io.Reader) {
	r := bufio.NewReader(program)
	begin, _ := r.Peek(longest) // a shorter program is whole
	line := byEnv.FindSubmatch(begin)
	if line == nil || string(line[1]) == "bun" && path.Base(runtime) != "bun" {
		return "", r
	}
	_, _ = r.Discard(len(line[0])) // it was peeked at
	return "#!" + runtime + string(line[2]) + "\n", r
}
