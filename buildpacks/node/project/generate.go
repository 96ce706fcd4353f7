package project

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
)

// Generator is a command that makes code of a file of the app. It has to run before the app is built.
type Generator struct {
	Package string   // that needs the code
	Program string   // the package that has the command
	Command string   // as scripts have it
	Sources []string // files or folders that it reads, relative to the package's; one of them is there if there is something to make
	Field   string   // of package.json, that names the source where it is another file
}

// runs reports whether words are the command, with any arguments.
func (g Generator) runs(words []string) bool {
	command := strings.Fields(g.Command)
	words = words[Runner(words):]
	if len(words) > 2 && (words[0] == "bun" || words[0] == "yarn") && words[1] == "run" { // a program, unless a script has its name
		words = words[2:]
	}
	return len(words) >= len(command) && slices.Equal(words[:len(command)], command)
}

// generators returns the generators that have something to make and that no script runs: the script that does nothing else, or else the
// command as a script has it, or else the command alone.
func (p Project) generators(known []Generator, run []Script) ([]Script, error) {
	dirs, err := p.needed()
	if err != nil {
		return nil, err
	}
	var found []Script
	for _, dir := range dirs {
		m, err := p.ReadManifest(dir)
		if err != nil {
			return nil, err
		}
		for _, g := range known {
			if !m.Has(g.Package) || !m.Has(g.Program) && !p.Base.Has(g.Program) {
				continue
			}
			calls := call{g, []Manifest{m, p.Manifest, p.Base}, map[string]bool{}}
			if slices.ContainsFunc(run, func(s Script) bool { return calls.in(s.Command) }) {
				continue
			}
			if s := p.generate(dir, m, g); s.Command != "" {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// generate returns what runs a generator for a package, without a command if there is nothing to make. A script may do more, such as to
// start a server, so of such a script no more than the command is run.
func (p Project) generate(dir string, m Manifest, g Generator) Script {
	var part Script
	for _, name := range slices.Sorted(maps.Keys(m.Scripts)) {
		commands := listOf(m.Scripts[name])
		for _, c := range commands {
			words := shell.Texts(c.Words)
			if c.Dir != "" || !g.runs(words) || slices.Contains(words, "--watch") {
				continue
			}
			if len(commands) == 1 {
				return Script{Dir: dir, Name: name, Command: m.Scripts[name]}
			}
			if simple, ok := (shell.List{c}).Simple(); ok && part.Words == nil {
				words = words[Runner(words):]
				text := strings.Join(words, " ")
				part = Script{Dir: dir, Name: text, Command: text, Words: words}
				for _, variable := range slices.Sorted(maps.Keys(simple.Variables)) {
					part.Env = append(part.Env, variable+"="+simple.Variables[variable])
				}
			}
		}
	}
	there := part.Words != nil || m.fields.Object(g.Field) != nil
	for _, source := range g.Sources {
		_, err := os.Stat(filepath.Join(p.Root, dir, source))
		there = there || err == nil
	}
	switch {
	case !there:
		return Script{}
	case part.Words != nil:
		return part
	}
	return Script{Dir: dir, Name: g.Command, Command: g.Command, Words: strings.Fields(g.Command)}
}

// listOf returns the commands of a text, none if it is no list of them.
func listOf(text string) shell.List {
	line, err := Parse(text)
	if err != nil {
		return nil
	}
	list, err := line.List()
	if err != nil {
		return nil
	}
	return list
}

// call looks for the command of a generator in scripts.
type call struct {
	of        Generator
	manifests []Manifest // whose scripts may be named
	seen      map[string]bool
}

// in reports whether a text has the command, or names a script that has it. What was seen before is left out.
func (c call) in(text string) bool {
	if c.seen[text] {
		return false
	}
	c.seen[text] = true
	line, err := shell.Parse(text)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(line.Commands(), func(words []string) bool {
		return c.of.runs(words) || slices.ContainsFunc(scriptsIn(words), func(pattern string) bool {
			return strings.Contains(pattern, " ") && c.in(pattern) || c.inScripts(pattern)
		})
	})
}

// inScripts reports whether scripts have the command whose names match a pattern.
func (c call) inScripts(pattern string) bool {
	return slices.ContainsFunc(c.manifests, func(m Manifest) bool {
		for name, text := range m.Scripts {
			if matches, err := path.Match(pattern, name); err == nil && matches && c.in(text) {
				return true
			}
		}
		return false
	})
}

// scriptsIn returns words that may name scripts, as patterns: those of a command that runs scripts. One with spaces is a command.
func scriptsIn(words []string) []string {
	if slices.Contains([]string{"npx", "pnpx", "bunx"}, words[0]) {
		words = words[1:]
	}
	if len(words) == 0 || !slices.Contains(append([]string{"npm", "pnpm", "yarn", "bun"}, ScriptRunners...), words[0]) {
		return nil
	}
	var names []string
	for _, word := range words[1:] {
		names = append(names, strings.TrimPrefix(word, "npm:"))
	}
	return names
}
