package golang

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// member is one of the modules that a build is made of.
type member struct {
	Dir    string   // slash-separated, relative to the app
	Path   string   // of the module, "" when go.mod has none
	Bare   bool     // there is no go.mod
	Ignore []string // folders that go.mod hides from patterns

	Replaced map[string]string // the folders of the app that modules are replaced with, by the modules' paths
}

// readMembers reads the go.mod of each member. It refuses what the go command would miss: members and replacements that are not there.
func readMembers(dir string, mods modules) ([]member, error) {
	if mods.File == "" {
		m, err := bareModule(dir)
		return []member{m}, err
	}
	var members []member
	for _, sub := range mods.Dirs {
		name := path.Join(sub, "go.mod")
		if !filepath.IsLocal(filepath.FromSlash(sub)) {
			return nil, outside(fmt.Sprintf("%s uses %s", mods.File, sub))
		}
		data, err := tree.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			there := slices.DeleteFunc(slices.Clone(mods.Dirs), func(d string) bool {
				_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(d), "go.mod"))
				return err != nil
			})
			return nil, fault.Fault{
				ID: "go-member-missing", What: fmt.Sprintf("%s uses ./%s, which has no go.mod", mods.File, sub),
				Do: "correct it, or name the modules to use: BP_GO_WORK_USE=" + list(there),
			}
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		f, err := modfile.Parse(name, data, nil)
		if err != nil {
			return nil, unparsed(name, err)
		}
		if err := checkReplaced(dir, sub, f); err != nil {
			return nil, err
		}
		m := member{Dir: sub, Replaced: map[string]string{}}
		if f.Module != nil {
			m.Path = f.Module.Mod.Path
		}
		for _, i := range f.Ignore {
			m.Ignore = append(m.Ignore, path.Clean(i.Path))
			if strings.HasPrefix(i.Path, "./") {
				m.Ignore[len(m.Ignore)-1] = "./" + path.Clean(i.Path)
			}
		}
		for _, r := range f.Replace {
			if to := path.Join(sub, filepath.ToSlash(r.New.Path)); r.New.Version == "" && filepath.IsLocal(to) {
				m.Replaced[r.Old.Path] = to
			}
		}
		members = append(members, m)
	}
	return members, nil
}

// checkReplaced refuses a go.mod with a required module in a folder that is not there. Vendored modules need none.
func checkReplaced(dir, sub string, f *modfile.File) error {
	if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(sub), "vendor", "modules.txt")); err == nil {
		return nil
	}
	for _, r := range f.Replace {
		required := func(q *modfile.Require) bool {
			return q.Mod.Path == r.Old.Path && (r.Old.Version == "" || r.Old.Version == q.Mod.Version)
		}
		if r.New.Version != "" || !slices.ContainsFunc(f.Require, required) {
			continue
		}
		what := fmt.Sprintf("%s replaces %s by %s", path.Join(sub, "go.mod"), r.Old.Path, r.New.Path)
		to := path.Join(sub, filepath.ToSlash(r.New.Path))
		if path.IsAbs(filepath.ToSlash(r.New.Path)) || !filepath.IsLocal(filepath.FromSlash(to)) {
			return outside(what)
		}
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(to))); errors.Is(err, fs.ErrNotExist) {
			return fault.Fault{ID: "go-replace-missing", What: what + ", which does not exist", Do: "commit that folder, or vendor the modules"}
		}
	}
	return nil
}

// outside refuses what leads out of the app's folder.
func outside(what string) error {
	return fault.Fault{
		ID: "go-module-outside", What: what + ", which is not in the app's folder",
		Do: "build a folder that has both, with the path from there to this one in BP_GO_WORK_USE, such as ./app",
	}
}

// list joins folders as BP_GO_WORK_USE has them.
func list(dirs []string) string {
	var paths []string
	for _, d := range dirs {
		paths = append(paths, packagePath(d))
	}
	return strings.Join(paths, ":")
}

// nested returns the folders of an app, three levels deep, that are modules which the build is not made of.
func nested(dir string, members []member) ([]string, error) {
	var found []string
	for _, pattern := range []string{"*/go.mod", "*/*/go.mod", "*/*/*/go.mod"} {
		names, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return nil, fmt.Errorf("looking for modules: %w", err)
		}
		for _, name := range names {
			sub := path.Dir(name)
			skipped := slices.ContainsFunc(strings.Split(sub, "/"), func(s string) bool { return hidden(s) || s == "node_modules" })
			if !skipped && !slices.ContainsFunc(members, func(m member) bool { return m.Dir == sub }) {
				found = append(found, sub)
			}
		}
	}
	return found, nil
}

// hidden reports whether the go command's patterns leave out folders of that name.
func hidden(name string) bool {
	return name[0] == '.' || name[0] == '_' || name == "testdata" || name == "vendor"
}
