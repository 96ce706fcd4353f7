// Package argv cuts command lines into words for processes that start without a shell.
package argv

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/mattn/go-shellwords"
)

// Error is why a command line has no words of its own: it needs a shell, or a quote is open. What is a clause that
// names the part, Do the next step.
type Error struct {
	Shell bool // only a shell could do what it says
	What  string
	Do    string
}

// Error returns what is wrong and what to do in one line.
func (e *Error) Error() string { return e.What + "; " + e.Do }

// assignment is what a shell takes for a variable when a command begins with it.
var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// Split cuts a command into words as a shell would, and refuses what only a shell could do with an *Error.
func Split(command string) ([]string, error) {
	if found := needsShell(command); found != "" {
		do := "start a program of the app that does it"
		if strings.HasPrefix(found, "$") {
			do = "let the program read it itself"
		}
		return nil, &Error{Shell: true, What: found + " needs a shell, and run images have none",
			Do: do + ", or put it in single quotes if it is meant literally"}
	}
	words, err := shellwords.NewParser().Parse(command)
	switch {
	case err != nil:
		return nil, &Error{What: fmt.Sprintf("%q does not split into words", command), Do: "close every quote"}
	case assignment.MatchString(command):
		return nil, &Error{Shell: true, What: words[0] + " before the program needs a shell, and run images have none",
			Do: "set the variable when the image is started"}
	}
	return words, nil
}

// needsShell returns the first part of a command that a shell would not pass on as it is, "" if there is none.
func needsShell(command string) string {
	quote := byte(0)
	for i := 0; i < len(command); i++ {
		c := command[i]
		switch {
		case c == '\\' && quote != '\'':
			i++ // the next byte is literal
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == '\'':
		case c == '$' && expands(command[i+1:]), c == '`':
			return special.FindString(command[i:])
		case quote == 0 && strings.IndexByte("&|;<>()*?[", c) >= 0, quote == 0 && (c == '~' || c == '#') && startsWord(command, i):
			return special.FindString(command[i:])
		}
	}
	return ""
}

// special is what an error shows of a command: an operator or a variable, whole.
var special = regexp.MustCompile("^(\\$[A-Za-z_][A-Za-z0-9_]*|\\$\\{[^}]*\\}?|\\$\\([^)]*\\)?|`[^`]*`?|[&|<>;]{1,2}|.)")

// expands tells whether a shell expands a dollar sign that stands before rest.
func expands(rest string) bool {
	return rest != "" && regexp.MustCompile(`^[A-Za-z0-9_{(?$@*#!-]`).MatchString(rest)
}

func startsWord(command string, i int) bool {
	return i == 0 || command[i-1] == ' ' || command[i-1] == '\t'
}
