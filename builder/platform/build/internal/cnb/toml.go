package cnb

import (
	"bytes"
	"fmt"
	"os"

	"github.com/BurntSushi/toml"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// What a TOML file of a build may be at most. The time that the library takes grows with the cube of the depth of a key.
const (
	maxTOML  = 4 << 20 // bytes
	maxDepth = 64      // dots of a key, or brackets and braces that are open at a time
)

// readTOML reads a TOML file below a folder. A build wrote it, and the platform reads it outside of any limit of the build.
func readTOML(root *os.Root, name string, into any) error {
	content, err := tree.ReadIn(root, name)
	if err != nil {
		return err
	}
	if len(content) > maxTOML {
		return fmt.Errorf("it has more than %d MiB", maxTOML>>20)
	}
	if tooDeep(content) {
		return fmt.Errorf("it has more than %d tables or lists, one in another", maxDepth)
	}
	_, err = toml.NewDecoder(bytes.NewReader(content)).Decode(into)
	return err
}

// tooDeep reports whether a key or a value goes deeper than maxDepth (TOML 1.0, "Keys", "Array", "Inline Table").
func tooDeep(text []byte) bool {
	dots, open := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			i += quoted(text[i:]) - 1
		case '#':
			end := bytes.IndexByte(text[i:], '\n')
			if end < 0 {
				return false
			}
			i += end - 1
		case '.':
			dots++
		case '[', '{':
			open, dots = open+1, 0
		case ']', '}':
			open, dots = max(0, open-1), 0
		case '=', ',', '\n':
			dots = 0
		}
		if dots > maxDepth || open > maxDepth {
			return true
		}
	}
	return false
}

// quoted returns the length of the string with which a text begins, its quotes included (TOML 1.0, "String").
func quoted(text []byte) int {
	quote := text[:1]
	escapes := quote[0] == '"'
	if long := bytes.Repeat(quote, 3); bytes.HasPrefix(text, long) {
		for i := 3; i < len(text); i++ {
			if escapes && text[i] == '\\' {
				i++
			} else if bytes.HasPrefix(text[i:], long) {
				rest := text[i+3:] // the last three quotes end it
				return len(text) - len(bytes.TrimLeft(rest, string(quote)))
			}
		}
		return len(text)
	}
	for i := 1; i < len(text); i++ {
		switch {
		case escapes && text[i] == '\\':
			i++
		case text[i] == quote[0]:
			return i + 1
		case text[i] == '\n':
			return i // it is no string, and the library says so
		}
	}
	return len(text)
}
