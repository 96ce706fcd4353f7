package project

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// findMembers lists the folders of the workspaces, which package.json or pnpm-workspace.yaml name by patterns.
func findMembers(root string, base Manifest) ([]string, error) {
	file, err := ReadYAML(filepath.Join(root, PnpmWorkspace))
	if err != nil {
		return nil, err
	}
	ofPnpm := file.List("packages")
	slices.SortStableFunc(ofPnpm, func(a, b string) int { // pnpm leaves out what any of them takes out
		return strings.Count(a[:1], "!") - strings.Count(b[:1], "!")
	})
	var patterns []string
	for _, pattern := range append(base.workspaces(), ofPnpm...) {
		patterns = append(patterns, alternatives(pattern)...)
	}
	if len(patterns) == 0 {
		return nil, nil
	}
	return membersOf(root, patterns)
}

// alternatives returns the patterns that one with braces stands for: a/{b,c} is a/b and a/c.
func alternatives(pattern string) []string {
	before, after, closed := strings.Cut(pattern, "}")
	open := strings.LastIndex(before, "{")
	if !closed || open < 0 {
		return []string{pattern}
	}
	var all []string
	for one := range strings.SplitSeq(before[open+1:], ",") {
		all = append(all, alternatives(before[:open]+one+after)...)
	}
	return all
}

// membersOf returns the folders below root with a package.json that the patterns name, sorted. The last pattern that matches
// decides: one with "!" takes a folder out.
func membersOf(root string, patterns []string) ([]string, error) {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || strings.ContainsAny(pattern, "{}()") {
			return nil, fault.Fault{
				ID: "node-workspaces", Do: "write it with *, **, {a,b} and ! alone",
				What: fmt.Sprintf("the workspaces are named by the pattern %q, which this buildpack does not understand", pattern),
			}
		}
	}
	var members []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ModulesDir || entry.Name() == ".git"):
			return fs.SkipDir
		case entry.Name() != ManifestFile || !entry.Type().IsRegular() || path.Dir(name) == ".":
			return nil
		}
		if dir := path.Dir(name); named(patterns, dir) {
			members = append(members, dir)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for workspaces: %w", err)
	}
	return members, nil
}

// named reports whether patterns name a folder.
func named(patterns []string, dir string) bool {
	found := false
	for _, pattern := range patterns {
		text, not := strings.CutPrefix(pattern, "!")
		if matches(strings.Split(path.Clean(strings.TrimLeft(text, "/")), "/"), strings.Split(dir, "/")) {
			found = !not
		}
	}
	return found
}

// matches reports whether a path matches a pattern, part by part; "**" stands for any number of parts.
func matches(pattern, parts []string) bool {
	if len(pattern) == 0 {
		return len(parts) == 0
	}
	if pattern[0] == "**" {
		return matches(pattern[1:], parts) || len(parts) > 0 && matches(pattern, parts[1:])
	}
	if len(parts) == 0 {
		return false
	}
	ok, err := path.Match(pattern[0], parts[0])
	return err == nil && ok && matches(pattern[1:], parts[1:])
}
