package cargo

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Workspace is what `cargo metadata --no-deps` says of an app.
type Workspace struct {
	Packages []member `json:"packages"`
	Members  []string `json:"workspace_members"`
	Defaults []string `json:"workspace_default_members"` // missing before cargo 1.71
}

// member is a package of a workspace.
type member struct {
	ID         string              `json:"id"`
	Name       string              `json:"name"`
	Version    string              `json:"version"`
	Manifest   string              `json:"manifest_path"`
	DefaultRun string              `json:"default_run"`
	Features   map[string][]string `json:"features"`
	Targets    []struct {
		Name     string   `json:"name"`
		Kind     []string `json:"kind"`
		Required []string `json:"required-features"`
	} `json:"targets"`
}

// Program is one to build.
type Program struct {
	Package string `json:"package"`
	Version string `json:"version"`
	Name    string `json:"name"` // of the program
}

// Wanted is what a user says of the programs to build.
type Wanted struct {
	Targets  []string // programs, packages or folders of packages; none: the app's own choice
	Features []string
	Defaults bool // the default features are on
}

// Selection is what is built. The first program is the default process.
type Selection struct {
	Programs []Program `json:"programs"`
	Left     []string  `json:"left"` // programs that are not built, when nobody asked for some
}

// programs returns the programs of a package that its features do not exclude.
func (m member) programs(s Wanted) []Program {
	on := m.enabled(s)
	var found []Program
	for _, t := range m.Targets {
		missing := slices.ContainsFunc(t.Required, func(feature string) bool { return !on[feature] })
		if slices.Contains(t.Kind, "bin") && !missing {
			found = append(found, Program{m.Name, m.Version, t.Name})
		}
	}
	return found
}

// enabled returns the features that are on: those asked for, the default ones, and what these enable.
func (m member) enabled(s Wanted) map[string]bool {
	on := map[string]bool{}
	var enable func(feature string)
	enable = func(feature string) {
		if on[feature] {
			return
		}
		on[feature] = true
		for _, more := range m.Features[feature] {
			enable(more)
		}
	}
	if s.Defaults {
		enable("default")
	}
	for _, feature := range s.Features {
		name, own := strings.CutPrefix(feature, m.Name+"/")
		if own || !strings.Contains(feature, "/") {
			enable(name)
		}
	}
	return on
}

// Find selects the programs that were asked for, or else those of the default members.
func (w Workspace) Find(dir string, s Wanted) (Selection, error) {
	if len(s.Targets) == 0 {
		return w.defaults(dir, s)
	}
	var all Selection
	for _, asked := range s.Targets {
		found, err := w.asked(dir, asked, s)
		if err != nil {
			return all, err
		}
		for _, p := range found {
			if !slices.Contains(all.Programs, p) {
				all.Programs = append(all.Programs, p)
			}
		}
	}
	return all, twice(all.Programs)
}

// asked returns the programs that one entry of BP_RUST_TARGETS names: a program, a package, or a package's folder.
func (w Workspace) asked(dir, asked string, s Wanted) ([]Program, error) {
	var known, named, ofPackage []Program
	clean := path.Clean(asked)
	for _, m := range w.Packages {
		if !slices.Contains(w.Members, m.ID) {
			continue
		}
		of := m.programs(s)
		known = append(known, of...)
		if folder, err := filepath.Rel(dir, filepath.Dir(m.Manifest)); m.Name == asked || err == nil && folder == clean {
			ofPackage = append(ofPackage, of...)
		}
	}
	for _, p := range known {
		if p.Name == asked {
			named = append(named, p)
		}
	}
	if len(named) == 0 {
		named = ofPackage
	}
	if len(named) == 0 {
		return nil, fault.Fault{ID: "rust-target-unknown", What: fmt.Sprintf("BP_RUST_TARGETS names %q, which is no program of the app", asked),
			Do: "name some of " + cmp.Or(enumerate(known), "the programs that Cargo.toml has")}
	}
	return named, nil
}

// defaults selects the programs of the default members, that of default-run first.
func (w Workspace) defaults(dir string, s Wanted) (Selection, error) {
	var all Selection
	var left []Program
	root, runs := "", []string{}
	for _, m := range w.Packages {
		if filepath.Dir(m.Manifest) == dir {
			root = m.Name
		}
		switch {
		case slices.Contains(w.Defaults, m.ID) || len(w.Defaults) == 0 && slices.Contains(w.Members, m.ID):
			all.Programs = append(all.Programs, m.programs(s)...)
			if m.DefaultRun != "" && m.Name != root {
				runs = append(runs, m.DefaultRun)
			}
			if m.Name == root && m.DefaultRun != "" {
				runs = slices.Insert(runs, 0, m.DefaultRun)
			}
		default:
			left = append(left, m.programs(s)...)
		}
	}
	if len(all.Programs) == 0 {
		return all, none(left)
	}
	if err := twice(all.Programs); err != nil {
		return all, err
	}
	for _, p := range left {
		all.Left = append(all.Left, p.Name)
	}
	slices.SortStableFunc(all.Programs, func(a, b Program) int {
		return cmp.Or(cmp.Compare(rank(a, root, runs), rank(b, root, runs)), strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

// rank orders programs, the likeliest to be the app's process web first.
func rank(p Program, root string, runs []string) int {
	order := append(slices.Clone(runs), "web", root, "server", "api", root+"-server", root+"-api", "app")
	if at := slices.Index(order, p.Name); at >= 0 {
		return at
	}
	return len(order)
}

// none says why no program is selected.
func none(left []Program) error {
	if len(left) > 0 {
		return fault.Fault{ID: "rust-no-program", What: "the default members of the workspace have no program",
			Do: "name some in BP_RUST_TARGETS: " + enumerate(left)}
	}
	return fault.Fault{ID: "rust-no-program", What: "the app has no program: a library cannot be started",
		Do: "add one, such as src/main.rs; a program that needs a feature is built with BP_RUST_FEATURES"}
}

// twice refuses two programs of one name, which cargo writes to one file.
func twice(programs []Program) error {
	for i, p := range programs {
		for _, o := range programs[:i] {
			if p.Name == o.Name {
				return fault.Fault{ID: "rust-target-twice",
					What: fmt.Sprintf("the packages %s and %s both have a program %s", o.Package, p.Package, p.Name),
					Do:   "name one of the packages in BP_RUST_TARGETS, or rename a program"}
			}
		}
	}
	return nil
}

// enumerate joins the names of programs, at most ten.
func enumerate(programs []Program) string {
	var names []string
	for _, p := range programs {
		names = append(names, p.Name)
	}
	if more := len(names) - 10; more > 0 {
		names = append(names[:10], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
