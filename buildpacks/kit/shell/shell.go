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
	text string
	tree *syntax.File
}

// Parse parses a command line by the grammar of Bash, which includes that of sh. It returns an *Error for a line that
// does not parse.
func Parse(text string) (Line, error) {
	tree, err := newParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return Line{}, syntaxError(text, err)
	}
	return Line{text: text, tree: tree}, nil
}

func newParser() *syntax.Parser { return syntax.NewParser(syntax.KeepComments(true)) }

func syntaxError(text string, err error) *Error {
	why, column := err.Error(), 1
	if parse := (syntax.ParseError{}); errors.As(err, &parse) {
		why, column = parse.Text, int(parse.Pos.Offset())+1
	}
	return &Error{Column: column, What: fmt.Sprintf("%q does not split into words: %s", text, why), Do: "close every quote and bracket"}
}

// Words cuts a list of words as a shell does, for settings. Variables and patterns stay as they are written. A list that
// does not parse, or that has another part that only a shell can do, is an *Error.
func Words(text string) ([]string, error) {
	var words []string
	l := Line{text: text}
	end := uint(0)
	for word, err := range newParser().WordsSeq(strings.NewReader(text)) {
		if err != nil {
			return nil, syntaxError(text, err)
		}
		if need := l.need(word, false); need != nil {
			return nil, need
		}
		if err := l.comment(end, word.Pos().Offset()); err != nil {
			return nil, err
		}
		words, end = append(words, l.literal(word)), word.End().Offset()
	}
	return words, l.comment(end, uint(len(text)))
}

// comment returns an error if there is a comment between two words, which the parser would leave out.
func (l Line) comment(from, to uint) error {
	if i := strings.IndexByte(l.text[from:to], '#'); i >= 0 {
		return needsShell(from+uint(i), "#")
	}
	return nil
}
