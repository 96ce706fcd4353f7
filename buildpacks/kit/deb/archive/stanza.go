package archive

import "strings"

// stanzas splits text in deb822 format into fields. It joins continuation lines with newlines, and drops comments.
func stanzas(text string) []map[string]string {
	var out []map[string]string
	current := map[string]string{}
	last := ""
	flush := func() {
		if len(current) > 0 {
			out = append(out, current)
		}
		current, last = map[string]string{}, ""
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case line == "":
			flush()
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if last != "" {
				current[last] += "\n" + strings.TrimSpace(line)
			}
		default:
			name, value, _ := strings.Cut(line, ":")
			last = name
			current[name] = strings.TrimSpace(value)
		}
	}
	flush()
	return out
}
