package main

import "strings"

// assigns reports whether a word sets a variable.
func assigns(word string) bool {
	name, _, found := strings.Cut(word, "=")
	return found && name != "" && name == name[:nameLength(name)]
}

// nameLength returns the length of the name of a variable at the beginning of a text.
func nameLength(text string) int {
	for i, c := range text {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(text)
}

// set sets a variable as a word NAME=value says.
func (env environment) set(word string) {
	name, value, _ := strings.Cut(word, "=")
	e := expander{env: env, whole: true}
	e.read(value, false, false)
	env[name] = e.field.String()
}

// fields returns what a word stands for. A value is cut at spaces, except within double quotes, and an empty one is no field. The
// word is one that kit/shell wrote.
func (env environment) fields(word string) []string {
	e := expander{env: env}
	e.read(word, false, false)
	e.end()
	return e.list
}

// expander reads a word. Its field is the one that is being read.
type expander struct {
	env   environment
	whole bool // values are not cut
	list  []string
	field strings.Builder
	begun bool // there is a field, even if it is empty
}

func (e *expander) end() {
	if e.begun {
		e.list = append(e.list, e.field.String())
	}
	e.field.Reset()
	e.begun = false
}

// put adds text to the field. Cut ends it at spaces.
func (e *expander) put(text string, cut bool) {
	for i := range len(text) {
		if cut && !e.whole && strings.IndexByte(" \t\n", text[i]) >= 0 {
			e.end()
			continue
		}
		e.field.WriteByte(text[i])
		e.begun = true
	}
}

// read reads text, which is a word or the default of a variable, to its end, and returns how long it is. A default ends with "}".
// Quoted says that all of it is within double quotes.
func (e *expander) read(text string, quoted, inner bool) int {
	open := false // a quote
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '}' && inner && !open:
			return i
		case c == '"':
			open, e.begun = !open, true
		case c == '\\' && i+1 < len(text):
			i++
			e.put(text[i:i+1], false)
		case c == '$' && i+1 < len(text):
			i += e.variable(text[i+2:], quoted || open) + 1
		default:
			e.put(text[i:i+1], inner && !quoted && !open)
		}
	}
	return len(text)
}

// variable reads what follows "${" and returns how long it is, with its "}".
func (e *expander) variable(text string, quoted bool) int {
	n := nameLength(text)
	value, set := e.env[text[:n]]
	operator := ""
	for _, one := range []string{":-", "-"} {
		if strings.HasPrefix(text[n:], one) {
			operator = one
			break
		}
	}
	use := e
	if set && (value != "" || operator != ":-") {
		e.put(value, !quoted)
		use = &expander{env: e.env} // the default is passed over
	}
	n += len(operator)
	return n + use.read(text[n:], quoted, true) + 1
}
