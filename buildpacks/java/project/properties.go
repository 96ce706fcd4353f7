package project

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// properties reads a file of properties as java.util.Properties does. Of two lines with a key, the last counts.
func properties(text string) map[string]string {
	all := map[string]string{}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], " \t\f")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		var whole strings.Builder
		for continued(line) {
			whole.WriteString(line[:len(line)-1])
			if i++; i == len(lines) {
				line = ""
				break
			}
			line = strings.TrimLeft(lines[i], " \t\f")
		}
		whole.WriteString(line)
		key, value := split(whole.String())
		all[unescape(key)] = unescape(value)
	}
	return all
}

// continued reports whether a line ends with a backslash that is none of a pair.
func continued(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// split takes a line apart at its first white space, = or : that has no backslash before it.
func split(line string) (key, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune(" \t\f=:", rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	key, value = line[:end], strings.TrimLeft(line[end:], " \t\f")
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t\f")
	}
	return key, value
}

// unescape replaces what a backslash stands before. \u and four digits are a unit of UTF-16.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		switch at := strings.IndexByte("tnrf", text[i]); {
		case at >= 0:
			out.WriteByte("\t\n\r\f"[at])
		case text[i] == 'u':
			units, used := units(text[i+1:])
			out.WriteString(string(utf16.Decode(units)))
			i += used
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// units returns the unit of UTF-16 that a text begins with, and those that follow it as \u, with the length of all.
func units(text string) (found []uint16, used int) {
	for len(text) >= used+4 {
		unit, err := strconv.ParseUint(text[used:used+4], 16, 16)
		if err != nil {
			return found, max(used-2, 0)
		}
		found = append(found, uint16(unit))
		if used += 4; !strings.HasPrefix(text[used:], `\u`) {
			return found, used
		}
		used += 2
	}
	return found, max(used-2, 0)
}
