// Package fields reads what people and other programs write in JSON, YAML and TOML, as tolerantly as the programs that it is for: one
// field after the other, when it is needed. A field of another kind than its reader asks for counts as one that is not there.
package fields

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Object is an object of JSON, a mapping of YAML, or a table of TOML. Of two fields of JSON with a name, the last counts.
type Object map[string]json.RawMessage

// JSON reads the object in a file of this name. A fault names the line and the column. A byte order mark is passed over.
func JSON(name string, data []byte) (Object, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var all Object
	err := json.Unmarshal(data, &all)
	broken := new(json.SyntaxError)
	switch {
	case errors.As(err, &broken):
		before := data[:min(max(broken.Offset-1, 0), int64(len(data)))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
		return nil, syntaxFault(fmt.Sprintf("%s line %d, column %d: %s", name, line, column, broken))
	case err != nil || all == nil:
		return nil, syntaxFault(name + " has no fields with names")
	}
	return all, nil
}

// relaxed matches texts in quotes, names without them, and comments, tabs and the end of a statement.
var relaxed = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\w+\s*:|//.*|/\*(?s:.*?)\*/|;?\s*\z|\t`)

// Relaxed reads an object as programs in JavaScript write it: with comments, a comma after the last field, and names and texts without
// quotes or in single ones. What would be computed is a text.
func Relaxed(name string, data []byte) (Object, error) {
	text := relaxed.ReplaceAllFunc(bytes.TrimPrefix(data, []byte("\ufeff")), func(part []byte) []byte {
		switch {
		case bytes.ContainsAny(part[:min(1, len(part))], `"'`):
			return part
		case bytes.HasSuffix(part, []byte(":")):
			return append(part[:len(part):len(part)], ' ')
		}
		return []byte(" ")
	})
	return YAML(name, text)
}

// YAML reads the mapping in a file of this name, none if the file is empty.
func YAML(name string, data []byte) (Object, error) {
	var all any
	if err := yaml.Unmarshal(data, &all); err != nil {
		what := name
		if found := lineOfYAML.FindStringSubmatch(err.Error()); found != nil {
			what += " line " + found[1] + ": " + found[2]
		} else {
			what += ": " + strings.TrimPrefix(err.Error(), "yaml: ")
		}
		return nil, syntaxFault(what)
	}
	if all == nil {
		return Object{}, nil
	}
	return object(name, all)
}

// TOML reads the table in a file of this name. A fault names the line.
func TOML(name string, data []byte) (Object, error) {
	all := map[string]any{}
	broken := new(toml.ParseError)
	err := toml.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &all)
	switch {
	case errors.As(err, broken):
		return nil, syntaxFault(fmt.Sprintf("%s line %d: %s", name, broken.Position.Line, broken.Message))
	case err != nil:
		return nil, syntaxFault(name + ": " + strings.TrimPrefix(err.Error(), "toml: "))
	}
	return object(name, all)
}

func object(name string, all any) (Object, error) {
	fields, err := json.Marshal(plain(all))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return JSON(name, fields)
}

// lineOfYAML matches the line that the YAML package names, and what is wrong with it.
var lineOfYAML = regexp.MustCompile(`line (\d+): (.*)`)

// plain returns a value of YAML with names that are text.
func plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			v[name] = plain(field)
		}
	case map[any]any:
		named := map[string]any{}
		for name, field := range v {
			named[fmt.Sprint(name)] = plain(field)
		}
		return named
	case []any:
		for i, one := range v {
			v[i] = plain(one)
		}
	case []map[string]any: // tables of TOML
		for i := range v {
			plain(v[i])
		}
	case float64: // which may be no number that JSON has
		return fmt.Sprint(v)
	}
	return value
}

func syntaxFault(what string) error {
	return fault.Fault{ID: "file-syntax", What: what, Do: "correct the file"}
}

// Text returns a field that is a text, or a number as it is written, "" for any other.
func (o Object) Text(name string) string { return text(o[name]) }

// True reports whether a field is true.
func (o Object) True(name string) bool { return string(o[name]) == "true" }

// List returns the texts in a field that is a list. A text is a list of one.
func (o Object) List(name string) []string {
	var list []json.RawMessage
	if err := json.Unmarshal(o[name], &list); err != nil {
		list = []json.RawMessage{o[name]}
	}
	var all []string
	for _, one := range list {
		if found := text(one); found != "" {
			all = append(all, found)
		}
	}
	return all
}

// Object returns a field that is an object, nil for any other.
func (o Object) Object(name string) Object {
	var inner Object
	if err := json.Unmarshal(o[name], &inner); err != nil {
		return nil
	}
	return inner
}

// Objects returns the objects in a field that is a list.
func (o Object) Objects(name string) []Object {
	var list []json.RawMessage
	if err := json.Unmarshal(o[name], &list); err != nil {
		return nil
	}
	var all []Object
	for i := range list {
		if inner := (Object{"": list[i]}).Object(""); inner != nil {
			all = append(all, inner)
		}
	}
	return all
}

// Texts returns the texts and numbers of a field that is an object, by their names.
func (o Object) Texts(name string) map[string]string {
	all := map[string]string{}
	for key, value := range o.Object(name) {
		if is := kind(value); is == '"' || is == '0' {
			all[key] = text(value)
		}
	}
	return all
}

func text(value json.RawMessage) string {
	switch kind(value) {
	case '"':
		var found string
		if err := json.Unmarshal(value, &found); err == nil {
			return found
		}
	case '0':
		return string(value)
	}
	return ""
}

// kind returns how a value begins, '0' for every number, 0 for none.
func kind(value json.RawMessage) byte {
	switch {
	case len(value) == 0:
		return 0
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return '0'
	}
	return value[0]
}
