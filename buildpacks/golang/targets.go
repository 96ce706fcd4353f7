package golang

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// target is one program to build.
type target struct {
	Package string `json:"package"`         // as the go command takes it: ".", "./cmd/api" or "./run.go"
	Binary  string `json:"binary"`          // its name
	Apart   bool   `json:"apart,omitempty"` // the go command would give it another name, or takes it only by itself
}

// selection is what is built. The first target is the default process.
type selection struct {
	Targets []target
	Left    []string // the packages of programs that are not built, when nobody asked for some
	Broken  []error  // what does not parse and is taken for the template of a program
}

// find selects the programs that were asked for, or else those of the app.
func (f finder) find(asked []string) (selection, error) {
	if len(asked) == 0 {
		return f.defaults()
	}
	var s selection
	for _, a := range asked {
		found, err := f.asked(a)
		if err != nil {
			return s, err
		}
		for _, t := range found {
			if !slices.Contains(s.Targets, t) {
				s.Targets = append(s.Targets, t)
			}
		}
	}
	return s, f.apart(s.Targets)
}

// asked returns the targets that one entry of BP_GO_TARGETS names: a folder, a file, a pattern or an import path.
func (f finder) asked(asked string) ([]target, error) {
	clean, wild := strings.CutSuffix(path.Clean(asked), "...")
	clean = path.Clean(clean)
	if !filepath.IsLocal(clean) {
		return nil, targetFault("go-target-outside", asked, "is outside the app", giveFolders)
	}
	absent := func() bool { _, err := os.Stat(f.path(clean)); return errors.Is(err, fs.ErrNotExist) }
	if dir, ok := folderOf(clean, f.roots()); ok && absent() {
		clean = dir // an import path
	}
	if absent() {
		return nil, targetFault("go-target-missing", asked, "does not exist", giveFolders)
	}
	if wild {
		return f.pattern(asked, clean)
	}
	return f.one(asked, clean)
}

// pattern returns the targets of the programs below a folder.
func (f finder) pattern(asked, root string) ([]target, error) {
	found, err := f.below(root)
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, d := range programs(found) {
		targets = append(targets, f.target(d.Dir))
	}
	if len(targets) == 0 {
		return nil, targetFault("go-no-main", asked, "matches no main package", nameMain)
	}
	return targets, nil
}

// one returns the target of a folder or file.
func (f finder) one(asked, name string) ([]target, error) {
	info, err := os.Stat(f.path(name))
	if err != nil {
		return nil, err
	}
	dir, isFile := name, !info.IsDir()
	if isFile {
		dir = path.Dir(name)
	}
	d, err := f.read(dir)
	module := f.stranger(dir)
	switch {
	case err != nil:
		return nil, err
	case module != "":
		var use []string
		for _, m := range f.members {
			use = append(use, m.Dir)
		}
		return nil, targetFault("go-target-nested", asked, "is in a module of its own", "set BP_GO_WORK_USE="+list(append(use, module))+" too")
	case isFile:
		return f.file(d, name)
	case len(d.Mains) > 0:
		return []target{f.target(dir)}, several(d)
	case len(d.Excluded) > 0:
		return nil, f.excluded(d.Excluded[0])
	case d.Err != nil:
		return nil, unparsed("the package that BP_GO_TARGETS names", d.Err)
	case d.Name == "":
		return nil, targetFault("go-target-empty", asked, "has no Go files for this target", nameMain)
	case d.Name == "main":
		return nil, targetFault("go-target-not-main", asked, "is package main without func main", nameMain)
	}
	return nil, targetFault("go-target-not-main", asked, "is package "+d.Name, nameMain)
}

func targetFault(id, asked, what, do string) error {
	return fault.Fault{ID: id, What: fmt.Sprintf("BP_GO_TARGETS names %q, which %s", asked, what), Do: do}
}

// stranger returns the folder of the module in which a folder lies, if the build is not made of it.
func (f finder) stranger(rel string) string {
	for ; ; rel = path.Dir(rel) {
		if slices.ContainsFunc(f.members, func(m member) bool { return m.Dir == rel }) {
			return ""
		}
		if _, err := os.Stat(f.path(path.Join(rel, "go.mod"))); err == nil {
			return rel
		}
		if rel == "." {
			return ""
		}
	}
}

// What to do about a target that is wrong.
const (
	giveFolders = "give folders relative to the app, such as ./cmd/api"
	nameMain    = "name a folder that has package main"
)

// file returns the target of a file: its folder, when that has no other func main, or the file alone.
func (f finder) file(d folder, name string) ([]target, error) {
	t := f.target(d.Dir)
	if base := strings.TrimSuffix(path.Base(name), ".go"); base != "main" && base != t.Binary {
		t.Binary, t.Apart = base, true
	}
	if slices.Equal(d.Mains, []string{name}) {
		return []target{t}, nil
	}
	if !slices.Contains(slices.Concat(d.Mains, d.Excluded), name) {
		return nil, targetFault("go-target-not-main", name, "is no file with func main of package main", nameMain)
	}
	t.Package, t.Apart = "./"+name, true
	return []target{t}, nil
}

// several refuses a folder that the compiler would refuse.
func several(d folder) error {
	if len(d.Mains) < 2 {
		return nil
	}
	return fault.Fault{
		ID: "go-several-main", What: "func main is in each of " + strings.Join(d.Mains, ", "),
		Do: "name the ones to build: BP_GO_TARGETS=./" + strings.Join(d.Mains, ":./"),
	}
}

// apart gives targets of several modules that have one name those of their modules in front: api-server, worker-server.
func (f finder) apart(targets []target) error {
	module := func(t target) string { return f.owner(path.Clean(t.Package)).Path }
	owner, named := map[string]target{}, slices.Clone(targets)
	for i, t := range targets {
		if slices.ContainsFunc(named, func(o target) bool { return o.Binary == t.Binary && module(o) != module(t) }) {
			t.Binary, t.Apart = moduleNames(module(t))[0]+"-"+t.Binary, true
			targets[i] = t
		}
		if other, ok := owner[t.Binary]; ok {
			return fault.Fault{
				ID: "go-target-twice", What: fmt.Sprintf("%s and %s both give a binary named %s", other.Package, t.Package, t.Binary),
				Do: "name one of them in BP_GO_TARGETS",
			}
		}
		owner[t.Binary] = t
	}
	return nil
}

// defaults selects the programs of an app that says nothing.
func (f finder) defaults() (selection, error) {
	var s selection
	var all []folder
	for _, m := range f.members {
		found, err := f.below(m.Dir)
		if err != nil {
			return s, err
		}
		for _, d := range found {
			if f.owner(d.Dir).Dir != m.Dir {
				continue
			}
			switch {
			case d.Err == nil || len(d.Mains) > 0:
			case d.Dir == m.Dir:
				return s, unparsed("package "+packagePath(d.Dir), d.Err)
			default:
				s.Broken = append(s.Broken, d.Err)
			}
			all = append(all, d)
		}
	}
	mains := programs(all)
	found := f.choose(mains)
	if len(found) == 0 {
		if err := f.inNested(len(mains) == 0); err != nil {
			return s, err
		}
		found = f.onlyOne(mains)
	}
	for _, d := range found {
		if err := several(d); err != nil {
			return s, err
		}
		s.Targets = append(s.Targets, f.target(d.Dir))
	}
	if len(found) == 0 {
		return s, f.none(all, mains)
	}
	var aided []string
	for _, d := range mains {
		switch {
		case slices.ContainsFunc(found, func(c folder) bool { return c.Dir == d.Dir }):
		case aids(strings.Split(d.Dir, "/")):
			aided = append(aided, packagePath(d.Dir))
		default:
			s.Left = append(s.Left, packagePath(d.Dir))
		}
	}
	s.Left = append(s.Left, aided...)
	return s, f.apart(s.Targets)
}

// programs returns the folders that are programs.
func programs(all []folder) []folder {
	return slices.DeleteFunc(slices.Clone(all), func(d folder) bool { return len(d.Mains) == 0 })
}

// none says why no program is selected.
func (f finder) none(all, mains []folder) error {
	if len(mains) > 0 {
		slices.SortStableFunc(mains, func(a, b folder) int { return cmp.Compare(f.rank(a.Dir), f.rank(b.Dir)) })
		names := paths(mains)
		return fault.Fault{
			ID: "go-many-mains", What: "there are several programs, and none of them is the app's by its place or name: " + enumerate(names),
			Do: "name the ones to build: BP_GO_TARGETS=" + names[0],
		}
	}
	for _, d := range all {
		if len(d.Excluded) > 0 {
			return f.excluded(d.Excluded[0])
		}
	}
	return fault.Fault{
		ID: "go-no-main", What: "the app has no program, which is func main of package main",
		Do: "add one, such as cmd/NAME/main.go; a library cannot be started",
	}
}

// inNested refuses an app whose programs are in modules that the build is not made of: by their places, or any at all.
func (f finder) inNested(anywhere bool) error {
	p, err := look(f.dir)
	if err != nil {
		return err
	}
	var mains []folder
	var members []member
	for _, sub := range p.Modules {
		if slices.ContainsFunc(f.members, func(m member) bool { return m.Dir == sub }) {
			continue
		}
		found, err := readMember(f.dir, sub)
		if err != nil {
			continue // the module may be nothing to the app
		}
		other := f
		other.members = []member{found}
		all, err := other.below(sub)
		if err != nil {
			return err
		}
		mains, members = append(mains, programs(all)...), append(members, found)
	}
	placed := finder{members: []member{{Dir: ".", Path: f.owner(".").Path}}}
	if found := placed.ofModule(placed.members[0], mains); len(found) > 0 || !anywhere {
		mains = found
	}
	if len(mains) == 0 {
		return nil
	}
	var use []string
	placed.members = members
	for _, d := range mains {
		use = append(use, placed.owner(d.Dir).Dir)
	}
	return fault.Fault{
		ID: "go-main-nested", What: "the app's programs are in modules of their own: " + enumerate(paths(mains)),
		Do: "name the modules to build: BP_GO_WORK_USE=" + list(slices.Compact(use)),
	}
}

// excluded says why a file is not for this target.
func (f finder) excluded(name string) error {
	line, tags := f.missing(name)
	x := fault.Fault{ID: "go-excluded", What: fmt.Sprintf("%s has func main, but it is excluded by %s", name, line)}
	switch {
	case slices.Contains(tags, "ignore"):
		x.Do = "name the file: BP_GO_TARGETS=./" + name
	case len(tags) > 0:
		x.Do = "set BP_GO_BUILD_FLAGS=-tags=" + strings.Join(tags, ",")
	default:
		if line == "" {
			x.What = fmt.Sprintf("%s has func main, but its name says that it is for another system or architecture", name)
		}
		x.Do = "the app needs a program for " + f.contexts[0].GOOS + " on " + f.contexts[0].GOARCH
	}
	return x
}

// paths returns the packages of folders.
func paths(folders []folder) []string {
	var names []string
	for _, d := range folders {
		names = append(names, packagePath(d.Dir))
	}
	return names
}

// enumerate joins names, at most ten.
func enumerate(names []string) string {
	if more := len(names) - 10; more > 0 {
		names = append(slices.Clone(names[:10]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// packagePath returns a folder as the go command takes it.
func packagePath(rel string) string {
	if rel == "." {
		return "."
	}
	return "./" + rel
}

// target names the binary of a folder as the go command does: by the last element of the import path that is no major version.
func (f finder) target(rel string) target {
	return target{Package: packagePath(rel), Binary: binaryName(f.importPath(rel))}
}

// importPath returns what a folder's package is imported by.
func (f finder) importPath(rel string) string {
	m := f.owner(rel)
	inner, err := filepath.Rel(m.Dir, rel)
	if err != nil {
		inner = rel
	}
	return path.Join(m.Path, filepath.ToSlash(inner))
}

// binaryName returns the last element of an import path that is no major version.
func binaryName(importPath string) string {
	if dir, last := path.Split(importPath); isMajor(last) && dir != "" {
		return path.Base(dir)
	}
	return path.Base(importPath)
}

// isMajor reports whether a path element is a major version suffix: v2 and up.
func isMajor(s string) bool {
	digits, ok := strings.CutPrefix(s, "v")
	return ok && digits != "" && digits != "1" && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
