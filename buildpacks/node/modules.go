package node

import (
	"context"
	"os"

	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/install"
	"github.com/strata-buildpacks/strata/buildpacks/node/start"
)

// modulesLayer is the layer of packages.
const modulesLayer = "modules"

// layerKey is everything that the layer of packages depends on with what scripts changed in them.
type layerKey struct {
	install.Key
	LeaveOut []string `json:"leaveOut"`
	Roots    []string `json:"roots,omitempty"`   // as of a project
	Changes  string   `json:"changes,omitempty"` // hash of them
	Quiet    bool     `json:"quiet,omitempty"`   // as of Ran
	Runtime  string   `json:"runtime"`           // first lines of programs name it
}

// tracedKey is everything that the layer of a standalone server's packages depends on.
type tracedKey struct {
	Recipe int               `json:"recipe"`
	Port   string            `json:"port"`
	Nitro  bool              `json:"nitro,omitempty"` // they are laid out again
	Traced map[string]string `json:"traced"`          // hashes of the packages, by folder
}

// modules makes the layer of packages, links the app to it, and returns its path, "" if the app has none.
func (b build) modules(ctx context.Context, made outcome, ran Ran) (string, error) {
	if !b.plan.Project.HasPackages() {
		return "", made.layout.Unlink()
	}
	request, err := b.request(made, ran)
	if err != nil {
		return "", err
	}
	l, err := b.Layers.Contribute(ctx, request)
	if err != nil {
		return "", err
	}
	return l.Path, made.layout.Link(ctx, l.Path)
}

// request asks for the layer that fits what the build made.
func (b build) request(made outcome, ran Ran) (layer.Request, error) {
	if made.server != nil {
		return b.traced(made.server)
	}
	return b.packages(made, ran)
}

// layered returns what the install's layer has as its key, and what it needs: a newer release of Node.js may take its place.
func (b *Builder) layered() (install.Key, []runtimes.Need) {
	key := b.key
	if b.runtime != nodeID {
		return key, nil
	}
	key.Node = ""
	return key, []runtimes.Need{{ID: nodeID, Version: b.key.Node}}
}

// packages is the layer of packages that the app needs when it runs.
func (b build) packages(made outcome, ran Ran) (layer.Request, error) {
	installed, needs := b.layered()
	key := layerKey{Key: installed, LeaveOut: b.plan.LeaveOut, Roots: made.app.Project.Roots, Quiet: ran.Quiet, Runtime: b.Builder.runtime}
	if _, err := os.Stat(ran.Changes); err == nil {
		if key.Changes, err = tree.Hash(ran.Changes, nil); err != nil {
			return layer.Request{}, err
		}
	}
	fill := func(ctx context.Context, l *layer.Layer) (err error) {
		l.SBOM, err = made.layout.Fill(ctx, l.Path, ran.Changes)
		return err
	}
	return layer.Request{Name: modulesLayer, Flags: layer.Flags{Launch: true}, Key: key, Needs: needs, Fill: fill}, nil
}

// traced is the layer of packages that a standalone server loads.
func (b build) traced(server *start.Server) (layer.Request, error) {
	sums, err := install.HashOwn(server.Project)
	if err != nil {
		return layer.Request{}, err
	}
	fill := func(ctx context.Context, l *layer.Layer) (err error) {
		for name, value := range server.Made.Env {
			l.LaunchEnv.Override(name, value)
		}
		if server.Port != "" {
			l.LaunchEnv.Default("PORT", server.Port)
		}
		l.SBOM, err = b.trees(server.Project).FillTraced(ctx, l.Path, server.Made.Anew)
		return err
	}
	key := tracedKey{recipe, server.Port, server.Made.Anew, sums}
	return layer.Request{Name: modulesLayer, Flags: layer.Flags{Launch: true}, Key: key, Fill: fill}, nil
}

// removeSettings removes from the app what is for package managers alone.
func (b build) removeSettings() error {
	secret, err := install.RemoveSettings(b.plan.source.Manager)
	if secret {
		b.Log.Warn("bunfig.toml has a token or password, and is in the image; write it there as the name of a variable: \"$TOKEN\"")
	}
	return err
}
