package project

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Generator is a command that makes code of a file of the app. It has to run before the app is built.
type Generator struct {
	Package string   // that needs the code
	Program string   // the package that has the command
	Command string   // as scripts have it
	Sources []string // files or folders that it reads, relative to the package's; one of them is there if there is something to make
	Field   string   // of package.json, that names the source where it is another file
}

// generators returns the generators that have something to make and that no script runs: the script that calls one, or else its
// command.
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
			if s := p.generate(dir, m, g); s.Command != "" && !m.calls(run, g.Command) {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

// generate returns the script of a package that runs a generator, without a command if there is nothing to make.
func (p Project) generate(dir string, m Manifest, g Generator) Script {
	for _, name := range slices.Sorted(maps.Keys(m.Scripts)) {
		command := strings.TrimPrefix(m.Scripts[name], "npx ")
		if strings.HasPrefix(command, g.Command) && !strings.Contains(command, "--watch") {
			return Script{Dir: dir, Name: name, Command: m.Scripts[name]}
		}
	}
	there := m.fields.Object(g.Field) != nil
	for _, source := range g.Sources {
		_, err := os.Stat(filepath.Join(p.Root, dir, source))
		there = there || err == nil
	}
	if !there {
		return Script{}
	}
	return Script{Dir: dir, Name: g.Command, Command: g.Command, Words: strings.Fields(g.Command)}
}

// calls reports whether scripts run a command, by themselves or by a script of the package that they name.
func (m Manifest) calls(run []Script, command string) bool {
	names := []string{regexp.QuoteMeta(command)}
	for name, text := range m.Scripts {
		if strings.Contains(text, command) {
			names = append(names, `\b`+regexp.QuoteMeta(name))
		}
	}
	called := regexp.MustCompile(`(?:` + strings.Join(names, "|") + `)(?:[^\w:-]|$)`)
	return slices.ContainsFunc(run, func(s Script) bool { return called.MatchString(s.Command) })
}
