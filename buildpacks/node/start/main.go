package start

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// runs returns the extensions of the files that the app's Node.js runs.
func (a App) runs() []string {
	if a.TypeScript {
		return project.Extensions
	}
	return project.Extensions[:3]
}

// mainFile returns the package's own program, or the file that main names, as Node.js finds it, or else one of a usual name.
func (a App) mainFile() (string, error) {
	main := a.Manifest.Main
	if main != "" && !filepath.IsLocal(main) {
		return "", mainFault(fmt.Sprintf("main is %q, which is outside the app", main), "name a file of the app")
	}
	if module := framework.HandlerOf(a.Manifest.Has); module != nil && a.regular(module.File) {
		return module.Program(), nil // which Listen writes
	}
	if pattern := framework.ServerOf(a.Manifest.Has); pattern != "" {
		found, err := filepath.Glob(filepath.Join(a.Dir, filepath.FromSlash(pattern)))
		if err == nil && len(found) == 1 {
			return filepath.Rel(a.Dir, found[0])
		}
	}
	if program := a.Manifest.Program(); program != "" && a.regular(program) && !a.regular("server.js") { // main is for those who load it
		return program, nil
	}
	if main != "" {
		for _, name := range []string{main, main + ".js", path.Join(main, "index.js")} {
			if a.regular(name) {
				return name, nil
			}
		}
		if name := a.compiled(main); name != "" {
			return name, nil
		}
		do := "name a file that is there after the build" + a.nearest(main) + a.workspaceHint()
		return "", mainFault(fmt.Sprintf("main is %q, which is not a file", main), do)
	}
	if adapter := framework.Adapter(a.Manifest.Has); adapter != "" {
		return "", mainFault("the build made no server, and no script starts one", adapter)
	}
	for _, name := range a.Manifest.Starts(a.runs()) {
		if a.regular(name) {
			return path.Clean(name), nil
		}
	}
	do := "add a script start such as node server.js" + a.siteHint() + a.workspaceHint()
	return "", mainFault("there is no script start, no main, no server.js and no index.js", do)
}

// outputs are folders that a compiler of TypeScript is told to write to.
var outputs = []string{"dist", "build", "out", "lib", "dist/src", "build/src"}

// compiled returns what is started in place of the file that main names, as npm init writes it, in an app in TypeScript: what a compiler
// made in another folder, or else the source, if Node.js runs that. It returns "" if there is neither.
func (a App) compiled(main string) string {
	stem := strings.TrimSuffix(path.Clean(main), path.Ext(main))
	source := a.first([]string{".", "src"}, stem, project.Extensions[3:])
	if source == "" {
		return ""
	}
	if made := a.first(outputs, stem, project.Extensions[:3]); made != "" {
		return made
	}
	if made := a.first(outputs, strings.TrimPrefix(stem, "src/"), project.Extensions[:3]); made != "" || !a.TypeScript {
		return made
	}
	return source
}

// first returns the first file of a name in some folders, with one of some extensions, "" if there is none.
func (a App) first(folders []string, name string, extensions []string) string {
	for _, folder := range folders {
		for _, extension := range extensions {
			if file := path.Join(folder, name+extension); a.regular(file) {
				return file
			}
		}
	}
	return ""
}

// regular reports whether there is a file, relative to the project.
func (a App) regular(name string) bool {
	info, err := os.Stat(filepath.Join(a.Dir, filepath.FromSlash(name)))
	return err == nil && info.Mode().IsRegular()
}

// valued are options of node that take the next word.
var valued = append([]string{
	"-C", "--conditions", "--title", "--env-file", "--env-file-if-exists", "--input-type", "--watch-path", "--disable-warning",
	"--experimental-specifier-resolution", "--es-module-specifier-resolution", "--unhandled-rejections", "--dns-result-order",
	"--max-http-header-size", "--icu-data-dir", "--openssl-config", "--diagnostic-dir", "--heapsnapshot-signal", "--tls-cipher-list",
	"--inspect-port", "--experimental-config-file", "--localstorage-file", "--trace-event-categories", "--report-dir",
}, preloads...)

// script returns the file of the app that node is told to run, relative to the project, "" if it is not known.
func (c Command) script() string {
	words := shell.Texts(c.Arguments)
	if c.Words != nil || c.Bun || filepath.IsAbs(c.Dir) {
		return "" // of a package
	}
	for i := 0; i < len(words); i++ {
		_, literal := c.Arguments[i].Literal()
		switch {
		case !literal:
			return ""
		case slices.Contains(valued, words[i]):
			i++
		case slices.Contains([]string{"-e", "--eval", "-p", "--print", "--test", "--run", "-"}, words[i]):
			return ""
		case !strings.HasPrefix(words[i], "-") && filepath.IsLocal(path.Join(c.Dir, words[i])):
			return path.Join(c.Dir, words[i])
		case !strings.HasPrefix(words[i], "-"):
			return ""
		}
	}
	return ""
}

// missing returns the fault of a start that runs a file of the app that is not there, nil if there is none.
func (a App) missing(s Start) error {
	for _, c := range s.Commands {
		file := c.script()
		if file == "" || strings.Contains("/"+file+"/", "/"+project.ModulesDir+"/") || a.loads(file) {
			continue
		}
		return s.From.fault(", where "+file+" is not a file", "name a file that is there after the build"+a.nearest(file)+a.unbuilt(s))
	}
	return nil
}

// loads reports whether Node.js finds a file by a name.
func (a App) loads(name string) bool {
	names := []string{name}
	if m, err := a.ReadManifest(path.Join(a.From(), name)); err == nil && m.Main != "" {
		names = append(names, path.Join(name, m.Main))
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.ContainsFunc([]string{"", ".js", ".json", ".node", "/index.js", "/index.json", "/index.node"},
			func(suffix string) bool { return a.regular(name + suffix) })
	})
}

// unbuilt returns what else to do about a missing file: no script may have made it.
func (a App) unbuilt(s Start) string {
	if len(a.Scripts.Run)+len(s.Build) > 0 {
		return ""
	}
	return ", or add a script build that makes it, or name scripts in BP_NODE_RUN_SCRIPTS"
}

// nearest returns a clause that names the file that may be meant by a name, which is that of no file: of the same name but for case or
// extension, and the fewest other folders.
func (a App) nearest(name string) string {
	wanted, best, most := stem(name), "", -1
	_ = fs.WalkDir(os.DirFS(a.Dir), ".", func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it is a hint alone
		case entry.IsDir() && at != "." && (entry.Name() == project.ModulesDir || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir() || stem(at) != wanted || !slices.Contains(project.Extensions, path.Ext(at)):
			return nil
		}
		if n := common(at, name); n > most || n == most && len(at) < len(best) {
			best, most = at, n
		}
		return nil
	})
	if best == "" {
		return ""
	}
	return ": there is " + best
}

// stem returns the name of a file without its folder, its extension and case.
func stem(name string) string {
	base := path.Base(path.Clean(name))
	return strings.ToLower(strings.TrimSuffix(base, path.Ext(base)))
}

// common returns how many folders two paths have in common.
func common(a, b string) int {
	n := 0
	for part := range strings.SplitSeq(path.Dir(a), "/") {
		if slices.Contains(strings.Split(path.Dir(path.Clean(b)), "/"), part) {
			n++
		}
	}
	return n
}
