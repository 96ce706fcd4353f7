package fleet

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestExchanged has apps with a runtime for which there is a newer one, and what keeps a rebase from it.
func TestExchanged(t *testing.T) {
	t.Parallel()
	needs := func(id string) string { return `},"needs":[{"id":"` + id + `","version":"24.20.0","exact":true}]}` }
	const says = `{"runtime":{"id":"node","version":"24.20.0","line":"24","abi":"node-137","asked":">=24"}}`
	for _, test := range []struct {
		name, data string
		base       Base
		newest     string
		want       bool
	}{
		{"newer", says, Base{}, "24.21.0", true},
		{"none newer", says, Base{}, "", false},
		{"asked for", strings.Replace(says, ">=24", "24.20.0", 1), Base{}, "24.21.0", false},
		{"asked for, as a tag", strings.Replace(says, ">=24", "v24.20.0", 1), Base{}, "24.21.0", false},
		{"asked for, as Python has it", strings.Replace(says, ">=24", "==24.20.0", 1), Base{}, "24.21.0", false},
		{"a range with it", strings.Replace(says, ">=24", "^22.1 || 24.x", 1), Base{}, "24.21.0", true},
		{"a range without it", strings.Replace(says, ">=24", "~24.20.0", 1), Base{}, "24.21.0", false},
		{"Debian's revision of it", strings.Replace(says, ">=24", ">=24.21,<25", 1), Base{}, "24.21.0-2+deb13u1", true},
		{"no range", strings.Replace(says, ">=24", "lts/*", 1), Base{}, "24.21.0", true},
		{"of use to it alone", strings.Replace(says, `}}`, needs("node"), 1), Base{}, "24.21.0", false},
		{"of use to another alone", strings.Replace(says, `}}`, needs("python"), 1), Base{}, "24.21.0", true},
		{"of another language", strings.Replace(says, `"node"`, `"python"`, 1), Base{}, "24.21.0", false},
		{"of an earlier suite", `{"key":"x"}`, Base{}, "24.21.0", false},
		{"of another form", `[]`, Base{}, "24.21.0", false},
		{"not rebased", says, Base{Reason: "it is an index"}, "24.21.0", false},
	} {
		var said label
		text := `{"buildpacks":[{"key":"strata/node","layers":{"node":{"sha":"x","data":` + test.data + `}}}]}`
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			t.Fatal(err)
		}
		row := Image{Base: &test.base, Languages: []Language{{Name: "Node.js", Version: "24.20.0", Newest: test.newest}}}
		if row.exchanged(said); row.RuntimesDue() != test.want {
			t.Errorf("%s: %t", test.name, row.RuntimesDue())
		}
	}
}
