package layer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// changed names the fields in which two keys differ, "env.GOFLAGS" for a field within another one. Values are not named:
// they may be secret.
func changed(before, after string) string {
	names := differences("", json.RawMessage(before), json.RawMessage(after))
	return cmp.Or(strings.Join(names, ", "), "its form")
}

// differences compares two values. Objects are compared field by field.
func differences(name string, before, after json.RawMessage) []string {
	var old, wanted map[string]json.RawMessage
	if json.Unmarshal(before, &old) != nil || json.Unmarshal(after, &wanted) != nil || old == nil || wanted == nil {
		if bytes.Equal(before, after) {
			return nil
		}
		return []string{name}
	}
	fields := maps.Clone(old)
	maps.Copy(fields, wanted)
	var names []string
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		inner := field
		if name != "" {
			inner = name + "." + field
		}
		names = append(names, differences(inner, old[field], wanted[field])...)
	}
	return names
}
