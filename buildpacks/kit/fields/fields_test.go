package fields_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fields"
)

// TestKinds asks each kind of value for each kind of field.
func TestKinds(t *testing.T) {
	t.Parallel()
	type read struct {
		Text  string
		True  bool
		List  []string
		Texts map[string]string
	}
	none := map[string]string{}
	for value, want := range map[string]read{
		`"a"`:                         {"a", false, []string{"a"}, none},
		`""`:                          {"", false, nil, none},
		`"\u00e4\n"`:                  {"ä\n", false, []string{"ä\n"}, none},
		`22`:                          {"22", false, []string{"22"}, none},
		`-1.50`:                       {"-1.50", false, []string{"-1.50"}, none},
		`true`:                        {"", true, nil, none},
		`false`:                       {"", false, nil, none},
		`null`:                        {"", false, nil, none},
		`[]`:                          {"", false, nil, none},
		`["a", 2, null, {}, "b", ""]`: {"", false, []string{"a", "2", "b"}, none},
		`{}`:                          {"", false, nil, none},
		`{"a": "x", "b": 2, "c": ["y"], "d": null, "e": true, "f": ""}`: {"", false, nil, map[string]string{"a": "x", "b": "2", "f": ""}},
		`{"a": "x", "a": "y"}`: {"", false, nil, map[string]string{"a": "y"}},
	} {
		o, err := fields.JSON("a.json", []byte("\ufeff{\"name\": \"first\", \"name\": "+value+"}\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, read{o.Text("name"), o.True("name"), o.List("name"), o.Texts("name")}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
		if got := (read{o.Text("none"), o.True("none"), o.List("none"), o.Texts("none")}); !cmp.Equal(got, read{Texts: none}) {
			t.Errorf("%s: a field that is not there is %+v", value, got)
		}
	}
}

// TestObject reads fields of fields, and has them as they were written.
func TestObject(t *testing.T) {
	t.Parallel()
	o, err := fields.JSON("a.json", []byte(`{"a": {"b": {"c":  1.0}}, "d": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := o.Object("a").Object("b").Text("c"); got != "1.0" {
		t.Errorf("got %q", got)
	}
	if got := o.Object("d").Object("b").Text("c"); got != "" {
		t.Errorf("got %q of a field that is not there", got)
	}
	if diff := cmp.Diff(json.RawMessage(`{"b": {"c":  1.0}}`), o["a"]); diff != "" {
		t.Errorf("as it was written (-want +got):\n%s", diff)
	}
}

// TestYAML reads the same fields of YAML.
func TestYAML(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]string{
		"":                                     {},
		"# nothing\n":                          {},
		"\ufeffa: x\r\nb: 5.4\r\nc: '9.0'\r\n": {"a": "x", "b": "5.4", "c": "9.0"},
		"a: &x y\nb: *x\n1: one\nc: .nan\nd: [e]": {"a": "y", "b": "y", "1": "one", "c": "NaN"},
	} {
		o, err := fields.YAML("a.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name := range o {
			if value := o.Text(name); value != "" {
				got[name] = value
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	o, err := fields.YAML("a.yaml", []byte("a:\n  1: {b: [c, 2]}\n"))
	if got := o.Object("a").Object("1").List("b"); err != nil || !cmp.Equal(got, []string{"c", "2"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestTOML reads the same fields of TOML, and lists of tables.
func TestTOML(t *testing.T) {
	t.Parallel()
	o, err := fields.TOML("a.toml", []byte("\ufeffa = \"x\"\r\nb = 5.4\nd = 2024-01-02\n[c]\ne.f = [\"g\"]\n[[h]]\ni = nan\n[[h]]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "x", "b": "5.4"}, map[string]string{"a": o.Text("a"), "b": o.Text("b")}); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	if got := o.Object("c").Object("e").List("f"); !cmp.Equal(got, []string{"g"}) {
		t.Errorf("got %q", got)
	}
	if got := o.Objects("h"); len(got) != 2 || got[0].Text("i") != "NaN" || o.Objects("c") != nil {
		t.Errorf("got %q", got)
	}
	if _, err := fields.TOML("a.toml", nil); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"a = 1\nb = \n": "a.toml line 2: expected value but found '\\n' instead",
		"a = 1\na = 2":  "a.toml line 2: Key 'a' has already been defined.",
		"a = \"\xff\"":  "a.toml line 1: invalid UTF-8 byte: 0xff",
	} {
		_, err := fields.TOML("a.toml", []byte(text))
		check(t, text, err, want)
	}
}

// TestFaults names where a text is wrong, and no types of Go.
func TestFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\n  \"ä\": \"b\",\n  }": "a.json line 3, column 3: invalid character '}' looking for beginning of object key string",
		"{\"ä\": b}":              "a.json line 1, column 7: invalid character 'b' looking for beginning of value",
		"{\n\"a\": 1\n":           "a.json line 2, column 7: unexpected end of JSON input",
		"":                        "a.json line 1, column 1: unexpected end of JSON input",
		"[]":                      "a.json has no fields with names",
		"null":                    "a.json has no fields with names",
		"7":                       "a.json has no fields with names",
	} {
		_, err := fields.JSON("a.json", []byte(text))
		check(t, text, err, want)
	}
	for text, want := range map[string]string{
		"a: [b\nc: d\n": "a.yaml line 1: did not find expected ',' or ']'",
		"a: b\na: c\n":  `a.yaml line 2: mapping key "a" already defined at line 1`,
		"- a\n":         "a.yaml has no fields with names",
		"\x00":          "a.yaml: control characters are not allowed",
	} {
		_, err := fields.YAML("a.yaml", []byte(text))
		check(t, text, err, want)
	}
}

func check(t *testing.T, text string, err error, want string) {
	t.Helper()
	if want += "; correct the file"; !errors.As(err, new(fault.Fault)) || err.Error() != want {
		t.Errorf("%q: got %v, want %s", text, err, want)
	}
}
