package shell_test

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// FuzzParse reads command lines: what needs no shell is the same list for the launch helper, and what needs one is named.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		`a 'b c' "d e" f\ g "" h"i"'j'`, "A=$B a '$B' \"\\$B\" b\\\"c", "a && cd x; b ${A:-'x y' \\} \"$B\"}; cd /y && export A=1",
		"exec env A=1 cross-env 'B=x y' node '&&' \\;", "a | b > c &", "a $(b) `c` $((1))", "if a; then b; fi", "'A=1' b", "a 'b", "a\nb",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, err := shell.Parse(text)
		if err != nil {
			checkError(t, text, err)
			return
		}
		line.Commands()
		list, err := line.List()
		if err != nil {
			checkError(t, text, err)
			return
		}
		if len(list) == 0 {
			return
		}
		again := shell.ListOf(list.Args())
		first := list[0].Dir // which the launch helper is started in
		for i := range again {
			again[i].Dir = shell.Within(first, again[i].Dir)
		}
		clean := slices.Clone(list)
		for i := range clean {
			clean[i].Dir = path.Clean(clean[i].Dir)
			again[min(i, len(again)-1)].Dir = path.Clean(again[min(i, len(again)-1)].Dir)
		}
		if diff := cmp.Diff(clean, again); diff != "" {
			t.Errorf("%q is told to the launch helper as %q (-line +helper):\n%s", text, list.Args(), diff)
		}
	})
}

func checkError(t *testing.T, text string, err error) {
	t.Helper()
	broken := new(shell.Error)
	if !errors.As(err, &broken) || broken.What == "" || broken.Do == "" || broken.Column < 1 || broken.Column > len(text)+1 {
		t.Errorf("%q: got %#v", text, err)
	}
}

// FuzzSplit splits texts into words: the words are the same when they are quoted and split again.
func FuzzSplit(f *testing.F) {
	for _, text := range []string{`-a "b c" 'd e' f\ g`, `"a\b\"c" \` + "\n" + `d ''`, `'a`, `a\`, "\u00a0a\u2003b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := shell.Split(text)
		if err != nil {
			return
		}
		var quoted []string
		for _, word := range words {
			quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
		}
		again, err := shell.Split(strings.Join(quoted, " "))
		if diff := cmp.Diff(words, again); err != nil || diff != "" {
			t.Errorf("%q: %v (-first +second):\n%s", text, err, diff)
		}
	})
}

// FuzzQuote makes words of texts and reads them again.
func FuzzQuote(f *testing.F) {
	for _, text := range []string{"", "a b", `$A "b" \`, "&&", ";", "&", "A=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, literal := shell.Quote(text).Literal(); got != text || !literal {
			t.Errorf("%q is quoted as %q, which is %q", text, shell.Quote(text), got)
		}
	})
}
