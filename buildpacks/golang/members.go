package golang

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// member is one of the modules that a build is made of.
type member struct {
	Dir      string   // slash-separated, relative to the app
	Path     string   // of the module, "" when go.mod has none
	Bare     bool     // there is no go.mod
	Ignore   []string // folders that go.mod hides from patterns
	Requires []module.Version

	Go, Toolchain, Heroku string   // as modules has them
	Install               []string // as modules has it

	Replaced map[string]string // the folders of the app that modules are replaced with, by the modules' paths
}

// heroku and install match the comments that Heroku reads (devcenter.heroku.com, "Go dependencies").
var (
	heroku  = regexp.MustCompile(`(?m)^//\s*\+heroku\s+goVersion\s+(\S+)`)
	install = regexp.MustCompile(`(?m)^//[ \t]*\+heroku[ \t]+install[ \t]+(.+)$`)
)

// readMember reads the go.mod in a folder of the app. The error is fs.ErrNotExist when there is none. It refuses replacements that are
// not there.
func readMember(dir, sub string) (member, error) {
	name := path.Join(sub, "go.mod")
	data, err := tree.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return member{}, fmt.Errorf("reading %s: %w", name, err)
	}
	f, err := modfile.Parse(name, data, nil)
	if err != nil {
		return member{}, unparsed(name, err)
	}
	m := member{Dir: sub}
	if f.Module != nil {
		m.Path = f.Module.Mod.Path
	}
	if f.Go != nil {
		m.Go = f.Go.Version
	}
	if f.Toolchain != nil {
		m.Toolchain = toolchainVersion(f.Toolchain.Name)
	}
	if found := heroku.FindSubmatch(data); found != nil {
		m.Heroku = string(found[1])
	}
	if found := install.FindSubmatch(data); found != nil {
		m.Install = strings.Fields(string(found[1]))
	}
	for _, i := range f.Ignore {
		m.Ignore = append(m.Ignore, path.Clean(i.Path))
		if strings.HasPrefix(i.Path, "./") {
			m.Ignore[len(m.Ignore)-1] = "./" + path.Clean(i.Path)
		}
	}
	for _, r := range f.Require {
		m.Requires = append(m.Requires, r.Mod)
	}
	m.Replaced = replaced(sub, f.Replace, m.Requires)
	return m, checkReplaced(dir, sub, f.Replace, m.Requires)
}

// replaced returns the folders of the app that a file in one of them replaces modules with, by the modules' paths. A replacement of
// one version goes before that of all.
func replaced(sub string, replace []*modfile.Replace, required []module.Version) map[string]string {
	folders := map[string]string{}
	for _, ofOne := range []bool{false, true} {
		for _, r := range replace {
			to := path.Join(sub, filepath.ToSlash(r.New.Path))
			if r.New.Version == "" && filepath.IsLocal(to) && (r.Old.Version != "") == ofOne && (!ofOne || slices.Contains(required, r.Old)) {
				folders[r.Old.Path] = to
			}
		}
	}
	return folders
}

// checkReplaced refuses a required module in a folder that is not there. Vendored modules need none.
func checkReplaced(dir, sub string, replace []*modfile.Replace, required []module.Version) error {
	if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(sub), "vendor", "modules.txt")); err == nil {
		return nil
	}
	for _, r := range replace {
		applies := func(q module.Version) bool {
			return q.Path == r.Old.Path && (r.Old.Version == "" || r.Old.Version == q.Version)
		}
		if r.New.Version != "" || !slices.ContainsFunc(required, applies) {
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
