package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// paths finds packages as Node.js does: in the folders node_modules from the asking package up to the root. A path is relative to
// the root, "packages/a/node_modules/b"; one without node_modules is a part of the app.
type paths struct {
	root  string // folder of the install
	app   string // folder of the app with the same paths, where links to workspaces lead
	seeds bool   // the app's own packages are read in the install: the app no longer has all of them
}

// dir returns the folder that a path is below.
func (p paths) dir(at string) string {
	if ours(at) && !p.seeds {
		return p.app
	}
	return p.root
}

// resolve finds a package as Node.js does, "" if it is not there.
func (p paths) resolve(from, name string) (string, error) {
	for dir := from; ; dir = path.Dir(dir) {
		if path.Base(dir) != project.ModulesDir {
			if found, err := p.follow(path.Join(dir, project.ModulesDir, name)); found != "" || err != nil {
				return found, err
			}
		}
		if dir == "." {
			return "", nil
		}
	}
}

// follow returns the path of the folder that a path or the link there leads to, "" if there is none.
func (p paths) follow(at string) (string, error) {
	for range 40 { // as often as the kernel does
		file := filepath.Join(p.root, filepath.FromSlash(at))
		info, err := os.Lstat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !ours(at):
			return "", nil
		case ours(at):
			return at, nil
		case err != nil:
			return "", err
		case info.IsDir():
			return at, nil
		case info.Mode().Type() != fs.ModeSymlink:
			return "", nil
		}
		target, err := os.Readlink(file)
		if err != nil {
			return "", err
		}
		link := at
		if at, err = p.inside(at, target); err != nil {
			return "", err
		}
		if at == "" {
			return "", fault.Fault{
				ID: "node-local", What: fmt.Sprintf("%s is a link to %s, outside the app", link, target),
				Do: "take the package from a registry or from a workspace of the app",
			}
		}
	}
	return "", fmt.Errorf("following %s: too many links", at)
}

// inside returns the path that a link leads to, "" if it leads out of the root and the app.
func (p paths) inside(at, target string) (string, error) {
	if !filepath.IsAbs(target) {
		target = filepath.Join(p.root, path.Dir(at), target)
	}
	for _, dir := range []string{p.root, p.app} {
		relative, err := filepath.Rel(dir, target)
		if err != nil {
			return "", err
		}
		if filepath.IsLocal(relative) {
			return filepath.ToSlash(relative), nil
		}
	}
	return "", nil
}

// LinkMembers changes the links in an install that lead to parts of the app. They lead below target then: the app, where their code
// is, or the install itself.
func LinkMembers(p project.Project, install, target string) error {
	if len(p.Members) == 0 {
		return nil
	}
	within := paths{root: install, app: p.Root}
	err := filepath.WalkDir(install, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type() != fs.ModeSymlink {
			return err
		}
		name, err := filepath.Rel(install, file)
		if err != nil {
			return err
		}
		link, err := os.Readlink(file)
		if err != nil {
			return err
		}
		end, err := within.inside(filepath.ToSlash(name), link)
		if err != nil || end == "" || !ours(end) {
			return err
		}
		return relink(file, filepath.Join(target, end))
	})
	if err != nil {
		return fmt.Errorf("linking the workspaces: %w", err)
	}
	return nil
}

// linkToApp changes a copy of a link in the app's packages so that it leads where the link led, if that is a part of the app. Name is
// the path of the link in the app.
func (p paths) linkToApp(link, name string) error {
	target, err := os.Readlink(link)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(p.app, path.Dir(name), target)
	}
	within, err := filepath.Rel(p.app, target)
	if err != nil || !filepath.IsLocal(within) || !ours(filepath.ToSlash(within)) {
		return err
	}
	return relink(link, target)
}

func relink(file, target string) error { return errors.Join(os.Remove(file), os.Symlink(target, file)) }

// ours reports whether a path is a folder of the app and not of a package that was installed.
func ours(at string) bool { return !strings.Contains("/"+at+"/", "/"+project.ModulesDir+"/") }

// packageOf returns the part of a path up to what is in the innermost node_modules folder: a package, or what is beside it.
func packageOf(name string) string {
	at := strings.LastIndex("/"+name, "/"+project.ModulesDir+"/")
	if at < 0 {
		return ""
	}
	start := at + len(project.ModulesDir) + 1
	parts := strings.Split(name[start:], "/")
	depth := 1
	switch {
	case strings.HasPrefix(parts[0], "@"):
		depth = 2
	case parts[0] == ".store" && len(parts) > 3: // of Yarn: .store/a-npm-1.0.0/package
		depth = 3
	}
	return name[:start] + path.Join(parts[:min(depth, len(parts))]...)
}
