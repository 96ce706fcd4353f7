package shell_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// TestSimple reads command lines of which nothing is for a shell: the variables, then the words.
func TestSimple(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line      string
		variables string
		words     []string
	}{
		{"server --port 80", "", []string{"server", "--port", "80"}},
		{`a 'b c' "d e" f\ g "" h"i"'j'`, "", []string{"a", "b c", "d e", "f g", "", "hij"}},
		{`a '&& $A *' "\$A \"x\" \\ \n" \$A \~ \#`, "", []string{"a", "&& $A *", `$A "x" \ \n`, "$A", "~", "#"}},
		{`a 5$ "x$" $ b~ b#c {x,y} {} a=b %x% ^ ,`, "", []string{"a", "5$", "x$", "$", "b~", "b#c", "{x,y}", "{}", "a=b", "%x%", "^", ","}},
		{"a \\\n  b", "", []string{"a", "b"}},
		{"A=1 B='x y' C= node a D=1", "A=1 B=x y C=", []string{"node", "a", "D=1"}},
		{"A=* B=a\\ b node", "A=* B=a b", []string{"node"}},
		{"A=1", "A=1", nil},
		{"env A=1 B=2 node a", "A=1 B=2", []string{"node", "a"}},
		{"A=1 env A=2 cross-env 'B=x y' node", "A=2 B=x y", []string{"node"}},
		{"npx cross-env A=1 node a", "A=1", []string{"node", "a"}},
		{"cross-env-shell A=1 'node a && b'", "", []string{"cross-env-shell", "A=1", "node a && b"}},
		{"exec server -a", "", []string{"server", "-a"}},
		{"A=1 exec env B=2 node exec", "A=1 B=2", []string{"node", "exec"}},
		{"exec -a name server", "", []string{"exec", "-a", "name", "server"}},
		{"exec", "", []string{"exec"}},
		{"env -i A=1 node", "", []string{"env", "-i", "A=1", "node"}},
		{"npx env A=1 node", "", []string{"npx", "env", "A=1", "node"}},
		{"env A=1", "", []string{"env", "A=1"}},
		{"cross-env", "", []string{"cross-env"}},
		{"", "", nil},
	} {
		line, err := shell.Parse(test.line)
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		got, err := line.Simple()
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		var variables []string
		for _, name := range slices.Sorted(maps.Keys(got.Variables)) {
			variables = append(variables, name+"="+got.Variables[name])
		}
		if diff := cmp.Diff(test.words, got.Words); diff != "" || strings.Join(variables, " ") != test.variables {
			t.Errorf("%s: variables %q, want %q; words (-want +got):\n%s", test.line, variables, test.variables, diff)
		}
	}
}

// TestNeed names what only a shell can do, where it begins.
func TestNeed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line, part string
		column     int
	}{
		{"migrate && server > log", "&&", 9},
		{"server > log && x", ">", 8},
		{"server 2>&1", ">&", 9},
		{"server | tee log", "|", 8},
		{"a || b", "||", 3},
		{"cd x; server", ";", 5},
		{"server &", "&", 8},
		{"a & b", "&", 3},
		{"a\nb", "a line break", 2},
		{"! a", "!", 1},
		{"server --port $PORT", "$PORT", 15},
		{`server "a ${PORT:-8080}"`, "${PORT:-8080}", 11},
		{"server ${A} $B", "${A}", 8},
		{"server $1", "$1", 8},
		{"server $(hostname -f)", "$(hostname -f)", 8},
		{"server `hostname`", "`hostname`", 8},
		{"server $((1+1))", "$((1+1))", 8},
		{"server <(x)", "<(x)", 8},
		{"server $'a\\tb'", `$'a\tb'`, 8},
		{`server $"a"`, `$"a"`, 8},
		{"server *.html", "*", 8},
		{"server \\**", "*", 8},
		{"server a[1]", "[", 9},
		{"server @(a|b)", "@(a|b)", 8},
		{"~/server", "~", 1},
		{"A=~/x server", "~", 3},
		{"server # the server", "#", 8},
		{"# server", "#", 1},
		{"A=$B node a", "$B", 3},
		{"A+=1 node a", "A+=1", 1},
		{"(cd x && y)", "(", 1},
		{"{ a; }", "{", 1},
		{"if a; then b; fi", "if", 1},
		{"[[ -f x ]] && b", "[[", 1},
		{"time server", "time", 1},
		{"export A=1", "export", 1},
	} {
		line, err := shell.Parse(test.line)
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		_, err = line.Simple()
		need := new(shell.Error)
		if !errors.As(err, &need) || need.Part != test.part || need.Column != test.column {
			t.Errorf("%s: got %+v, want %s in column %d", test.line, err, test.part, test.column)
		}
	}
}

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
