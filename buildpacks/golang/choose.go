package golang

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// choose returns the programs that an app is most likely about, by their places and names alone. The first is the default process.
//
// A program at the app's root is all that is chosen. Otherwise each module has what ofModule says.
func (f finder) choose(all []folder) []folder {
	var chosen []folder
	for _, m := range f.members {
		found := f.ofModule(m, all)
		if m.Dir == "." && len(found) == 1 && found[0].Dir == "." {
			return found
		}
		chosen = append(chosen, found...)
	}
	slices.SortStableFunc(chosen, func(a, b folder) int { return cmp.Compare(f.rank(a.Dir), f.rank(b.Dir)) })
	return chosen
}

// onlyOne returns the only program, the only one that is no aid, or of these the only one whose name ranks before others.
func (f finder) onlyOne(all []folder) []folder {
	for _, unlikely := range []func(folder) bool{
		func(folder) bool { return false },
		func(d folder) bool { return d.Empty || aids(strings.Split(d.Dir, "/")) },
		func(d folder) bool { return f.rank(d.Dir) >= other },
	} {
		if all = slices.DeleteFunc(slices.Clone(all), unlikely); len(all) == 1 {
			return all
		}
	}
	return nil
}

// ofModule returns the programs of one module that an app is most likely about: the one at its root; or else those of cmd, if one of them
// has the module's name; or else one elsewhere that has it, or the name that all of cmd begin with; or else those of cmd.
func (f finder) ofModule(m member, all []folder) []folder {
	commands := path.Join(m.Dir, "cmd")
	var in, out []folder
	for _, d := range all {
		switch {
		case f.owner(d.Dir).Dir != m.Dir:
		case d.Dir == m.Dir && !d.Empty:
			return []folder{d}
		case d.Dir == commands, path.Dir(d.Dir) == commands:
			in = append(in, d)
		case !aids(strings.Split(d.Dir, "/")) && !d.Empty:
			out = append(out, d)
		}
	}
	named := func(d folder) bool { return likeness(f.target(d.Dir).Binary, m.Path) < different }
	if slices.ContainsFunc(in, named) {
		return in
	}
	for _, d := range out {
		prefixes := func(c folder) bool { return strings.HasPrefix(path.Base(c.Dir), f.target(d.Dir).Binary+"-") }
		if named(d) || len(in) > 0 && !slices.ContainsFunc(in, func(c folder) bool { return !prefixes(c) }) {
			return []folder{d}
		}
	}
	return in
}

// rank orders programs: web, those with the module's name, servers, others, aids.
func (f finder) rank(rel string) int {
	name := strings.ToLower(f.target(rel).Binary)
	like := likeness(name, f.owner(rel).Path)
	switch {
	case name == "web":
		return 0
	case like < different && len(f.members) == 1:
		return 1 + like
	case name == "server", name == "api":
		return 5
	case strings.HasSuffix(name, "server"), strings.HasSuffix(name, "-api"):
		return 6
	case aids(strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_.", r) })):
		return other + 1
	}
	return other
}

// other is the rank of a program whose name says nothing.
const other = 7

// different is the likeness of names that have nothing in common.
const different = 3

// likeness says how much a program's name is its module's: 0 a server of that name, 1 the name, 2 the name with an s for server.
func likeness(binary, modulePath string) int {
	plain := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(s))
	}
	for _, name := range moduleNames(modulePath) {
		switch rest, ok := strings.CutPrefix(plain(binary), plain(name)); {
		case ok && (rest == "server" || rest == "d"):
			return 0
		case ok && rest == "":
			return 1
		case ok && rest == "s":
			return 2
		}
	}
	return different
}

// moduleNames returns what people call a module: its path's last element without "go-" or "-go", or its domain without ".com", and the
// element before where the last says no more than what kind of module it is.
func moduleNames(modulePath string) []string {
	last := binaryName(modulePath)
	if strings.HasPrefix(modulePath, last) {
		last, _, _ = strings.Cut(last, ".")
	}
	names := []string{strings.TrimSuffix(strings.TrimPrefix(last, "go-"), "-go")}
	if slices.Contains([]string{"api", "app", "backend", "cmd", "go", "server", "service", "src"}, last) {
		names = append(names, binaryName(path.Dir(modulePath)))
	}
	return names
}

// aids reports whether a word, of a program's name or its folders, says that it is an aid to development.
func aids(words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(aid, strings.ToLower(word)) })
}

// aid are words for programs that help to develop or to look after an app.
var aid = []string{
	"bench", "benchmark", "ci", "cli", "client", "codegen", "contrib", "debug", "demo", "demos", "doc", "docs", "e2e",
	"example", "examples", "fixtures", "gen", "generate", "generator", "hack", "help", "integration", "internal",
	"license", "lint", "magefiles", "migrate", "migration", "migrations", "misc", "mock", "mocks", "playground", "sample",
	"samples", "script", "scripts", "seed", "test", "testcases", "testing", "tests", "testutil", "third_party", "tools",
	"util", "utils",
}
