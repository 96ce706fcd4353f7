package layout

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Kinds are the kinds of files of packages that no program loads, in the order in which a file is taken for one.
func Kinds() []string { return []string{"tests", "docs", "types", "sources", "maps"} }

// slim decides which files of packages are left out, and counts them. Licences stay.
type slim struct {
	graph
	kinds []string
	typed bool                       // the app has a compiler that reads types
	bytes map[string]int64           // by kind
	read  map[string]bool            // by package: whether its code reads its tests
	types map[string]map[string]bool // by package: the files with types that its package.json leads to
}

func newSlim(g graph, kinds []string) slim {
	return slim{
		graph: g, kinds: kinds, typed: g.has("typescript"),
		bytes: map[string]int64{}, read: map[string]bool{}, types: map[string]map[string]bool{},
	}
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|unlicense|copying|copyright|notice|patents|authors)`)
	testFolder  = regexp.MustCompile(`^(test|tests|__tests__)/`)
	readsTests  = regexp.MustCompile("['\"`/](tests?|__tests__)/|['\"`](\\.{1,2}/)+(tests?|__tests__)['\"`]|" +
		"__dirname.{0,40}(tests?|__tests__)\\b")
	docFile = regexp.MustCompile(`(?i)^([^/]+\.(md|markdown)|(readme|changelog|changes|history|contributing)(\.txt|\.rst)?)$|` +
		`^(.*/)?\.(github|circleci|vscode|idea)/`)
	sourceFile = regexp.MustCompile(`\.(c|cc|cpp|cxx|h|hh|hpp|o|a|gyp|gypi|mk)$`)
	mapFile    = regexp.MustCompile(`\.([cm]?js|ts|css)\.map$`)
	served     = regexp.MustCompile(`(^|/)(public|static|assets|templates)/`)
	code       = regexp.MustCompile(`\.[cm]?js$|^package\.json$`)
)

// kind returns the kind of a file of a package that is left out, "" if it stays. Both are paths.
func (s slim) kind(owner, name string) string {
	inner := strings.TrimPrefix(name, owner+"/")
	if licenceFile.MatchString(filepath.Base(inner)) {
		return ""
	}
	for _, kind := range Kinds() {
		if slices.Contains(s.kinds, kind) && s.is(kind, owner, inner) {
			return kind
		}
	}
	return ""
}

func (s slim) is(kind, owner, inner string) bool {
	switch kind {
	case "tests":
		return testFolder.MatchString(inner) && !s.readsTests(owner)
	case "docs":
		return docFile.MatchString(inner)
	case "types": // the compiler reads them, when the app has it
		return typeFile.MatchString(inner) && !served.MatchString(inner) && !s.typed && s.declares(owner, inner)
	case "sources":
		return sourceFile.MatchString(inner)
	}
	return mapFile.MatchString(inner) && !served.MatchString(inner)
}

// readsTests reports whether code of a package, except its tests, names their folder.
func (s slim) readsTests(owner string) bool {
	if known, ok := s.read[owner]; ok {
		return known
	}
	found := false
	dir := filepath.Join(s.dir(owner), owner)
	err := filepath.WalkDir(dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil || found {
			return err
		}
		inner, err := filepath.Rel(dir, file)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == project.ModulesDir || testFolder.MatchString(inner+"/")):
			return filepath.SkipDir
		case !entry.Type().IsRegular() || !code.MatchString(inner):
			return nil
		}
		data, err := tree.ReadFile(file)
		if inner == project.ManifestFile {
			data, err = entryPoints(data)
		}
		found = readsTests.Match(data)
		return err
	})
	s.read[owner] = found || err != nil
	return s.read[owner]
}

// entryPoints returns the fields of a package.json that name files to load.
func entryPoints(data []byte) ([]byte, error) {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(data, &all) // see facts
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool {
		return !slices.Contains([]string{"main", "module", "browser", "exports", "imports", "bin"}, name)
	})
	return json.Marshal(all)
}

// String lists the kinds that were left out, with their size.
func (s slim) String() string {
	var list []string
	for _, kind := range slices.SortedFunc(maps.Keys(s.bytes), func(a, b string) int { return cmp.Compare(s.bytes[b], s.bytes[a]) }) {
		list = append(list, fmt.Sprintf("%s %.2f MB", kind, float64(s.bytes[kind])/1e6))
	}
	return strings.Join(list, ", ")
}
