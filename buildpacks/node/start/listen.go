package start

import (
	_ "embed"
	"fmt"
	"path"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/framework"
)

// listen is a program for Node.js without its first lines, which say what it listens for.
//
//go:embed listen.mjs
var listen string

// Listen writes the program that listens for a module, where build scripts made one that answers requests and listens to none, and the app
// does not say how it starts. It reports whether there is such a module.
func (a App) Listen(s Start) (bool, error) {
	module := framework.HandlerOf(a.Manifest.Has)
	if s.Elsewhere || len(s.Commands) > 0 || module == nil || !a.regular(module.File) {
		return false, nil
	}
	assets, err := filepath.Rel(path.Dir(module.File), module.Assets)
	if err != nil {
		return false, err
	}
	text := fmt.Sprintf("import handler from './%s'\nconst assets = new URL('%s/', import.meta.url)\n", path.Base(module.File), assets)
	if err := tree.WriteFile(filepath.Join(a.Dir, module.Program()), []byte(text+listen)); err != nil {
		return false, fmt.Errorf("writing the program that listens: %w", err)
	}
	return true, nil
}
