package node

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

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// slim says which files of packages are left out, and counts them. Licences stay.
type slim struct {
	kinds []string
	bytes map[string]int64 // by kind
	read  map[string]bool  // by package: whether its code reads its tests
}

// kinds of files that no program loads, in the order in which a file is taken for one.
var kinds = []string{"tests", "docs", "types", "sources", "maps"}

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|unlicense|copying|copyright|notice|patents|authors)`)
	testFolder  = regexp.MustCompile(`^(test|tests|__tests__)/`)
	readsTests  = regexp.MustCompile("['\"`/](tests?|__tests__)/|['\"`](\\.{1,2}/)+(tests?|__tests__)['\"`]|__dirname.{0,40}(tests?|__tests__)\\b")
	docFile     = regexp.MustCompile(`(?i)^([^/]+\.(md|markdown)|(readme|changelog|changes|history|contributing)(\.txt|\.rst)?)$|^(.*/)?\.(github|circleci|vscode|idea)/`)
	typeFile    = regexp.MustCompile(`\.(d\.[cm]?ts(\.map)?|js\.flow)$`)
	sourceFile  = regexp.MustCompile(`\.(c|cc|cpp|cxx|h|hh|hpp|o|a|gyp|gypi|mk)$`)
	mapFile     = regexp.MustCompile(`\.([cm]?js|ts|css)\.map$`)
	code        = regexp.MustCompile(`\.[cm]?js$|^package\.json$`)
)

// readSlim reads the kinds of files that are named.
func readSlim(named []string) (slim, error) {
	for _, kind := range named {
		if !slices.Contains(kinds, kind) && kind != "none" {
			return slim{}, fault.Fault{ID: "node-leave-out", What: fmt.Sprintf("BP_NODE_LEAVE_OUT names %q", kind), Do: "name some of " + strings.Join(kinds, ", ") + ", or none"}
		}
	}
	return slim{kinds: named, bytes: map[string]int64{}, read: map[string]bool{}}, nil
}

// kind tells which kind a file of a package is of, "" if it stays. Both are paths below the root.
func (t tree) kind(owner, name string) string {
	inner := strings.TrimPrefix(name, owner+"/")
	if licenceFile.MatchString(filepath.Base(inner)) {
		return ""
	}
	for _, kind := range kinds {
		if slices.Contains(t.slim.kinds, kind) && t.is(kind, owner, inner) {
			return kind
		}
	}
	return ""
}

func (t tree) is(kind, owner, inner string) bool {
	switch kind {
	case "tests":
		return testFolder.MatchString(inner) && !t.readsTests(owner)
	case "docs":
		return docFile.MatchString(inner)
	case "types": // the compiler reads them, when the app has it
		return typeFile.MatchString(inner) && !t.has("typescript")
	case "sources":
		return sourceFile.MatchString(inner)
	}
	return mapFile.MatchString(inner)
}

// has tells whether a package of this name is in the tree.
func (t tree) has(name string) bool {
	for at := range t.packages {
		if at == project.ModulesDir+"/"+name || strings.HasSuffix(at, "/"+project.ModulesDir+"/"+name) || t.packages[at].Name == name {
			return true
		}
	}
	return false
}

// readsTests tells whether code of a package beside its tests names their folder.
func (t tree) readsTests(owner string) bool {
	if known, ok := t.slim.read[owner]; ok {
		return known
	}
	found := false
	dir := filepath.Join(t.dir(owner), owner)
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
		data, err := os.ReadFile(file)
		if inner == project.ManifestFile {
			data, err = entryPoints(data)
		}
		found = readsTests.Match(data)
		return err
	})
	t.slim.read[owner] = found || err != nil
	return t.slim.read[owner]
}

// entryPoints returns the fields of a package.json that name files to load.
func entryPoints(data []byte) ([]byte, error) {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(data, &all) // as in a tree
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
