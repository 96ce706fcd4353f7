package runtimes_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
)

const whole = `{"id":"node","version":"24.20.0","line":"24","abi":"node-137","asked":"^24.1"}`

func TestParse(t *testing.T) {
	t.Parallel()
	want := runtimes.Runtime{ID: "node", Version: "24.20.0", Line: "24", ABI: "node-137", Asked: "^24.1"}
	if got, err := runtimes.Parse(whole); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{
		"", "{", "[]", `{"id":1}`, strings.Replace(whole, "24.20.0", "", 1), strings.Replace(whole, "^24.1", `a\nb`, 1),
		strings.Replace(whole, "node-137", strings.Repeat("x", 201), 1),
	} {
		if got, err := runtimes.Parse(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// FuzzParse reads what an image says: what is read fits, and is written and read again the same.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add(`{"id":"\u0000"}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := runtimes.Parse(text)
		if err != nil {
			return
		}
		written, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := runtimes.Parse(string(written))
		if err != nil || again != got || !again.Fits() {
			t.Errorf("%+v, then %+v, %v", got, again, err)
		}
	})
}
