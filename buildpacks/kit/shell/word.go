package shell

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Word is a word of a command, as the launch helper reads it: "${NAME}", "${NAME:-default}" and "${NAME-default}" stand for the value
// of a variable, which is cut at spaces except within double quotes. A backslash takes the meaning of the next character. No other
// character has a meaning.
type Word string

// Literal returns what a word stands for if it names no variable.
func (w Word) Literal() (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(w); i++ {
		switch c := w[i]; c {
		case '$':
			return "", false
		case '"':
			continue
		case '\\':
			i++
			fallthrough
		default:
			b.WriteByte(w[min(i, len(w)-1)])
		}
	}
	return b.String(), true
}

// Texts returns words as a person reads them: what they stand for, and those that name a variable as they are.
func Texts(words []Word) []string {
	var list []string
	for _, word := range words {
		text, literal := word.Literal()
		if !literal {
			text = string(word)
		}
		list = append(list, text)
	}
	return list
}

// special matches the characters that have a meaning in a word, and those that have one in a default, too.
var (
	special        = regexp.MustCompile(`[\\"$]`)
	specialDefault = regexp.MustCompile(`[\\"$}]`)
	dollar         = regexp.MustCompile(`(?s)\\.|\$`) // as text, and what is quoted already
)

// Quote returns the word that stands for a text.
func Quote(text string) Word {
	switch {
	case text == "":
		return `""`
	case slices.Contains(between, text):
		return Word(`\` + text)
	}
	return Word(special.ReplaceAllString(text, `\$0`))
}

// word returns what a shell reads. There is nothing for a shell in it but variables.
func (l Line) word(word *syntax.Word) Word {
	if word == nil {
		return "" // NAME= without a value
	}
	w := Word(l.parts(word.Parts, special))
	if slices.Contains(between, string(w)) {
		return `\` + w
	}
	return w
}

// parts returns the parts of a word with a backslash before each character that matches.
func (l Line) parts(parts []syntax.WordPart, escape *regexp.Regexp) string {
	quote := func(text string) string { return escape.ReplaceAllString(text, `\$0`) }
	var b strings.Builder
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(dollar.ReplaceAllStringFunc(p.Value, func(text string) string { return `\` + strings.TrimPrefix(text, `\`) }))
		case *syntax.SglQuoted:
			b.WriteString(quoted(quote(p.Value), escape == specialDefault))
		case *syntax.DblQuoted:
			inner, variables := "", false
			for _, part := range p.Parts {
				if lit, ok := part.(*syntax.Lit); ok {
					inner += quote(escapedInQuotes.ReplaceAllString(lit.Value, "$1"))
					continue
				}
				inner, variables = inner+l.parts([]syntax.WordPart{part}, escape), true
			}
			b.WriteString(quoted(inner, variables || escape == specialDefault))
		case *syntax.ParamExp:
			b.WriteString("${" + p.Param.Value)
			if p.Exp != nil {
				b.WriteString(p.Exp.Op.String())
				if p.Exp.Word != nil {
					b.WriteString(l.parts(p.Exp.Word.Parts, specialDefault))
				}
			}
			b.WriteString("}")
		}
	}
	return b.String()
}

// quoted returns a text in double quotes, if it needs them. An empty one does, or there would be no word.
func quoted(text string, needed bool) string {
	if needed || text == "" {
		return `"` + text + `"`
	}
	return text
}
