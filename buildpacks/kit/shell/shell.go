// Package shell reads command lines as a shell does, for programs that are started without one: run images have none.
package shell

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
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

// Command is a simple command: a program, its arguments, and variables that are set for it alone.
type Command struct {
	Words     []string // the program is the first
	Variables map[string]string
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

// Simple returns the command of a line that is one simple command without expansions, and an *Error for every other
// line. Variables that env or cross-env sets count as those that a shell sets. A leading exec is dropped: no shell is
// there to be replaced. An empty line has no words.
func (l Line) Simple() (Command, error) {
	if need := l.need(l.tree, true); need != nil {
		return Command{}, need
	}
	c := Command{Variables: map[string]string{}}
	for _, statement := range l.tree.Stmts { // one at most, and a call: the line needs no shell
		call := statement.Cmd.(*syntax.CallExpr)
		for _, a := range call.Assigns {
			c.Variables[a.Name.Value] = l.literal(a.Value)
		}
		for _, word := range call.Args {
			c.Words = append(c.Words, l.literal(word))
		}
	}
	if len(c.Words) > 1 && c.Words[0] == "exec" && !strings.HasPrefix(c.Words[1], "-") {
		c.Words = c.Words[1:]
	}
	return c.withoutEnv(), nil
}

// assignment matches a word that sets a variable.
var assignment = regexp.MustCompile(`(?s)^([A-Za-z_]\w*)=(.*)$`)

// setters are programs that set variables for the program that they start. (cross-env-shell gives its words to a shell.)
var setters = []string{"env", "cross-env"}

// withoutEnv takes a setter, and the variables that it sets, off the beginning of the command that it starts.
func (c Command) withoutEnv() Command {
	words := c.Words
	if len(words) > 1 && words[0] == "npx" && slices.Contains(setters[1:], words[1]) {
		words = words[1:]
	}
	if len(words) == 0 || !slices.Contains(setters, words[0]) {
		return c
	}
	variables := maps.Clone(c.Variables)
	for i, word := range words[1:] {
		found := assignment.FindStringSubmatch(word)
		switch {
		case found != nil:
			variables[found[1]] = found[2]
		case strings.HasPrefix(word, "-"):
			return c // an option of env
		default:
			return Command{Words: words[i+1:], Variables: variables}.withoutEnv()
		}
	}
	return c // it starts nothing
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
