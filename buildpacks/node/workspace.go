package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
)

// findProject decides where the package that is started is, and where its packages are installed: in the same folder, or
// in the app's folder when that one has the workspaces.
func (d *decision) findProject(app string) error {
	d.root, d.project = app, app
	if d.ProjectPath != "" {
		if !filepath.IsLocal(d.ProjectPath) {
			return fault.Fault{ID: "node-project-path", What: fmt.Sprintf("BP_NODE_PROJECT_PATH is %q, which is outside the app", d.ProjectPath), Do: "name a folder of the app"}
		}
		d.project = filepath.Join(app, d.ProjectPath)
	}
	var err error
	if d.manifest, err = readManifest(d.project); errors.Is(err, fs.ErrNotExist) {
		return fault.Fault{ID: "node-project-path", What: fmt.Sprintf("BP_NODE_PROJECT_PATH is %q, where there is no package.json", d.ProjectPath), Do: "name the folder of a package"}
	}
	if err != nil {
		return err
	}
	d.base = d.manifest
	own, _, err := findLockfile(d.project)
	if err != nil {
		return err
	}
	if d.project != app && own == "" {
		base, err := readManifest(app)
		switch {
		case err == nil:
			d.base = base
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if own != "" || d.project == app {
		d.root = d.project
	}
	return d.findMembers()
}

// from is the path of the project below the root, "." where it is the root.
func (d decision) from() string {
	if d.project == d.root {
		return "."
	}
	return strings.TrimPrefix(d.project, d.root+"/")
}

// findMembers lists the folders of the workspaces, which package.json or pnpm-workspace.yaml name by patterns.
func (d *decision) findMembers() error {
	patterns, err := d.base.workspaces()
	if err != nil {
		return err
	}
	var file struct{ Packages []string }
	if err := readYAML(filepath.Join(d.root, pnpmWorkspace), &file); err != nil {
		return err
	}
	patterns = append(patterns, file.Packages...)
	if len(patterns) > 0 {
		if d.members, err = membersOf(d.root, patterns); err != nil {
			return err
		}
	}
	if d.project == d.root || slices.Contains(d.memberDirs(), d.project) {
		return nil
	}
	// Neither its own lockfile nor a workspace of the app's: a package for itself.
	d.root, d.base, d.members = d.project, d.manifest, nil
	return nil
}

// memberDirs returns the absolute paths of the workspaces.
func (d decision) memberDirs() []string {
	var dirs []string
	for _, member := range d.members {
		dirs = append(dirs, filepath.Join(d.root, member))
	}
	return dirs
}

const pnpmWorkspace = "pnpm-workspace.yaml"

// workspaces returns the patterns of package.json: a list, or Yarn's object with one.
func (m manifest) workspaces() ([]string, error) {
	var list []string
	var object struct{ Packages []string }
	if len(m.Workspaces) == 0 || json.Unmarshal(m.Workspaces, &list) == nil {
		return list, nil
	}
	if err := json.Unmarshal(m.Workspaces, &object); err != nil {
		return nil, fault.Fault{ID: "node-manifest", What: "package.json: workspaces is no list of folders", Err: err, Do: "correct the file"}
	}
	return object.Packages, nil
}

// membersOf returns the folders below root with a package.json that a pattern matches and none with "!" does, sorted.
func membersOf(root string, patterns []string) ([]string, error) {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil || strings.Contains(pattern, "{") {
			return nil, fault.Fault{ID: "node-workspaces", What: fmt.Sprintf("the workspaces are named by the pattern %q, which this buildpack does not understand", pattern), Do: "write it with *, ** and ! alone"}
		}
	}
	var members []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == modulesDir || entry.Name() == ".git"):
			return fs.SkipDir
		case entry.Name() != manifestFile || !entry.Type().IsRegular() || path.Dir(name) == ".":
			return nil
		}
		dir, matched := path.Dir(name), false
		for _, pattern := range patterns {
			text, not := strings.CutPrefix(pattern, "!")
			if matchPath(strings.Split(path.Clean(text), "/"), strings.Split(dir, "/")) {
				matched = !not
			}
		}
		if matched {
			members = append(members, dir)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for workspaces: %w", err)
	}
	return members, nil
}

// matchPath tells whether a path matches a pattern, part by part; "**" stands for any number of parts.
func matchPath(pattern, parts []string) bool {
	if len(pattern) == 0 {
		return len(parts) == 0
	}
	if pattern[0] == "**" {
		return matchPath(pattern[1:], parts) || len(parts) > 0 && matchPath(pattern, parts[1:])
	}
	if len(parts) == 0 {
		return false
	}
	ok, err := path.Match(pattern[0], parts[0])
	return err == nil && ok && matchPath(pattern[1:], parts[1:])
}
