// Package bindings reads service bindings for a sandbox (github.com/buildpacks/spec, extensions/bindings.md).
package bindings

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/strata-buildpacks/strata/builder/platform/sandbox"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Root is the path of the folder of all bindings inside, for a build and for an app.
const Root = "/platform/bindings"

// maxBytes is the size of the largest bindings of a command, in bytes.
const maxBytes = 64 << 20

// Read reads bindings into a folder at Root, each under its own name. They are secrets: the folder is in memory. A folder that is no
// binding is a fault, and so are two of one name, and bindings of more than 64 MiB.
func Read(bindings []string) (sandbox.Folder, error) {
	folder := sandbox.Folder{Target: Root}
	named := map[string]string{}
	for _, binding := range bindings {
		name := filepath.Base(binding)
		if other, twice := named[name]; twice {
			return folder, fault.Fault{
				ID:   "binding",
				What: fmt.Sprintf("the bindings %s and %s have one name", other, binding),
				Do:   "rename the folder of one",
			}
		}
		named[name] = binding
		if err := check(binding); err != nil {
			return folder, err
		}
		files, err := read(binding, name)
		if err != nil {
			return folder, fmt.Errorf("reading the binding %s: %w", binding, err)
		}
		folder.Files = append(folder.Files, files...)
	}
	total := 0
	for _, file := range folder.Files {
		total += len(file.Content)
	}
	if total > maxBytes {
		return folder, fault.Fault{
			ID:   "binding-size",
			What: fmt.Sprintf("the bindings have %d MiB, and %d MiB are the most that are held in memory", total>>20, maxBytes>>20),
			Do:   "leave out of their folders what is no setting and no secret",
		}
	}
	return folder, nil
}

// read reads the files and links of a binding.
func read(binding, name string) (files []sandbox.File, err error) {
	err = fs.WalkDir(os.DirFS(binding), ".", func(below string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file := sandbox.File{Path: path.Join(name, below)}
		from := filepath.Join(binding, below)
		if entry.Type() == fs.ModeSymlink {
			file.Link, err = os.Readlink(from)
		} else {
			info, statErr := entry.Info()
			if statErr != nil {
				return statErr
			}
			file.Executable = info.Mode()&0o111 != 0
			file.Content, err = tree.ReadFile(from)
		}
		files = append(files, file)
		return err
	})
	return files, err
}

// check refuses a folder that no buildpack and no app could take for a binding.
func check(binding string) error {
	kind, err := tree.ReadFile(filepath.Join(binding, "type"))
	if err != nil {
		return fault.Fault{
			ID:   "binding",
			What: binding + " is no binding",
			Do:   "name a folder with a file `type` in it and a file per key (github.com/buildpacks/spec, extensions/bindings.md)",
		}
	}
	if len(bytes.TrimSpace(kind)) == 0 {
		return fault.Fault{
			ID:   "binding",
			What: filepath.Join(binding, "type") + " is empty, so nothing would read the binding",
			Do:   "write the type into it, such as ca-certificates",
		}
	}
	return nil
}
