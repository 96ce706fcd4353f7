package shell_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// TestSyntax tells where a line stops being one.
func TestSyntax(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"server 'x": 8, `a "b`: 3, "a ${x:-y": 3, "server |": 8, "a && && b": 3, "a (b)": 1, "A=(1 2) node a": 1,
	} {
		_, err := shell.Parse(line)
		broken := new(shell.Error)
		if !errors.As(err, &broken) || broken.Part != "" || broken.Column != want {
			t.Errorf("%s: got %+v, want an error in column %d", line, err, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`-x "a b" '' a\ b`:                                  {"-x", "a b", "", "a b"},
		`team=web 'motto=small #1'`:                         {"team=web", "motto=small #1"},
		`-ldflags="-X a.b=$V" *.go ~ ${W} "$U"#1 !x { time`: {"-ldflags=-X a.b=$V", "*.go", "~", "${W}", "$U#1", "!x", "{", "time"},
		"a\n  b\\\n c ":                                     {"a", "b", "c"}, "": nil,
	} {
		got, err := shell.Words(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v, (-want +got):\n%s", text, err, diff)
		}
	}
	for text, part := range map[string]string{
		"a 'b": "", "a;b": "", "a (b)": "", "a|b": "", "a>b": "", "a&b": "", "a `b`": "`b`", "a $(b c)": "$(b c)",
		"a <(b)": "<(b)", "a $'b'": "$'b'",
		"a # b": "#", "a #b": "#", "# a": "#",
	} {
		got, err := shell.Words(text)
		broken := new(shell.Error)
		if !errors.As(err, &broken) || broken.Part != part {
			t.Errorf("%s: got %q and %+v, want an error about %q", text, got, err, part)
		}
	}
}
