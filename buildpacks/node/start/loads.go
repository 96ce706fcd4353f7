package start

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// loading matches a line at the top level of a file that loads a module, as people and compilers write it. The second group is the module;
// the first is there if types alone are imported. A line that is indented may depend on something.
var loading = regexp.MustCompile(`(?m)^(?:(?:(?:const|let|var)\s[^=;'"]*=\s*)?(?:[\w.$]+\s*\(\s*)*?require\s*\(|` +
	`(?:import|export)\s+(type\s)?[^;'"()]*?\bfrom|import)\s*['"]([^'"\s]+)['"]`)

// maxLoaded is how many files of an app are read for what they load.
const maxLoaded = 500

// Loads returns the packages for development that a start loads, whatever happens: its files name them at the top level, or files
// that these load so. Each is the name of a package with the first file that loads it.
func (a App) Loads(s Start) (map[string]string, error) {
	queue, err := a.files(s)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for seen := 0; seen < len(queue) && seen < maxLoaded; seen++ {
		file := queue[seen]
		data, err := tree.ReadFile(filepath.Join(a.Dir, filepath.FromSlash(file)))
		if err != nil {
			return nil, err
		}
		for _, match := range loading.FindAllSubmatch(data, -1) {
			module := string(match[2])
			next := a.module(path.Join(path.Dir(file), module))
			switch name := packageIn(module); {
			case len(match[1]) > 0:
			case !strings.HasPrefix(module, "."):
				if found[name] == "" && a.Manifest.OnlyDev(name) && !a.beside(file, name) {
					found[name] = file
				}
			case next != "" && !slices.Contains(queue, next):
				queue = append(queue, next)
			}
		}
	}
	return found, nil
}

// files returns the app's files that a start names, relative to the project.
func (a App) files(s Start) ([]string, error) {
	if len(s.Commands) == 0 && !s.Elsewhere {
		main, err := a.mainFile()
		return []string{main}, err
	}
	var files []string
	for _, c := range s.Commands {
		for _, word := range shell.Texts(append(slices.Clone(c.Words), c.Arguments...)) {
			if file := a.module(path.Join(c.Dir, word)); file != "" && !c.own() {
				files = append(files, file)
			}
		}
	}
	return files, nil
}

// module returns the file of the app that a path stands for, as Node.js and what runs TypeScript find it, "" for none.
func (a App) module(name string) string {
	stem := strings.TrimSuffix(name, ".js")
	for _, file := range []string{name, name + ".js", path.Join(name, "index.js"), stem + ".ts", path.Join(name, "index.ts")} {
		if filepath.IsLocal(file) && slices.Contains(project.Extensions, path.Ext(file)) && a.regular(file) &&
			!strings.Contains("/"+file, "/"+project.ModulesDir+"/") {
			return file
		}
	}
	return ""
}

// beside reports whether a package is in a folder of the app that a file finds before the packages of the project.
func (a App) beside(file, name string) bool {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		_, err := os.Stat(filepath.Join(a.Dir, filepath.FromSlash(dir), project.ModulesDir, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
