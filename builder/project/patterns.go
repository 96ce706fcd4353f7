package project

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	ignore "github.com/sabhiram/go-gitignore"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// Keep returns whether a build sees a file or folder of the app, by its path below the app's folder with slashes; nil
// if it sees all. What is below a folder that is left out is asked for by its own path. The library is pack's, because
// it reads patterns in ways of its own that git does not have.
func (d Descriptor) Keep() func(path string) bool {
	switch {
	case len(d.exclude) > 0:
		excluded := ignore.CompileIgnoreLines(d.exclude...)
		return func(path string) bool { return !excluded.MatchesPath(path) }
	case len(d.include) > 0:
		return ignore.CompileIgnoreLines(d.include...).MatchesPath
	}
	return nil
}

// checkPatterns refuses what the library forgets without a word, which would put into the image what is to stay out of
// it, and notes what can match nothing.
func (d *Descriptor) checkPatterns() error {
	for _, pattern := range slices.Concat(d.include, d.exclude) {
		blank := strings.Trim(pattern, " \r") == "" || strings.HasPrefix(pattern, "#")
		if !blank && reflect.ValueOf(*ignore.CompileIgnoreLines(pattern)).IsZero() {
			return fault.Fault{ID: "project-pattern", What: fmt.Sprintf("%s has the pattern %q, which cannot be read", d.file, pattern),
				Do: "write a backslash before + ( ) [ { and every other sign that is not meant as part of a pattern"}
		}
		for element := range strings.SplitSeq(strings.TrimPrefix(pattern, "!"), "/") {
			if !blank && (element == "." || element == "..") {
				d.ignored("the pattern %q matches nothing: paths begin at the app's folder and stay in it", pattern)
				break
			}
		}
	}
	return nil
}
