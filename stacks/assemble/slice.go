package assemble

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/deb"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// sliceFile is a slices/<package>.toml. It says what a run image takes of a package. Patterns are absolute paths: * and ? stop
// at a slash, ** does not, and a leading ! takes files out again. {triplet} stands for the architecture's name of library
// folders. A run image takes the package's copyright file in any case.
type sliceFile struct {
	Files []string `toml:"files"`
	// Arch has the patterns of single architectures.
	Arch map[string][]string `toml:"arch"`
}

// slicePath returns the slice of a package from the first folder that has one, or "" if none has.
func slicePath(pkg string, dirs []string) string {
	for _, dir := range dirs {
		file := filepath.Join(dir, "slices", pkg+".toml")
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// sliceHash returns the hash of a package's slice, as a lock holds it. It is empty if the layer takes the package whole.
func sliceHash(pkg string, l Layer, dirs []string) (string, error) {
	file := slicePath(pkg, dirs)
	if file == "" && l.Dependencies {
		return "", nil
	}
	if file == "" {
		return "", fault.Fault{
			ID:   "slice-missing",
			What: "package " + pkg,
			Err:  fmt.Errorf("there is no %s", filepath.Join(dirs[0], "slices", pkg+".toml")),
			Do:   "write it, or set dependencies = true in the layer to take the package whole",
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading a slice: %w", err)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:]), nil
}

// loadSlice returns the patterns of a file.
func loadSlice(file, arch string) ([]string, error) {
	var s sliceFile
	if err := decode(file, &s); err != nil {
		return nil, err
	}
	patterns := []string{}
	for _, p := range slices.Concat(s.Files, s.Arch[arch]) {
		patterns = append(patterns, strings.ReplaceAll(p, "{triplet}", deb.Triplets[arch]))
	}
	return patterns, nil
}

// cut returns the files of a package that patterns take, and their parent folders as the package has them. A pattern that takes
// nothing is an error: the package has changed, and the slice has not.
func cut(p unpacked, patterns []string) ([]deb.File, error) {
	take := map[string]bool{}
	for _, pattern := range patterns {
		body, minus := strings.CutPrefix(pattern, "!")
		found := matching(p.Package, body)
		for _, f := range found {
			take[f.Path] = !minus
		}
		if len(found) == 0 {
			return nil, fault.Fault{
				ID:   "slice-no-match",
				What: fmt.Sprintf("slices/%s.toml: pattern %q", p.Name, pattern),
				Err:  fmt.Errorf("%s %s has no such file", p.Name, p.Version),
				Do:   "correct the pattern",
			}
		}
	}
	for _, f := range p.Files {
		if doc := "usr/share/doc/" + p.Name; f.Path == doc+"/copyright" || f.Path == doc && f.Type == deb.Symlink {
			take[f.Path] = true
		}
	}
	return pick(p.Package, func(f deb.File) bool { return take[f.Path] }), nil
}

// pick returns the chosen files and their parent folders, sorted. Of hard links to one content, the first has the content and
// the others link to it, whatever their order in the package.
func pick(p *deb.Package, chosen func(deb.File) bool) []deb.File {
	byPath := map[string]deb.File{}
	for _, f := range p.Files {
		byPath[f.Path] = f
	}
	files := map[string]deb.File{}
	for _, f := range p.Files {
		if !chosen(f) {
			continue
		}
		files[f.Path] = f
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if d, ok := byPath[dir]; ok {
				files[dir] = d
			}
		}
	}
	paths := make([]string, 0, len(files))
	for name := range files {
		paths = append(paths, name)
	}
	slices.Sort(paths)
	out := make([]deb.File, 0, len(paths))
	first := map[string]string{}
	for _, name := range paths {
		f := files[name]
		if f.Type == deb.HardLink || f.Type == deb.Regular {
			content := byPath[name]
			for content.Type == deb.HardLink {
				content = byPath[content.Link]
			}
			if to, ok := first[content.Path]; ok {
				f.Type, f.Link, f.Data = deb.HardLink, to, nil
			} else {
				f.Type, f.Link, f.Data = deb.Regular, "", content.Data
				first[content.Path] = name
			}
		}
		out = append(out, f)
	}
	return out
}

// matching returns the files whose absolute paths a pattern matches, in the package's order.
func matching(p *deb.Package, pattern string) []deb.File {
	re := glob(pattern)
	var out []deb.File
	for _, f := range p.Files {
		if re.MatchString("/" + f.Path) {
			out = append(out, f)
		}
	}
	return out
}

// glob compiles a pattern, which matches whole paths.
func glob(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?s)^")
	for rest := pattern; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[2:]
			continue
		case rest[0] == '*':
			b.WriteString("[^/]*")
		case rest[0] == '?':
			b.WriteString("[^/]")
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
		}
		rest = rest[1:]
	}
	return regexp.MustCompile(b.String() + "$")
}
