// Package layout knows how package managers lay packages out so that Node.js finds them: as folders node_modules, or with Yarn's
// Plug'n'Play. It lends the packages to build scripts, makes a layer of those that the app needs when it runs, lists them, and
// links the app to the layer.
package layout

import (
	"cmp"
	"context"

	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// Layout is a way to lay packages out. A layer, here, is the absolute path of the folder of the layer of packages.
type Layout interface {
	// Lend puts all packages into the app, for its build scripts.
	Lend(ctx context.Context) error
	// Keep copies what scripts changed in the lent packages into a folder. It makes none if they changed nothing.
	Keep(ctx context.Context, changes string) error
	// Fill makes the layer of the packages that the app needs when it runs, with the changes that were kept in a folder, "" without
	// scripts. It returns what is in the layer.
	Fill(ctx context.Context, layer, changes string) (*sbom.Document, error)
	// Bill returns what Fill would.
	Bill(ctx context.Context) (*sbom.Document, error)
	// Link lets the app find the packages in the layer.
	Link(ctx context.Context, layer string) error
	// Unlink takes all packages out of the app.
	Unlink() error
	// Program finds a program in the packages that the app asks for. File is an argument of node, "" if there is none or Plug'n'Play
	// leaves it out; dev says that only a package for development has it.
	Program(ctx context.Context, layer, name string) (file string, dev bool, err error)
	// Arguments returns those with which node finds the packages.
	Arguments() []string
}

// Packages gives a layout the folders of what the package manager installed.
type Packages struct {
	// All returns a folder with all packages of the app.
	All func(ctx context.Context) (string, error)
	// Production returns a folder from which the package manager took away what is only for development. With keep, the next
	// build finds it again. It is nil where that is not left to the package manager.
	Production func(ctx context.Context, keep bool) (string, error)
}

// subject is the app in a bill of materials.
func subject(p project.Project) sbom.Component {
	return sbom.Component{Type: "application", Name: cmp.Or(p.Manifest.Name, "app"), Version: p.Manifest.Version}
}
