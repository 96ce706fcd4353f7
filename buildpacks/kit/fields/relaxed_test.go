package fields_test

import (
	"testing"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// TestRelaxed reads objects as programs in JavaScript write them.
func TestRelaxed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a": "b"}`:                             "b",
		"\ufeff{\n\ta: 'b', // c\n\tc: 1,\n};\n": "b",
		`{"c":1,a:'b'/* x: */,d:[1,2,],}`:        "b",
		`{a: 'b // c', d: "{a:1}"}`:              "b // c",
		`{d: "a: 1", a: "{x:1}"}`:                "{x:1}",
		`{a: process.env.A || 1}`:                "process.env.A || 1",
		`{a: f(1)}`:                              "f(1)",
		`{}`:                                     "",
	} {
		got, err := fields.Relaxed("x.js", []byte(text))
		if err != nil || got.Text("a") != want {
			t.Errorf("%s: a is %q, %v; want %q", text, got.Text("a"), err, want)
		}
	}
	for _, text := range []string{"{", "make()", "{a: 'b}", "[1]"} {
		if got, err := fields.Relaxed("x.js", []byte(text)); err == nil {
			t.Errorf("%s is %v", text, got)
		} else {
			kittest.Fault(t, err)
		}
	}
}

// FuzzRelaxed reads such objects: an object that is read the same when it is written again, or a fault.
func FuzzRelaxed(f *testing.F) {
	f.Add([]byte(`{"a": "b", "c": ["d", 1]}`))
	f.Add([]byte("{a: 'b', // c\n\t\"d\": {e: 1,},};"))
	f.Fuzz(func(t *testing.T, data []byte) { checkAgain(t, data, fields.Relaxed) })
}
