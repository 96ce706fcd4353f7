package start

import (
	"bytes"
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

const (
	required = `(?:[\w.$]+\s*\(\s*)*?require\s*\(\s*['"]([^'"\s]+)['"]`
	named    = `(?:[\w$]+|\{[^}]*\})\s*=\s*`
)

// These match what loads a module at the top level of a file, as people and compilers write it. A line that is indented may depend on
// something.
var (
	requiring = regexp.MustCompile(`(?m)^(?:(?:const|let|var)\s[^=;'"]*=\s*|import\s+[\w$]+\s*=\s*|(?:[\w.$]+\s*=\s*)+)?` + required)
	importing = regexp.MustCompile(`(?m)^(?:(import|export)\b([^;'"()=]*?)\bfrom|import)\s*['"]([^'"\s]+)['"]`)
	chained   = regexp.MustCompile(`(?m)^(?:const|let|var)\s+` + named + required + `(?:[\w.$()]*\s*,\s*` + named + required + `)+`)
	inChain   = regexp.MustCompile(`require\s*\(\s*['"]([^'"\s]+)['"]`)
)

// token matches comments, strings, templates, and regular expressions where an expression may be.
var token = regexp.MustCompile("(?s)//[^\n]*|/\\*.*?\\*/|'(?:[^'\\\\\n]|\\\\.)*'|\"(?:[^\"\\\\\n]|\\\\.)*\"|`(?:[^`\\\\]|\\\\.)*`|" +
	`[=(,:!&|?]\s*/(?:[^/*\\\[\n]|\\.|\[[^\]\n]*\])(?:[^/\\\[\n]|\\.|\[[^\]\n]*\])*/`)

// code returns a file without its byte order mark, its comments and what is in its templates.
func code(data []byte) []byte {
	return token.ReplaceAllFunc(bytes.TrimPrefix(data, []byte("\ufeff")), func(text []byte) []byte {
		switch {
		case bytes.HasPrefix(text, []byte("/")):
			return nil
		case bytes.HasPrefix(text, []byte("`")):
			return []byte("``")
		}
		return text
	})
}

// modules returns what the code of a file loads at the top level. What runs TypeScript erases imports of names that are types, and
// braces may have such names alone.
func modules(code []byte, erases bool) []string {
	var all []string
	for _, match := range requiring.FindAllSubmatch(code, -1) {
		all = append(all, string(match[1]))
	}
	for _, chain := range chained.FindAll(code, -1) {
		for _, match := range inChain.FindAllSubmatch(chain, -1)[1:] {
			all = append(all, string(match[1]))
		}
	}
	for _, match := range importing.FindAllSubmatch(code, -1) {
		keyword, clause := string(match[1]), string(match[2])
		for _, other := range []string{"import", "export"} { // of a statement without a semicolon, which the match began with
			if at := strings.LastIndex(clause, "\n"+other); at >= 0 {
				keyword, clause = other, clause[at+1+len(other):]
			}
		}
		clause = strings.TrimSpace(clause)
		name, types := strings.CutPrefix(clause, "type")
		types = types && name != "" && strings.Trim(name[:1], " \t\r\n{*") == "" && !strings.HasPrefix(strings.TrimSpace(name), ",")
		erased := types || erases && keyword == "import" && strings.HasPrefix(clause, "{")
		if !erased {
			all = append(all, string(match[3]))
		}
	}
	return all
}

// Load is how an app loads a package.
type Load struct {
	File string // the first that names it, relative to the project
	Sure bool   // nothing erases the import before the file runs
}

// maxLoaded is how many files of an app are read for what they load.
const maxLoaded = 500

// Loads returns the packages for development that a start loads: its files name them at the top level, or files that these load so.
func (a App) Loads(s Start) (map[string]Load, error) {
	queue, err := a.files(s)
	if err != nil {
		return nil, err
	}
	compiled := s.Bun || slices.ContainsFunc(s.Commands, func(c Command) bool { return c.Bun || c.Words != nil && !c.own() || c.loads() })
	found := map[string]Load{}
	for seen := 0; seen < len(queue) && seen < maxLoaded; seen++ {
		file := queue[seen]
		data, err := tree.ReadFile(filepath.Join(a.Dir, filepath.FromSlash(file)))
		if err != nil {
			return nil, err
		}
		erases := compiled && slices.Contains(project.Extensions[3:], path.Ext(file))
		for _, module := range modules(code(data), erases) {
			if strings.HasPrefix(module, ".") {
				if next := a.module(path.Join(path.Dir(file), module)); next != "" && !slices.Contains(queue, next) {
					queue = append(queue, next)
				}
				continue
			}
			name := packageIn(module)
			dev, err := a.onlyDev(file, name)
			if err != nil {
				return nil, err
			}
			if have := found[name]; dev && (have.File == "" || !have.Sure && !erases) && !a.beside(file, name) {
				found[name] = Load{file, !erases}
			}
		}
	}
	return found, nil
}

// onlyDev reports whether a package is for development alone, by the package.json next to a file or above it that names it.
func (a App) onlyDev(file, name string) (bool, error) {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		m, err := a.ReadManifest(path.Join(a.From(), dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if _, optional := m.Optional[name]; m.Has(name) || optional {
			return m.OnlyDev(name), nil
		}
	}
	return a.Manifest.OnlyDev(name), nil
}

// loaders are programs that run a file of the app.
var loaders = []string{"node", "tsx", "ts-node", "bun"}

// files returns the app's files that a start names, relative to the project.
func (a App) files(s Start) ([]string, error) {
	if len(s.Commands) == 0 && !s.Elsewhere {
		main, err := a.mainFile()
		return []string{main}, err
	}
	var files []string
	for _, c := range s.Commands {
		words := shell.Texts(c.Arguments)
		if c.Words != nil {
			words = shell.Texts(c.Words)
			at := slices.IndexFunc(words, func(word string) bool { return slices.Contains(loaders, word) })
			if at < 0 || c.own() {
				continue
			}
			words = words[at+1:]
		}
		for i, word := range words {
			file := a.module(path.Join(c.Dir, word))
			if file == "" {
				continue
			}
			files = append(files, file)
			if i == 0 || !slices.Contains(valued, words[i-1]) {
				break // the next ones are its arguments
			}
		}
	}
	return files, nil
}

// module returns the file of the app that a path stands for, as Node.js and what runs TypeScript find it, "" for none.
func (a App) module(name string) string {
	if !filepath.IsLocal(name) {
		return ""
	}
	stem := strings.TrimSuffix(name, ".js")
	files := []string{name, name + ".js", stem + ".ts"}
	if m, err := a.ReadManifest(path.Join(a.From(), name)); err == nil && m.Main != "" {
		main := path.Join(name, m.Main)
		files = append(files, main, main+".js", path.Join(main, "index.js"))
	}
	for _, file := range append(files, path.Join(name, "index.js"), path.Join(name, "index.ts")) {
		extension := path.Ext(file)
		if filepath.IsLocal(file) && (extension == "" || slices.Contains(project.Extensions, extension)) && a.regular(file) &&
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
