package shell

import (
	"fmt"
	"strings"
	"unicode"
)

// Split cuts text into words that are quoted as in a shell. Nothing else has a meaning: not $, & or *, as no command is made
// of the words.
func Split(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun, escaped, quote := false, false, rune(0)
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
			if r == '\n' { // the line goes on
				break
			}
			if quote != 0 && !strings.ContainsRune("$`\"\\", r) {
				word.WriteRune('\\') // between double quotes a backslash protects these only
			}
			begun = true
			word.WriteRune(r)
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && r != quote, quote == 0 && r != '"' && r != '\'' && !unicode.IsSpace(r):
			begun = true
			word.WriteRune(r)
		case quote != 0:
			quote = 0
		case !unicode.IsSpace(r):
			begun, quote = true, r
		case begun:
			words = append(words, word.String())
			word.Reset()
			begun = false
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("%q ends within quotes", text)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}
