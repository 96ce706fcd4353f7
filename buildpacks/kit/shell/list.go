package shell

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// List is a list of commands, which are run one after the other. Those before With, and those after it, are lists that run at the same
// time.
type List []Command

// Command is a command of a list: a program, its arguments, and variables that are set for it alone.
type Command struct {
	After     string // when it runs: And, Then, With, or "" for the first
	Dir       string // its folder, relative to that of the list, as cd says; "" for the same
	Variables []Word // NAME=value each
	Words     []Word // the program is the first
}

// What is between two commands of a list.
const (
	And  = "&&" // the next one runs if this one succeeds
	Then = ";"  // the next one runs in any case
	With = "&"  // the next one begins a list that runs at the same time; no command line has it, programs that run several commands do
)

// between are the words that part commands.
var between = []string{And, Then, With}

// Builtins are the commands that a list may have although no program has their name. What cd says is in Command.Dir.
var Builtins = []string{"export", "echo"}

// Simple is a command that can be started by any program: it has no expansions.
type Simple struct {
	Dir       string
	Words     []string
	Variables map[string]string
}

// List returns the commands of a line, and an *Error for a line that needs a shell. Variables that env or cross-env sets count
// as those that a shell sets. An empty line has no commands.
func (l Line) List() (List, error) {
	if need := l.need(); need != nil {
		return nil, need
	}
	r := reader{line: l}
	for _, statement := range l.tree.Stmts {
		r.statement(statement, Then)
	}
	if len(r.list) == 0 {
		return nil, nil
	}
	if r.broken != nil && (len(r.list) > 1 || r.list[0].Words != nil) {
		return nil, r.broken
	}
	r.list[0].After = ""
	return r.list, nil
}

// Commands returns the words of all commands of a line, wherever they stand: in a list, in a pipe or in brackets. What sets variables
// for a command is left out.
func (l Line) Commands() [][]string {
	var all [][]string
	syntax.Walk(l.tree, func(node syntax.Node) bool {
		if call, ok := node.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			c := Command{}
			for _, word := range call.Args {
				c.Words = append(c.Words, l.word(word))
			}
			all = append(all, Texts(c.withoutSetters().Words))
		}
		return true
	})
	return all
}

// reader makes a list of a line in which nothing is for a shell alone.
type reader struct {
	line   Line
	dir    string
	cd     string // when the cd before the next command runs; "" if there is none
	list   List
	broken *Error // of a command that means something to other commands of a list
}

func (r *reader) statement(s *syntax.Stmt, after string) {
	c := Command{After: after, Dir: r.dir}
	switch cmd := s.Cmd.(type) {
	case *syntax.BinaryCmd:
		r.statement(cmd.X, after)
		r.statement(cmd.Y, And)
		return
	case *syntax.DeclClause:
		c.Words = append([]Word{"export"}, r.line.assignments(cmd.Args)...)
	case *syntax.CallExpr:
		c.Variables = r.line.assignments(cmd.Assigns)
		for _, word := range cmd.Args {
			c.Words = append(c.Words, r.line.word(word))
		}
		c = c.withoutSetters()
		if len(c.Words) > 0 && assignment.MatchString(string(c.Words[0])) {
			c.Words[0] = `\` + c.Words[0] // it has quotes: a shell looks for a program of that name
		}
	}
	if c.After == And && r.cd != "" {
		c.After = r.cd // cd succeeds
	}
	text := strings.TrimSuffix(r.line.source(s), Then)
	switch {
	case len(c.Words) == 0:
		r.broken = &Error{Part: text, Column: int(s.Pos().Offset()) + 1,
			What: text + " sets a variable of a shell, and run images have none", Do: "write export before it"}
	case c.Words[0] == "cd":
		if len(c.Words) == 2 {
			if to, literal := c.Words[1].Literal(); literal && to != "-" {
				r.dir, r.cd = Within(r.dir, to), c.After
				return
			}
		}
		r.broken = &Error{Part: text, Column: int(s.Pos().Offset()) + 1,
			What: text + " needs a shell, and run images have none", Do: "write cd and the name of a folder"}
	}
	r.list, r.cd = append(r.list, c), ""
}

// Within returns a path as it is found from a folder.
func Within(from, to string) string {
	if path.IsAbs(to) {
		return path.Clean(to)
	}
	return path.Join(from, to)
}

// Args returns the list as arguments of the launch helper, which is started in the folder of the first command. So is each list that runs
// at the same time.
func (l List) Args() []string {
	var args []string
	dir := ""
	for i, c := range l {
		if i == 0 || c.After == With {
			dir = l[0].Dir
		}
		if i > 0 {
			args = append(args, c.After)
		}
		if c.Dir != dir {
			to, err := filepath.Rel(dir, c.Dir)
			if err != nil {
				to = c.Dir // one of the two is absolute
			}
			args, dir = append(args, "cd", string(Quote(to)), And), c.Dir
		}
		for _, word := range slices.Concat(c.Variables, c.Words) {
			args = append(args, string(word))
		}
	}
	return args
}

// ListOf returns the list that Args made arguments of. Folders are relative to that of the first command.
func ListOf(args []string) List {
	var list List
	c := Command{}
	for i := 0; i <= len(args); i++ {
		switch {
		case i == len(args), slices.Contains(between, args[i]):
			if len(c.Words) == 2 && c.Words[0] == "cd" {
				to, _ := c.Words[1].Literal()
				c = Command{After: c.After, Dir: Within(c.Dir, to)}
				continue
			}
			list = append(list, c)
			if i < len(args) {
				c = Command{After: args[i], Dir: c.Dir}
			}
			if c.After == With {
				c.Dir = ""
			}
		case len(c.Words) == 0 && assignment.MatchString(args[i]):
			c.Variables = append(c.Variables, Word(args[i]))
		default:
			c.Words = append(c.Words, Word(args[i]))
		}
	}
	return list
}

func (l Line) assignments(list []*syntax.Assign) []Word {
	var words []Word
	for _, a := range list {
		words = append(words, Word(a.Name.Value+"=")+l.word(a.Value))
	}
	return words
}

// assignment matches a word that sets a variable.
var assignment = regexp.MustCompile(`(?s)^([A-Za-z_]\w*)=(.*)$`)

// withoutSetters takes what sets variables, and exec, off the beginning of the command that it starts. (cross-env-shell gives its
// words to a shell.)
func (c Command) withoutSetters() Command {
	words := c.Words
	if len(words) > 1 && words[0] == "npx" && words[1] == "cross-env" {
		words = words[1:]
	}
	if len(words) < 2 || !slices.Contains([]Word{"exec", "env", "cross-env"}, words[0]) || strings.HasPrefix(string(words[1]), "-") {
		return c
	}
	variables, name := slices.Clone(c.Variables), words[0]
	for i, word := range words[1:] {
		if name == "exec" || !assignment.MatchString(string(word)) {
			c.Variables, c.Words = variables, words[i+1:]
			return c.withoutSetters()
		}
		variables = append(variables, word)
	}
	return c // it starts nothing
}

// Simple returns the command of a list that is a single one without expansions. Every other list needs the launch helper. An
// empty list is a command without words.
func (l List) Simple() (Simple, bool) {
	if len(l) == 0 {
		return Simple{}, true
	}
	if len(l) > 1 || len(l[0].Words) > 0 && slices.Contains(Builtins, string(l[0].Words[0])) {
		return Simple{}, false
	}
	s := Simple{Dir: l[0].Dir, Variables: map[string]string{}}
	for _, word := range l[0].Words {
		text, literal := word.Literal()
		if !literal {
			return Simple{}, false
		}
		s.Words = append(s.Words, text)
	}
	for _, word := range l[0].Variables {
		text, literal := word.Literal()
		if !literal {
			return Simple{}, false
		}
		name, value, _ := strings.Cut(text, "=")
		s.Variables[name] = value
	}
	return s, true
}
