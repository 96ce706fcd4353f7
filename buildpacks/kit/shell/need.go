package shell

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// need returns the first part of a line that only a shell can do, nil if there is none.
func (l Line) need() *Error {
	f := finder{line: l}
	syntax.Walk(l.tree, f.visit)
	return f.first
}

// finder keeps the first of the parts that it finds: a tree is not walked in the order of the text.
type finder struct {
	line  Line
	first *Error
}

func (f *finder) found(at syntax.Pos, part string) {
	if f.first == nil || int(at.Offset()) < f.first.Column-1 {
		f.first = needsShell(at.Offset(), part)
	}
}

// instead is what to do about a part, by its first character.
var instead = map[byte]string{
	'|': "run both in a program of the app",
	'>': "leave it out, as the platform keeps what a program writes",
	'<': "let the program open the file",
	'&': "give each program a line of its own in a Procfile",
	'*': "name the files", '?': "name the files", '[': "name the files",
	'$': "let the program find it out, or set a variable when the image is started",
	'`': "let the program find it out, or set a variable when the image is started",
	'#': "leave it out",
	'~': "write the path in full",
}

// needsShell returns the error of a part at an offset in bytes.
func needsShell(offset uint, part string) *Error {
	do, known := instead[part[0]]
	switch {
	case part == "||":
		do = "write ; if the second command may run in any case"
	case strings.HasPrefix(part, "&>"):
		do = instead['>']
	case !known:
		do = "start a program of the app that does it"
	}
	return &Error{
		Part: part, Column: int(offset) + 1, What: part + " needs a shell, and run images have none",
		Do: do + "; in single quotes it is text",
	}
}

// visit looks at one node. What is not named here is a command or an expansion that only a shell knows.
func (f *finder) visit(node syntax.Node) bool {
	switch n := node.(type) {
	case nil, *syntax.Lit:
	case *syntax.File:
		for i := range max(len(n.Stmts)-1, 0) {
			if !n.Stmts[i].Semicolon.IsValid() {
				f.found(n.Stmts[i].End(), "a line break")
			}
		}
	case *syntax.Comment:
		f.found(n.Pos(), "#")
	case *syntax.Stmt:
		if n.Negated {
			f.found(n.Pos(), "!")
		}
		if n.Background {
			f.found(n.Semicolon, "&")
		}
	case *syntax.BinaryCmd:
		if n.Op != syntax.AndStmt {
			f.found(n.OpPos, n.Op.String())
		}
	case *syntax.DeclClause:
		if n.Variant.Value != "export" || slices.ContainsFunc(n.Args, func(a *syntax.Assign) bool { return a.Naked }) {
			f.found(n.Pos(), f.line.source(n))
			return false
		}
	case *syntax.Redirect:
		f.found(n.OpPos, n.Op.String())
	case *syntax.CallExpr:
		literal := func(word *syntax.Word) bool { return slices.Contains(f.line.literal, word.Lit()) }
		if slices.ContainsFunc(n.Args, literal) {
			return true
		}
		for _, word := range n.Args {
			f.patterns(word)
		}
	case *syntax.Assign:
		if n.Append || n.Index != nil || n.Array != nil {
			f.found(n.Pos(), f.line.source(n))
		}
	default:
		return f.visitWord(node)
	}
	return true
}

// visitWord looks at a word or a part of one.
func (f *finder) visitWord(node syntax.Node) bool {
	switch n := node.(type) {
	case *syntax.Word:
		if lit, ok := n.Parts[0].(*syntax.Lit); ok && strings.HasPrefix(lit.Value, "~") {
			f.found(n.Pos(), "~")
		}
	case *syntax.SglQuoted:
		f.quotes(n, n.Dollar)
	case *syntax.DblQuoted:
		f.quotes(n, n.Dollar)
	case *syntax.ParamExp:
		if !variable.MatchString(f.line.source(n)) {
			f.found(n.Pos(), f.line.source(n))
		}
	case syntax.WordPart:
		f.found(n.Pos(), f.line.source(n))
		return false
	default:
		f.found(n.Pos(), keyword.FindString(f.line.source(n)))
		return false
	}
	return true
}

// variable matches the expansions that stand for the value of a variable, or a default.
var variable = regexp.MustCompile(`(?s)^\$([A-Za-z_]\w*|\{[A-Za-z_]\w*(:?-.*)?\})$`)

// quotes looks at quotes: those with a dollar sign in front are Bash's own.
func (f *finder) quotes(n syntax.Node, dollar bool) {
	if dollar {
		f.found(n.Pos(), f.line.source(n))
	}
}

// keyword matches what a compound command begins with.
var keyword = regexp.MustCompile(`(?s)^(\w+|[({[]+|.)`)

func (l Line) source(n syntax.Node) string { return l.text[n.Pos().Offset():n.End().Offset()] }

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

// escapedInQuotes matches what a backslash quotes within double quotes (POSIX.1-2024, XCU 2.2.3).
var escapedInQuotes = regexp.MustCompile("\\\\([$`\"\\\\])")
