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
	patterns := alternatives(append(base.workspaces(), ofPnpm...))
	if len(patterns) == 0 {
		return nil, nil
	}
	return membersOf(root, patterns)
}

// alternatives returns the patterns that those with braces stand for, up to 1000 more than there are: a/{b,c} is a/b and a/c.
func alternatives(patterns []string) []string {
	all := slices.Clone(patterns)
	for i := 0; i < len(all) && len(all) < len(patterns)+1000; i++ {
		before, after, closed := strings.Cut(all[i], "}")
		if open := strings.LastIndex(before, "{"); closed && open >= 0 {
			instead := strings.Split(before[open+1:], ",")
			for j, one := range instead {
				instead[j] = before[:open] + one + after
			}
			all = slices.Replace(all, i, i+1, instead...)
			i-- // the first of them may have more braces
		}
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
	folders, err := foldersWith(root, ManifestFile)
	if err != nil {
		return nil, err
	}
	var members []string
	for _, dir := range folders {
		if named(patterns, dir) {
			members = append(members, dir)
		}
	}
	return members, nil
}

// foldersWith returns the folders below root that have a file of a name, sorted.
func foldersWith(root, file string) ([]string, error) {
	var folders []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ModulesDir || entry.Name() == ".git"):
			return fs.SkipDir
		case entry.Name() == file && entry.Type().IsRegular() && path.Dir(name) != ".":
			folders = append(folders, path.Dir(name))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for workspaces: %w", err)
	}
	return folders, nil
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
	reached := append([]bool{true}, make([]bool, len(parts))...) // whether the pattern so far stands for so many parts
	for _, one := range pattern {
		before := reached[0]
		reached[0] = before && one == "**"
		for i, part := range parts {
			ok, err := path.Match(one, part)
			ok = before && err == nil && ok || one == "**" && (reached[i] || reached[i+1])
			before, reached[i+1] = reached[i+1], ok
		}
	}
	return reached[len(parts)]
}
