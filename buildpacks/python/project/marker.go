package project

import (
	"regexp"
	"slices"
	"strings"
)

// token matches the next part of a marker (PEP 508).
var token = regexp.MustCompile(`^\s*(\(|\)|'[^'\x00-\x1f]*'|"[^"\x00-\x1f]*"|not\s+in\b|[a-z_]+(?:\.[a-z_]+)?\b|===|~=|==|!=|<=|>=|<|>)`)

// maxDepth is how many brackets of a marker may be open at a time.
const maxDepth = 50

// markers reads markers in which the extras and groups of an app are known.
type markers struct {
	extras, groups []string
	rest           string
	depth          int
	broken         bool
}

// term is what a marker or a part of it says: always, never, or as its text says.
type term struct {
	text   string // "" where it is always or never so
	always bool
	or     bool // the text has alternatives
}

// simplify returns a marker as it is for known extras and groups, "" if it always holds. Never says that it cannot; ok is false for a
// text that is no marker.
func simplify(marker string, wanted, groups []string) (text string, never, ok bool) {
	if strings.TrimSpace(marker) == "" {
		return "", false, true
	}
	m := &markers{extras: wanted, groups: groups, rest: marker}
	found := m.either()
	if m.broken || strings.TrimSpace(m.rest) != "" {
		return "", false, false
	}
	return found.text, found.text == "" && !found.always, true
}

// next returns the next token and goes on after it, "" at the end.
func (m *markers) next() string {
	found := token.FindStringSubmatchIndex(m.rest)
	if found == nil {
		m.broken = true
		return ""
	}
	text := m.rest[found[2]:found[3]]
	m.rest = m.rest[found[1]:]
	return text
}

// follows goes on after a word if it is the next token.
func (m *markers) follows(word string) bool {
	found := token.FindStringSubmatchIndex(m.rest)
	if found == nil || m.rest[found[2]:found[3]] != word {
		return false
	}
	m.rest = m.rest[found[1]:]
	return true
}

func (m *markers) either() term {
	all := []term{m.both()}
	for m.follows("or") {
		all = append(all, m.both())
	}
	return join(all, true)
}

func (m *markers) both() term {
	all := []term{m.one()}
	for m.follows("and") {
		all = append(all, m.one())
	}
	return join(all, false)
}

// join returns terms of which one has to hold, or all have to.
func join(all []term, or bool) term {
	var texts []string
	for _, t := range all {
		switch {
		case t.text != "" && t.or && !or:
			texts = append(texts, "("+t.text+")")
		case t.text != "":
			texts = append(texts, t.text)
		case t.always == or:
			return term{always: or}
		}
	}
	if len(texts) == 1 {
		i := slices.IndexFunc(all, func(t term) bool { return t.text != "" })
		return all[i]
	}
	return term{text: strings.Join(texts, map[bool]string{true: " or ", false: " and "}[or]), always: !or, or: or}
}

func (m *markers) one() term {
	if m.follows("(") {
		m.depth++
		if m.depth > maxDepth {
			m.broken = true
			return term{}
		}
		inner := m.either()
		m.broken = m.broken || !m.follows(")")
		m.depth--
		return inner
	}
	left, operator, right := m.next(), m.next(), m.next()
	if m.broken || operand(left) == operand(right) || !comparison.MatchString(operator) {
		m.broken = true
		return term{}
	}
	text := left + " " + strings.Join(strings.Fields(operator), " ") + " " + right
	has := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(one string) bool { return Name(one) == Name(strings.Trim(name, `'"`)) })
	}
	switch {
	case left == "extra", right == "extra":
		name := left
		if left == "extra" {
			name = right
		}
		return term{always: has(m.extras, name) == (operator != "!=")}
	case right == "extras":
		return term{always: has(m.extras, left) == (operator == "in")}
	case right == "dependency_groups":
		return term{always: has(m.groups, left) == (operator == "in")}
	}
	return term{text: text}
}

var comparison = regexp.MustCompile(`^(in|not\s+in|===|~=|==|!=|<=|>=|<|>)$`)

// operand reports whether a token is a text in quotes. One side of a comparison is, the other is the name of a variable.
func operand(token string) bool {
	return strings.HasPrefix(token, "'") || strings.HasPrefix(token, `"`)
}
