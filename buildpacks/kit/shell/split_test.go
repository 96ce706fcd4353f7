package shell_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                                  nil,
		" a\tb\n":                           {"a", "b"},
		`url=http://x/?a=1&b=2 c=(d|e);f>g`: {"url=http://x/?a=1&b=2", "c=(d|e);f>g"},
		`a='b c' "d e"f '' g=""`:            {"a=b c", "d ef", "", "g="},
		`price=$5 "$HOME" '$(x)' #no *`:     {"price=$5", "$HOME", "$(x)", "#no", "*"},
		`a\ b "c\"d\\" "e\n" 'f\g'`:         {"a b", `c"d\`, `e\n`, `f\g`},
		"a\n  b\\\n c \"d\\\ne\" \\\n f":    {"a", "b", "c", "de", "f"},
		"\"\\$a \\`b\" \\$c":                {"$a `b", "$c"},
	} {
		got, err := shell.Split(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{`'a`, `a "b`, `a\`} {
		if got, err := shell.Split(text); err == nil {
			t.Errorf("%s: got %q, want an error", text, got)
		}
	}
}
