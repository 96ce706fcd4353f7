package project

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// findMembers lists the folders of the workspaces, which package.json or pnpm-workspace.yaml name by patterns.
func findMembers(root string, base Manifest) ([]string, error) {
	patterns, err := base.workspaces()
	if err != nil {
		return nil, err
	}
	var file struct{ Packages []string }
	if err := ReadYAML(filepath.Join(root, pnpmWorkspace), &file); err != nil {
		return nil, err
	}
	patterns = append(patterns, file.Packages...)
	if len(patterns) == 0 {
		return nil, nil
	}
	return membersOf(root, patterns)
}

// membersOf returns the folders below root with a package.json that the patterns name, sorted. The last pattern that matches
// decides: one with "!" takes a folder out.
func membersOf(root string, patterns []string) ([]string, error) {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || strings.Contains(pattern, "{") {
			return nil, fault.Fault{
				ID: "node-workspaces", Do: "write it with *, ** and ! alone",
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
		if matches(strings.Split(path.Clean(text), "/"), strings.Split(dir, "/")) {
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
