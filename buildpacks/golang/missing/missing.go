// Package missing finds the files of an app that its Go programs may read when they run, by the names in their source.
package missing

import (
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/keep"
)

// Files are files that programs name and that their image will not have.
type Files struct {
	Patterns []string // of BP_KEEP_FILES, which keep them
	Places   []string // what is named, and where: "static (main.go:13)"
}

// Find finds such files of an app. The packages are those of the app that its programs are made of.
func Find(app string, packages []*build.Package, kept keep.Patterns) (Files, error) {
	root, err := os.OpenRoot(app)
	if err != nil {
		return Files{}, err
	}
	defer root.Close()
	var files Files
	files.Patterns, files.Places = finder{app, root.FS(), kept, packages}.patterns(mentions(app, packages))
	return files, nil
}

// finder judges names of files.
type finder struct {
	app      string
	tree     fs.FS // of the app, which no link leaves
	keep     keep.Patterns
	packages []*build.Package
}

// patterns returns what keeps the files that are named, and where they are.
func (f finder) patterns(named []mention) (patterns, places []string) {
	seen := map[mention]bool{}
	for _, one := range named {
		same := one
		same.at = ""
		if seen[same] {
			continue
		}
		seen[same] = true
		for _, pattern := range f.pattern(one) {
			if slices.Contains(patterns, pattern) {
				continue
			}
			patterns = append(patterns, pattern)
			places = append(places, fmt.Sprintf("%s (%s)", strings.TrimSuffix(pattern, "/**"), one.at))
		}
	}
	for i := range slices.Backward(patterns) { // what is in a folder that is kept as a whole says nothing more
		within := func(other string) bool {
			folder, whole := strings.CutSuffix(other, "**")
			return whole && other != patterns[i] && strings.HasPrefix(patterns[i], folder)
		}
		if slices.ContainsFunc(patterns, within) {
			patterns, places = slices.Delete(patterns, i, i+1), slices.Delete(places, i, i+1)
		}
	}
	return patterns, places
}

// separators are between the patterns of BP_KEEP_FILES, so that no pattern can have one.
const separators = ",: \t\r\n"

// shaped matches a text that looks like the name of a file wherever it stands.
var shaped = regexp.MustCompile(`/|[^.]\.[A-Za-z]\w*$`)

// pattern returns what keeps the files that one mention means, nothing if it means none or they are in the image.
func (f finder) pattern(one mention) []string {
	if !one.read && !shaped.MatchString(one.text) || strings.ContainsAny(one.text, separators+"\\") {
		return nil
	}
	name := one.text
	if one.part {
		name, _ = path.Split(name)
	}
	if strings.HasPrefix(name, "/") || name == "" {
		return nil
	}
	name = path.Clean(name)
	if name == "." && one.serve && !one.part && !one.rest {
		return f.top()
	}
	if before, _, glob := cutWildcard(name); glob {
		if before == "." {
			return f.matches(name)
		}
		name = before
	}
	info, err := fs.Stat(f.tree, name)
	if name == "." || err != nil {
		return nil
	}
	if info.IsDir() {
		if f.lacks(name) {
			return []string{name + "/**"}
		}
		return nil
	}
	if !info.Mode().IsRegular() || f.present(name) || ofBuilders(name) || about(name) && (one.rest || !one.read) {
		return nil
	}
	return []string{name}
}

// cutWildcard returns the folder of a pattern before its first wildcard.
func cutWildcard(name string) (before, after string, found bool) {
	i := strings.IndexAny(name, "*?[")
	if i < 0 {
		return name, "", false
	}
	return path.Dir(name[:i] + "x"), name[i:], true
}

// rootGlob matches a pattern of files in the app's folder itself that BP_KEEP_FILES takes as well.
var rootGlob = regexp.MustCompile(`^[\w*?-]+\.\w+$`)

// matches returns a pattern for files of the app's folder itself if it matches some.
func (f finder) matches(pattern string) []string {
	if !rootGlob.MatchString(pattern) {
		return nil
	}
	found, err := fs.Glob(f.tree, pattern)
	if err != nil {
		return nil
	}
	if slices.ContainsFunc(found, f.absent) {
		return []string{pattern}
	}
	return nil
}

// top returns what keeps all that the app's folder has besides source.
func (f finder) top() []string {
	entries, err := fs.ReadDir(f.tree, ".")
	if err != nil {
		return nil
	}
	var all []string
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.ContainsAny(name, separators):
		case e.IsDir() && f.lacks(name):
			all = append(all, name+"/**")
		case e.Type().IsRegular() && f.absent(name):
			all = append(all, name)
		}
	}
	return all
}

// present reports whether a file is in the image already: kept, or embedded in a program.
func (f finder) present(name string) bool {
	return f.keep.Keeps(name) || slices.ContainsFunc(f.packages, func(p *build.Package) bool { return embeds(f.app, p, name) })
}

// absent reports whether a program may read a file that is not in the image.
func (f finder) absent(name string) bool {
	return !ofBuilders(name) && !about(name) && !f.present(name)
}

// lacks reports whether some file of a folder is absent.
func (f finder) lacks(dir string) bool {
	if ofBuilders(dir) {
		return false
	}
	found := false
	err := fs.WalkDir(f.tree, dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && ofBuilders(p):
			return fs.SkipDir
		case d.Type().IsRegular() && f.absent(p):
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found && err == nil
}

// ofBuilders reports whether a file or folder is read by those who build, not by a program: hidden files, too.
func ofBuilders(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part[0] == '.' && part != ".well-known" || slices.Contains([]string{"vendor", "node_modules", "testdata"}, part) {
			return true
		}
	}
	base := path.Base(name)
	return slices.Contains([]string{".go", ".mod", ".sum", ".work", ".s", ".c", ".h", ".proto"}, path.Ext(base))
}

// projectFile matches files about the project, which tools look for in other projects as well.
var projectFile = regexp.MustCompile(`(?i)^(readme|licen[cs]e|changelog|contributing|notice|dockerfile|makefile|procfile|` +
	`project\.toml|(docker-)?compose\.ya?ml|package(-lock)?\.json)`)

func about(name string) bool { return projectFile.MatchString(path.Base(name)) }

// embeds reports whether a package embeds a file of the app.
func embeds(app string, p *build.Package, name string) bool {
	dir, err := filepath.Rel(app, p.Dir)
	if err != nil {
		return false
	}
	for _, pattern := range p.EmbedPatterns {
		pattern = path.Join(filepath.ToSlash(dir), strings.TrimPrefix(pattern, "all:"))
		for part := name; part != "."; part = path.Dir(part) {
			if matched, _ := path.Match(pattern, part); matched {
				return true
			}
		}
	}
	return false
}
