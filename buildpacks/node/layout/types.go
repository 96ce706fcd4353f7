package layout

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

var (
	typeFile = regexp.MustCompile(`\.(d\.[cm]?ts(\.map)?|js\.flow)$`)
	// described matches what a file with types has more than the file that it describes.
	described = regexp.MustCompile(`(\.d\.[cm]?ts|\.[cm]?js(\.flow)?)$`)
	// typeImport matches where a file with types names another one of its package.
	typeImport = regexp.MustCompile(`(?:from|import|require)\s*\(?\s*['"](\.[^'"]*)['"]|<reference\s+path\s*=\s*['"]([^'"]+)['"]`)
)

// declares reports whether a file of a package is there for compilers alone: it describes a file beside it, or the package says that
// it leads to types. A package may serve any other file with types to an editor in a browser.
func (s slim) declares(owner, inner string) bool {
	inner = strings.TrimSuffix(inner, ".map")
	if path.Base(path.Dir(owner)) == "@types" {
		return true
	}
	for _, extension := range []string{".js", ".mjs", ".cjs"} {
		beside := filepath.Join(s.dir(owner), owner, described.ReplaceAllString(inner, "")+extension)
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return true
		}
	}
	if s.types[owner] == nil {
		s.types[owner] = typesOf(filepath.Join(s.dir(owner), owner))
	}
	return s.types[owner][inner]
}

// typesOf returns the files with types that the package.json in a folder leads to. What cannot be read leads nowhere.
func typesOf(dir string) map[string]bool {
	all := typeFiles{}
	_ = filepath.WalkDir(dir, func(file string, entry os.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir() && entry.Name() == project.ModulesDir:
			return filepath.SkipDir
		case typeFile.MatchString(file) && entry.Type().IsRegular():
			inner, err := filepath.Rel(dir, file)
			stem := described.ReplaceAllString(inner, "")
			all[stem] = append(all[stem], inner)
			return err
		}
		return nil
	})
	found := map[string]bool{}
	for waiting := typeEntries(dir, all); len(waiting) > 0; waiting = waiting[1:] {
		file := waiting[0]
		if found[file] {
			continue
		}
		found[file] = true
		content, err := tree.ReadFile(filepath.Join(dir, file))
		if err != nil {
			continue
		}
		for _, named := range typeImport.FindAllStringSubmatch(string(content), -1) {
			waiting = append(waiting, all.named(path.Join(path.Dir(file), named[1]+named[2]))...)
		}
	}
	return found
}

// typeEntries returns those of a package's files with types that its package.json names, and index.d.ts, where compilers look
// without a name.
func typeEntries(dir string, all typeFiles) []string {
	var manifest struct{ Types, Typings, TypesVersions, Exports any }
	if data, err := tree.ReadFile(filepath.Join(dir, project.ManifestFile)); err == nil {
		_ = json.Unmarshal(data, &manifest) // see facts
	}
	entries := all.named("index")
	var collect func(value any)
	collect = func(value any) {
		switch value := value.(type) {
		case string:
			entries = append(entries, all.named(path.Clean(value))...)
		case []any:
			for _, one := range value {
				collect(one)
			}
		case map[string]any:
			for _, one := range value {
				collect(one)
			}
		}
	}
	collect([]any{manifest.Types, manifest.Typings, manifest.TypesVersions, manifest.Exports})
	return entries
}

// typeFiles are the files with types of a package, by their names without what is described.
type typeFiles map[string][]string

// named returns the files with types that a compiler takes for a name, in which "*" stands for anything.
func (all typeFiles) named(name string) []string {
	stem := described.ReplaceAllString(name, "")
	found := slices.Concat(all[stem], all[stem+"/index"])
	before, after, pattern := strings.Cut(stem, "*")
	if !pattern {
		return found
	}
	for of, files := range all {
		if strings.HasPrefix(of, before) && strings.HasSuffix(of, after) {
			found = append(found, files...)
		}
	}
	return found
}
