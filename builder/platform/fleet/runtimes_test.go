package fleet

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestExchanged has apps with a runtime for which there is a newer one, and what keeps a rebase from it.
func TestExchanged(t *testing.T) {
	t.Parallel()
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
