// Package bindings copies service bindings to where a sandbox sees them (github.com/buildpacks/spec,
// extensions/bindings.md).
package bindings

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
)

// Root is the path of the folder of all bindings inside, for a build and for an app.
const Root = "/platform/bindings"

// Copy copies bindings into a folder, each under its own name. A folder that is no binding is a fault, and so are two of
// one name.
func Copy(bindings []string, to string) error {
	named := map[string]string{}
	for _, binding := range bindings {
		name := filepath.Base(binding)
		if other, twice := named[name]; twice {
			return fault.Fault{
				ID:   "binding",
				What: fmt.Sprintf("the bindings %s and %s have one name", other, binding),
				Do:   "rename the folder of one",
			}
		}
		named[name] = binding
		if err := check(binding); err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(binding)); err != nil {
			return fmt.Errorf("copying binding %s: %w", binding, err)
		}
	}
	return nil
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
