// Package shell reads command lines as a shell does, for programs that are started without one: run images have none.
package shell

import (
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Error is why a command line cannot be started as it is. What is a clause that names the part, Do is the next step.
type Error struct {
	Part   string // what only a shell can do, such as "&&" or "$PORT"; "" for a line that does not parse
	Column int    // where the part begins in the line, in bytes from 1
	What   string
	Do     string
}

// Error returns what is wrong and what to do in one line.
func (e *Error) Error() string { return e.What + "; " + e.Do }

// Line is a command line that was parsed.
type Line struct {
	text    string
	tree    *syntax.File
	literal []string
}

// Literally returns the line in which *, ? and [ are text in the arguments of some programs, which give them a meaning of their own. A
// shell leaves them as they are where no file has such a name.
func (l Line) Literally(programs ...string) Line {
	l.literal = programs
	return l
}

// Parse parses a command line by the grammar of Bash, which includes that of sh. It returns an *Error for a line that
// does not parse.
func Parse(text string) (Line, error) {
	tree, err := syntax.NewParser(syntax.KeepComments(true)).Parse(strings.NewReader(text), "")
	if err != nil {
		return Line{}, syntaxError(text, err)
	}
	return Line{text: text, tree: tree}, nil
}

func syntaxError(text string, err error) *Error {
	why, column := err.Error(), 1
	if parse := (syntax.ParseError{}); errors.As(err, &parse) {
		why, column = parse.Text, int(parse.Pos.Offset())+1
	}
	return &Error{Column: column, What: fmt.Sprintf("%q does not split into words: %s", text, why), Do: "close every quote and bracket"}
}
