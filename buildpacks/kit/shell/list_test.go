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

// list reads a line that needs no shell.
func list(t *testing.T, text string) shell.List {
	t.Helper()
	line, err := shell.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	got, err := line.List()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return got
}

// TestSimple reads command lines that any program can start: the folder, the variables, then the words.
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
		{`a '&&' \; '' --b=''`, "", []string{"a", "&&", ";", "", "--b="}},
		{"a \\\n  b", "", []string{"a", "b"}},
		{`a \é ü\üu`, "", []string{"a", "é", "üüu"}},
		{"A=1 B='x y' C= node a D=1", "A=1 B=x y C=", []string{"node", "a", "D=1"}},
		{"A=* B=a\\ b node", "A=* B=a b", []string{"node"}},
		{"A=1", "A=1", nil},
		{"env A=1 B=2 node a", "A=1 B=2", []string{"node", "a"}},
		{"A=1 env A=2 cross-env 'B=x y' node", "A=2 B=x y", []string{"node"}},
		{"npx cross-env A=1 node a", "A=1", []string{"node", "a"}},
		{"cross-env-shell A=1 'node a && b'", "", []string{"cross-env-shell", "A=1", "node a && b"}},
		{"env -i A=1 node", "", []string{"env", "-i", "A=1", "node"}},
		{"npx env A=1 node", "", []string{"npx", "env", "A=1", "node"}},
		{"env A=1", "", []string{"env", "A=1"}},
		{"cross-env", "", []string{"cross-env"}},
		{"exec node a", "", []string{"node", "a"}},
		{"A=1 exec env B=2 exec node a", "A=1 B=2", []string{"node", "a"}},
		{"exec -a x node", "", []string{"exec", "-a", "x", "node"}},
		{"exec", "", []string{"exec"}},
		{"node a;", "", []string{"node", "a"}},
		{"", "", nil},
	} {
		got, simple := list(t, test.line).Simple()
		if !simple {
			t.Errorf("%s: it is not simple", test.line)
		}
		var variables []string
		for _, name := range slices.Sorted(maps.Keys(got.Variables)) {
			variables = append(variables, name+"="+got.Variables[name])
		}
		if diff := cmp.Diff(test.words, got.Words); diff != "" || strings.Join(variables, " ") != test.variables {
			t.Errorf("%s: variables %q, want %q; words (-want +got):\n%s", test.line, variables, test.variables, diff)
		}
	}
	if got, simple := list(t, "cd server && cd ./src; node a").Simple(); !simple || got.Dir != "server/src" {
		t.Errorf("cd: got %+v, %t", got, simple)
	}
}

// TestList reads lists as the launch helper is told them, and back.
func TestList(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"a && b":                         {"a", "&&", "b"},
		"a x; B=1 b && c;":               {"a", "x", ";", "B=1", "b", "&&", "c"},
		"a $A ${A} \"$A\" x\"${A}\"y":    {"a", "${A}", "${A}", `"${A}"`, `x"${A}"y`},
		"a ${A:-1} ${A-} ${A:-${B:-2}}":  {"a", "${A:-1}", "${A-}", "${A:-${B:-2}}"},
		`a ${A:-'x y' \} "$B"}`:          {"a", `${A:-"x y" \} "${B}"}`},
		`A=$B a '$B' "\$B" b\"c d\\e`:    {"A=${B}", "a", `\$B`, `\$B`, `b\"c`, `d\\e`},
		`a '&&' ";" "" --b="" && exec c`: {"a", `\&&`, `\;`, `""`, `--b=""`, "&&", "c"},
		"a; cd x && b; cd y && cd .. && c; cd /z; d; cd ../x && e": {"a", ";", "cd", "x", "&&", "b", ";", "c", ";", "cd", "/z", "&&", "d",
			";", "cd", "../x", "&&", "e"},
		"cd x && a && cd .. && b":       {"a", "&&", "cd", "..", "&&", "b"},
		"export A=1 B=$C && a $A":       {"export", "A=1", "B=${C}", "&&", "a", "${A}"},
		"echo 'it starts' && env A=1 a": {"echo", "it starts", "&&", "A=1", "a"},
	} {
		commands := list(t, line)
		args := commands.Args()
		if diff := cmp.Diff(want, args); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
		if diff := cmp.Diff(args, shell.ListOf(args).Args()); diff != "" {
			t.Errorf("%s, read again (-want +got):\n%s", line, diff)
		}
		if _, simple := commands.Simple(); simple {
			t.Errorf("%s: it is simple", line)
		}
	}
	got := shell.ListOf([]string{"a", "&&", "cd", "x", "&&", "B=1", "b"})[1]
	if got.Dir != "x" || got.After != shell.And || len(got.Variables) != 1 {
		t.Errorf("the second command is %+v", got)
	}
}

// TestWith tells the launch helper lists that run at the same time, each in the folder of the first command, and reads them again.
func TestWith(t *testing.T) {
	t.Parallel()
	commands := shell.List{
		{Dir: "a", Words: []shell.Word{"x"}},
		{After: shell.And, Dir: "a/b", Words: []shell.Word{"y", shell.Quote("&")}},
		{After: shell.With, Dir: "a", Words: []shell.Word{"z"}},
		{After: shell.With, Dir: "c", Words: []shell.Word{"w"}},
	}
	want := []string{"x", "&&", "cd", "b", "&&", "y", `\&`, "&", "z", "&", "cd", "../c", "&&", "w"}
	if diff := cmp.Diff(want, commands.Args()); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	again := shell.ListOf(want)
	for i := range again {
		again[i].Dir = shell.Within("a", again[i].Dir)
	}
	if diff := cmp.Diff(commands, again); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	if got := list(t, "a '&' b")[0].Words; len(got) != 3 || got[1] != `\&` {
		t.Errorf("an argument & is %q", got)
	}
}

// TestNeed names what only a shell can do, where it begins.
func TestNeed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line, part string
		column     int
	}{
		{"migrate && server > log", ">", 19},
		{"server > log && x", ">", 8},
		{"server 2>&1", ">&", 9},
		{"server | tee log", "|", 8},
		{"a || b", "||", 3},
		{"server &", "&", 8},
		{"a & b", "&", 3},
		{"a; b\nc", "a line break", 5},
		{"! a", "!", 1},
		{`server "a ${PORT:+8080}"`, "${PORT:+8080}", 11},
		{"server ${A#x} $B", "${A#x}", 8},
		{"server ${#A}", "${#A}", 8},
		{"server ${A[1]}", "${A[1]}", 8},
		{"server ${A:-$(b)}", "$(b)", 13},
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
		{"A+=1 node a", "A+=1", 1},
		{"(cd x && y)", "(", 1},
		{"{ a; }", "{", 1},
		{"if a; then b; fi", "if", 1},
		{"é() { a; }", "é", 1},
		{"[[ -f x ]] && b", "[[", 1},
		{"time server", "time", 1},
		{"export A && b", "export A", 1},
		{"declare A=1", "declare A=1", 1},
		{"A=1 && node a", "A=1", 1},
		{"a; cd $B && c", "cd $B", 4},
		{"cd", "cd", 1},
	} {
		line, err := shell.Parse(test.line)
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		_, err = line.List()
		need := new(shell.Error)
		if !errors.As(err, &need) || need.Part != test.part || need.Column != test.column {
			t.Errorf("%s: got %+v, want %s in column %d", test.line, err, test.part, test.column)
		}
	}
}

// TestLiterally leaves patterns as they are, where a program of some names has them.
func TestLiterally(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"run b:* && run 'c:*' d?":  "run b:* && run c:* d?",
		"A=1 npx run b:** $B":      "A=1 npx run b:** ${B}",
		"other b:* && run b:*":     "",
		"run b:* > x":              "",
		"'run' b:*":                "", // as nobody writes it
		"run b:* && node a.js | x": "",
	} {
		line, err := shell.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := line.Literally("run").List()
		if text := strings.Join(got.Args(), " "); text != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", text, text, err, want)
		}
	}
}

// TestCommands finds all commands of a line, those too that need a shell.
func TestCommands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a && b 'c d'; e":                  "[a] [b c d] [e]",
		"A=1 npx cross-env B=2 a | b || c": "[a] [b] [c]",
		"(a $B && { c & }) > log":          "[a ${B}] [c]",
		"if a; then b; fi":                 "[a] [b]",
		"export A=1 && b":                  "[b]",
		"A=1":                              "",
	} {
		line, err := shell.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, words := range line.Commands() {
			got = append(got, "["+strings.Join(words, " ")+"]")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
