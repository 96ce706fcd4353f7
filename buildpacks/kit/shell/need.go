package shell

import (
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// need returns the first part below a node that a shell would not hand to a program as it is written, nil if there is
// none. Variables and patterns count if expansions is set.
func (l Line) need(node syntax.Node, expansions bool) *Error {
	f := finder{text: l.text, expansions: expansions}
	syntax.Walk(node, f.visit)
	return f.first
}

// finder keeps the first of the parts that it finds: a tree is not walked in the order of the text.
type finder struct {
	text       string
	expansions bool
	first      *Error
}

func (f *finder) found(at syntax.Pos, part string) {
	if f.first == nil || int(at.Offset()) < f.first.Column-1 {
		f.first = needsShell(at.Offset(), part)
	}
}

// needsShell returns the error of a part at an offset in bytes.
func needsShell(offset uint, part string) *Error {
	do := "start a program of the app that does it"
	if strings.HasPrefix(part, "$") {
		do = "let the program read it itself"
	}
	return &Error{
		Part: part, Column: int(offset) + 1, What: part + " needs a shell, and run images have none",
		Do: do + ", or put it in single quotes if it is meant literally",
	}
}

// visit looks at one node. What is not named here is a command or an expansion that only a shell knows.
func (f *finder) visit(node syntax.Node) bool {
	switch n := node.(type) {
	case nil, *syntax.Lit:
	case *syntax.File:
		if len(n.Stmts) > 1 && !n.Stmts[0].Semicolon.IsValid() {
			f.found(n.Stmts[0].End(), "a line break")
		}
	case *syntax.Comment:
		f.found(n.Pos(), "#")
	case *syntax.Stmt:
		if n.Negated {
			f.found(n.Pos(), "!")
		}
		if n.Semicolon.IsValid() {
			f.found(n.Semicolon, f.text[n.Semicolon.Offset():n.Semicolon.Offset()+1])
		}
	case *syntax.BinaryCmd:
		f.found(n.OpPos, n.Op.String())
	case *syntax.Redirect:
		f.found(n.OpPos, n.Op.String())
	case *syntax.CallExpr:
		for _, word := range n.Args {
			f.patterns(word)
		}
	case *syntax.Assign:
		if n.Append || n.Index != nil || n.Array != nil {
			f.found(n.Pos(), f.source(n))
		}
	case *syntax.Word:
		if lit, ok := n.Parts[0].(*syntax.Lit); ok && f.expansions && strings.HasPrefix(lit.Value, "~") {
			f.found(n.Pos(), "~")
		}
	case *syntax.SglQuoted:
		f.quotes(n, n.Dollar)
	case *syntax.DblQuoted:
		f.quotes(n, n.Dollar)
	case *syntax.ParamExp, *syntax.ArithmExp, *syntax.ExtGlob:
		if f.expansions {
			f.found(n.Pos(), f.source(n))
		}
		return false
	case syntax.WordPart:
		f.found(n.Pos(), f.source(n))
		return false
	default:
		f.found(n.Pos(), keyword.FindString(f.source(n)))
		return false
	}
	return true
}

// quotes looks at quotes: those with a dollar sign in front are Bash's own.
func (f *finder) quotes(n syntax.Node, dollar bool) {
	if dollar {
		f.found(n.Pos(), f.source(n))
	}
}

// keyword matches what a compound command begins with.
var keyword = regexp.MustCompile(`^(\w+|[({[]+)`)

func (f *finder) source(n syntax.Node) string { return f.text[n.Pos().Offset():n.End().Offset()] }

// patterns looks for what a shell replaces by the names of files.
func (f *finder) patterns(word *syntax.Word) {
	for _, part := range word.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			continue
		}
		for i := 0; i < len(lit.Value); i++ {
			switch lit.Value[i] {
			case '\\':
				i++
			case '*', '?', '[':
				f.found(lit.Pos(), lit.Value[i:i+1])
			}
		}
	}
}

// literal returns what a shell makes of the quotes of a word. Expansions stay as they are written.
func (l Line) literal(word *syntax.Word) string {
	if word == nil {
		return "" // NAME= without a value
	}
	var b strings.Builder
	for _, part := range word.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(escaped.ReplaceAllString(p.Value, "$1"))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				if lit, ok := inner.(*syntax.Lit); ok {
					b.WriteString(escapedInQuotes.ReplaceAllString(lit.Value, "$1"))
				} else {
					b.WriteString(l.text[inner.Pos().Offset():inner.End().Offset()])
				}
			}
		default:
			b.WriteString(l.text[part.Pos().Offset():part.End().Offset()])
		}
	}
	return b.String()
}

// What a backslash quotes outside of quotes and within double ones (POSIX.1-2024, XCU 2.2.1 and 2.2.3).
var (
	escaped         = regexp.MustCompile(`(?s)\\(.)`)
	escapedInQuotes = regexp.MustCompile("\\\\([$`\"\\\\])")
)
