package node

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
)

// script is one of a package.json.
type script struct {
	Dir     string // of the package, relative to the root
	Name    string
	Command string
	Hook    bool // package managers run it after an install
}

func (s script) String() string {
	if s.Dir == "." {
		return s.Name
	}
	return s.Name + " of " + s.Dir
}

// idle matches what has nothing to do in a build: there is no checkout of git, and the lockfile decides on the manager.
var idle = regexp.MustCompile(`^(is-ci \|\| )?((npx|pnpx|bunx) (-y |--yes )?)?` +
	`(only-allow (npm|pnpm|yarn|bun)|husky( install)?( [\w./-]+)?|simple-git-hooks|lefthook install( -f)?)( \|\| (true|exit 0|:))?$`)

// hooks returns the scripts that package managers run at an install: of the workspaces that the project leads to, of the
// project and of the root. The install itself is made without the app, so that its layer stays when only code changes;
// they run after it, as build scripts do.
func (d decision) hooks() (run, left []script, err error) {
	if !d.Hooks {
		return nil, nil, nil
	}
	dirs, err := d.needed()
	if err != nil {
		return nil, nil, err
	}
	for _, dir := range dirs {
		m, err := readManifest(filepath.Join(d.root, dir))
		if err != nil {
			return nil, nil, err
		}
		for _, name := range d.hookNames(m) {
			s := script{dir, name, m.Scripts[name], true}
			named := filepath.Join(d.root, dir) == d.project && slices.Contains(d.Scripts, name)
			switch {
			case s.Command == "" || named: // it is run as a build script
			case idle.MatchString(s.Command):
				left = append(left, s)
			default:
				run = append(run, s)
			}
		}
	}
	return run, left, nil
}

// hookNames returns the names of those scripts in order. Yarn from 2 on has no prepare; the others run preinstall and
// postinstall with install by themselves.
func (d decision) hookNames(m manifest) []string {
	switch {
	case d.manager == berry:
		return []string{"preinstall", "install", "postinstall"}
	case m.Scripts["install"] != "":
		return []string{"install", "prepare"}
	}
	return []string{"preinstall", "postinstall", "prepare"}
}

// needed returns the folders of the root, the project and the workspaces that they depend on, each after what it needs.
func (d decision) needed() ([]string, error) {
	members := map[string]string{} // by name
	manifests := map[string]manifest{}
	for _, dir := range append([]string{"."}, d.members...) {
		m, err := readManifest(filepath.Join(d.root, dir))
		if err != nil {
			return nil, err
		}
		members[m.Name], manifests[dir] = dir, m
	}
	from := d.from()
	var order []string
	seen := map[string]bool{}
	var visit func(dir string)
	visit = func(dir string) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		m := manifests[dir]
		for _, some := range []map[string]string{m.Dependencies, m.Optional, m.Dev} {
			for _, name := range slices.Sorted(maps.Keys(some)) {
				if member, ok := members[name]; ok {
					visit(member)
				}
			}
		}
		order = append(order, dir)
	}
	visit(from)
	visit(".")
	return order, nil
}
