package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	kittree "github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// nitroDir is where Nitro, which Nuxt and other frameworks are built on, puts a server with all that it needs, and nitroServer
// the file of it that is started.
const (
	nitroDir    = ".output"
	nitroServer = "server/index.mjs"
)

// nitro are the packages that build with Nitro.
var nitro = []string{"nuxt", "nuxt-nightly", "nitropack", "nitro", "@analogjs/platform", "@solidjs/start", "vinxi", "@tanstack/react-start", "@tanstack/solid-start"}

// startsNitro tells whether the app is started as Nitro's server is: by its file, by a preview of it, or by nothing that is said.
func (b *builder) startsNitro() bool {
	if !slices.ContainsFunc(nitro, func(name string) bool { return b.Manifest.Dependencies[name] != "" || b.Manifest.Dev[name] != "" }) {
		return false
	}
	words := b.start.command
	if words == nil {
		words = b.start.arguments
	}
	switch {
	case b.start.elsewhere:
		return false
	case len(words) == 0:
		return b.Manifest.Main == ""
	case len(words) == 1:
		return path.Clean(words[0]) == nitroDir+"/"+nitroServer
	}
	return len(words) == 2 && (words[0] == "nuxt" || words[0] == "nuxi" || words[0] == "vinxi") && (words[1] == "start" || words[1] == "preview")
}

// standaloneNitro makes the app Nitro's server. Its modules move up to where they become a layer: Node.js finds them there, too.
func (b *builder) standaloneNitro() (bool, error) {
	from := b.From()
	root := filepath.Join(b.Dir, nitroDir)
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(nitroServer))); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	err := os.Rename(filepath.Join(b.Dir, project.ManifestFile), filepath.Join(root, project.ManifestFile))
	if err == nil {
		err = kittree.Hoist(b.AppDir, filepath.Join(from, nitroDir))
	}
	if err != nil {
		return false, fmt.Errorf("leaving out what Nitro's server does not need: %w", err)
	}
	modules := filepath.Join(b.AppDir, project.ModulesDir)
	err = os.Rename(filepath.Join(b.AppDir, filepath.Dir(nitroServer), project.ModulesDir), modules)
	if errors.Is(err, fs.ErrNotExist) { // everything is in the bundle
		err = os.Mkdir(modules, 0o755)
	}
	if err != nil {
		return false, fmt.Errorf("moving the packages of Nitro's server: %w", err)
	}
	b.Log.Bullet("Nitro's server: the app is that and nothing else")
	b.start.arguments, b.start.program = []string{nitroServer}, nil
	b.Dir, b.Members = b.Root, nil // it needs nothing of the other workspaces
	return true, nil
}
