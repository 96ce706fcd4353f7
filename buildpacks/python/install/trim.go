package install

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Kinds are the kinds of files of packages that no program loads, in the order in which a file is taken for one. Symbols are parts of
// files: symbols and debugging information of libraries.
func Kinds() []string { return []string{"tests", "headers", "sources", "symbols"} }

// rule says which files of a package are of a kind, and which code shows that the package needs them all the same.
type rule struct {
	file, read *regexp.Regexp
	native     bool // the package has compiled modules
}

var rules = map[string]rule{
	"tests": {
		file: regexp.MustCompile(`(^|/)tests/`),
		read: regexp.MustCompile(`(?m)^\s*(from|import)\s+[\w.]*\btests\b|^\s*from\s+\.+[\w.]*\s+import\s+(.*[\s,(])?tests\b`),
	},
	"headers": {
		file: regexp.MustCompile(`\.(h|hh|hpp|hxx|cuh|pxd|pxi|a)$`),
		read: regexp.MustCompile(`["'</][\w./+*-]+\.(h|hh|hpp|hxx|cuh|pxd)["'>]`),
	},
	"sources": {
		file: regexp.MustCompile(`\.(c|cc|cpp|cxx|cu|pyx)$`),
		read: regexp.MustCompile(`["'</][\w./+*-]+\.(c|cc|cpp|cxx|cu|pyx)["'>]`), native: true,
	},
}

// trim decides which files of packages are left out, and counts them. What it says of a package depends on that package alone.
type trim struct {
	kinds []string
	bytes map[string]int64 // by kind
}

// kept returns the files of a distribution that an image has.
func (t trim) kept(root *os.Root, d distribution) ([]string, error) {
	native := slices.ContainsFunc(d.files, func(name string) bool { return strings.HasSuffix(name, ".so") })
	read := map[string]bool{}
	for _, name := range d.files {
		if path.Ext(name) != ".py" || rules["tests"].file.MatchString(name) {
			continue
		}
		code, err := tree.ReadIn(root, name)
		if err != nil {
			return nil, err
		}
		for kind, r := range rules {
			read[kind] = read[kind] || r.read.Match(code)
		}
	}
	var kept []string
	for _, name := range d.files {
		at := slices.IndexFunc(Kinds(), func(kind string) bool {
			r, found := rules[kind]
			return found && slices.Contains(t.kinds, kind) && r.file.MatchString(name) && !read[kind] && (native || !r.native)
		})
		if at < 0 || strings.HasPrefix(name, d.info+"/") {
			kept = append(kept, name)
			continue
		}
		about, err := root.Lstat(name)
		if err != nil {
			return nil, err
		}
		t.bytes[Kinds()[at]] += about.Size()
	}
	return kept, nil
}

// String lists the kinds that were left out, with their size, the largest first, as far as it is worth a word.
func (t trim) String() string {
	var list []string
	for _, kind := range slices.SortedFunc(maps.Keys(t.bytes), func(a, b string) int { return cmp.Compare(t.bytes[b], t.bytes[a]) }) {
		if t.bytes[kind] < 5_000 {
			continue
		}
		list = append(list, fmt.Sprintf("%s %.2f MB", kind, float64(t.bytes[kind])/1e6))
	}
	return strings.Join(list, ", ")
}
