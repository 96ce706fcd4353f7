// Package keep reads BP_KEEP_FILES: which files of an app stay in its image beside what was built of them.
package keep

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/report"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Variable is the name of the variable that holds the patterns, separated by colons.
const Variable = "BP_KEEP_FILES"

// Patterns name files of an app. "*" and "?" stop at slashes, "**" does not, and a pattern that matches a folder keeps all of it.
type Patterns []pattern

type pattern struct {
	text  string
	match *regexp.Regexp
}

// Parse reads the patterns.
func Parse(texts []string) (Patterns, error) {
	var p Patterns
	for _, text := range texts {
		clean := path.Clean(filepath.ToSlash(text))
		if !filepath.IsLocal(clean) {
			return nil, fault.Fault{
				ID: "keep-outside", What: fmt.Sprintf("%s names %q, which is outside the app", Variable, text),
				Do: "give paths relative to the app, such as assets/*",
			}
		}
		if clean == "." {
			clean = "**" // the app's folder is one, too
		}
		expr := regexp.QuoteMeta(clean)
		for _, r := range [][2]string{{`\*\*/`, `(.*/)?`}, {`\*\*`, `.*`}, {`\*`, `[^/]*`}, {`\?`, `[^/]`}} {
			expr = strings.ReplaceAll(expr, r[0], r[1])
		}
		// QuoteMeta leaves nothing that could fail to compile; (?s) because a name may have a line break.
		p = append(p, pattern{text, regexp.MustCompile("(?s)^" + expr + "(/.*)?$")})
	}
	return p, nil
}

// Keeps reports whether a pattern matches a path.
func (p Patterns) Keeps(name string) bool {
	return slices.ContainsFunc(p, func(one pattern) bool { return one.match.MatchString(name) })
}

// Clear empties the app's folder except for what the patterns match and for the named files. It warns of a pattern that matches
// nothing.
func (p Patterns) Clear(app string, log *report.Log, files ...string) error {
	if err := p.clear(app, log, files); err != nil {
		return fmt.Errorf("removing the source: %w", err)
	}
	return nil
}

func (p Patterns) clear(app string, log *report.Log, files []string) error {
	if len(p) == 0 {
		return tree.Empty(app, files...)
	}
	used := make([]bool, len(p))
	_, err := tree.Each(app, func(e tree.Entry) bool {
		for i, one := range p { // within folders that are kept as a whole, too
			used[i] = used[i] || one.match.MatchString(e.Rel)
		}
		return false
	}, func(tree.Entry) (struct{}, error) { return struct{}{}, nil })
	if err == nil {
		err = tree.Only(app, func(name string) bool { return slices.Contains(files, name) || p.Keeps(name) })
	}
	if err != nil {
		return err
	}
	for i, one := range p {
		if !used[i] {
			log.Warn("%s has %q, which matches nothing", Variable, one.text)
		}
	}
	return nil
}
