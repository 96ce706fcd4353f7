package start

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/strata-buildpacks/strata/buildpacks/kit/procfile"
	"github.com/strata-buildpacks/strata/buildpacks/kit/shell"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Server is a standalone server that took the place of an app.
type Server struct {
	Project project.Project      // what is left of the app
	Start   Start                // of the server
	Made    framework.Standalone // by the build scripts
	Port    string               // that the app's own start names; "" if it names none
}

// Standalone returns the standalone server that the app starts, which its build scripts have to make. It returns nil if the app starts
// something else.
func (a App) Standalone(s Start) *framework.Standalone {
	made, _ := a.standalone(s)
	return made
}

// inside returns the file of a standalone server that is a part of the app, relative to the project, "" if there is none. A nested
// one lacks files of the app, which the framework's own command finds.
func (a App) inside(s Start) string {
	made, _ := a.standalone(s)
	if made == nil || made.Nested {
		return ""
	}
	file := filepath.Join(made.Dir, made.File)
	if info, err := os.Stat(filepath.Join(a.Dir, file)); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return file
}

func (a App) standalone(s Start) (made *framework.Standalone, port string) {
	words := s.app().Words
	if words == nil {
		words = s.app().Arguments
	}
	if s.Elsewhere || s.app().Dir != "" {
		return nil, ""
	}
	return framework.Started(a.Manifest.Has, shell.Texts(words))
}

// Replace replaces all of the app by the standalone server that it starts. It returns nil, and changes nothing, if the build scripts
// made none.
func (a App) Replace(s Start) (*Server, error) {
	made, port := a.standalone(s)
	if made == nil {
		return nil, nil
	}
	inner := filepath.Join(a.From(), made.Dir)
	dir := filepath.Join(a.App, inner)
	server := dir
	if made.Nested {
		server = filepath.Join(dir, a.From())
	}
	if _, err := os.Stat(filepath.Join(server, made.File)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := move(filepath.Join(a.App, procfile.Name), filepath.Join(dir, procfile.Name)); err != nil {
		return nil, fmt.Errorf("moving the Procfile to the server: %w", err)
	}
	for _, name := range made.Needs {
		if err := move(filepath.Join(a.Dir, name), filepath.Join(server, name)); err != nil {
			return nil, fmt.Errorf("moving %s to the server: %w", name, err)
		}
	}
	if err := tree.Hoist(a.App, inner); err != nil {
		return nil, fmt.Errorf("leaving out what the server does not need: %w", err)
	}
	left := a.Project
	if !made.Nested {
		left.Dir, left.Members = left.Root, nil // it needs nothing of the other workspaces
	}
	left.Members = slices.DeleteFunc(slices.Clone(left.Members), func(member string) bool {
		_, err := os.Stat(filepath.Join(left.Root, member))
		return err != nil
	})
	if made.Packages != "" {
		if err := movePackages(a.App, made.Packages); err != nil {
			return nil, fmt.Errorf("moving the packages of the server: %w", err)
		}
	}
	c := s.app()
	c.Arguments = []shell.Word{shell.Quote(made.File)}
	s = s.with(c)
	return &Server{Project: left, Start: s, Made: *made, Port: port}, nil
}

// move moves a file or a folder, if it is there, in place of another.
func move(from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(os.RemoveAll(to), os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(from, to))
}

// movePackages moves a folder of packages to where those of other apps are. Node.js finds them there, too. If there is none,
// everything is in a bundle.
func movePackages(app, from string) error {
	to := filepath.Join(app, project.ModulesDir)
	err := os.Rename(filepath.Join(app, from), to)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Mkdir(to, 0o755)
	}
	return err
}
