package fields_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
	"github.com/strata-buildpacks/strata/buildpacks/kit/kittest"
)

// FuzzJSON reads JSON: what is read is read the same when it is written again.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a": {"b": "c", "d": 1e9}, "e": ["f", null, 2], "g": true}`))
	f.Add([]byte("\ufeff{\n \"a\": \x00}"))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, data []byte) { checkAgain(t, data, fields.JSON) })
}

// FuzzYAML reads YAML in the same way.
func FuzzYAML(f *testing.F) {
	f.Add([]byte("a: &x\n  b: c\n  1: [.nan, .inf, 2024-01-02, ~]\nd: *x\n? [e]\n: f\n"))
	f.Add([]byte("a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"))
	f.Add([]byte("a: b: c"))
	f.Add([]byte("<<: {a: 1}\nb: !!binary gIGC\n---\nc: 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkAgain(t, data, fields.YAML) })
}

// FuzzTOML reads TOML in the same way.
func FuzzTOML(f *testing.F) {
	f.Add([]byte("a.b = [1, {c = nan}]\n[[d]]\ne = 1979-05-27T07:32:00Z\n[d.f]\n"))
	f.Add([]byte("a = \"\"\"\n\\\n b\"\"\"\n[a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkAgain(t, data, fields.TOML) })
}

func checkAgain(t *testing.T, data []byte, read func(string, []byte) (fields.Object, error)) {
	t.Helper()
	object, err := read("file", data)
	if err != nil {
		kittest.Fault(t, err)
		return
	}
	written, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	again, err := fields.JSON("file", written)
	if err != nil || len(again) != len(object) {
		t.Fatalf("%q is written as %q: %v", data, written, err)
	}
	for name := range object {
		if again.Text(name) != object.Text(name) || again.True(name) != object.True(name) || len(again.Object(name)) != len(object.Object(name)) {
			t.Errorf("%q is %s, and then %s", name, object[name], again[name])
		}
		if diff := cmp.Diff(object.List(name), again.List(name)) + cmp.Diff(object.Texts(name), again.Texts(name)); diff != "" {
			t.Errorf("%q (-first +second):\n%s", name, diff)
		}
	}
}
