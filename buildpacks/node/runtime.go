package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/tree"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
)

// nodeKey is everything that the layer of Node.js depends on.
type nodeKey struct {
	Recipe int    `json:"recipe"`
	Node   string `json:"node"`
	Arch   string `json:"arch"`
}

// bunKey is everything that the layer of Bun depends on.
type bunKey struct {
	Recipe int    `json:"recipe"`
	Bun    string `json:"bun"`
	Arch   string `json:"arch"`
}

// runtime makes the layer of Node.js or, if that runs the app, of Bun, and returns its program.
func (b build) runtime(ctx context.Context) (string, error) {
	p := b.plan
	request := layer.Request{Key: nodeKey{recipe, p.node.Version, p.arch}, Fill: b.fillNode}
	if p.start.Bun {
		request = layer.Request{Key: bunKey{recipe, p.bun.Version, p.arch}, Fill: b.fillBun}
	}
	request.Name, request.Flags = b.Builder.runtime, layer.Flags{Launch: true}
	l, err := b.Layers.Contribute(ctx, request)
	if err != nil {
		return "", err
	}
	return filepath.Join(l.Path, "bin", request.Name), nil
}

// fillNode makes the layer of Node.js: the program and its licence, the same for every app.
func (b build) fillNode(ctx context.Context, l *layer.Layer) error {
	dir, err := b.node(ctx)
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "bin", "node")
	licence, err := tree.ReadFile(filepath.Join(dir, "LICENSE"))
	if err == nil {
		err = os.WriteFile(filepath.Join(l.Path, "LICENSE"), licence, 0o644)
	}
	if err == nil {
		err = takeProgram(l, program)
	}
	if err != nil {
		return fmt.Errorf("making the layer of Node.js: %w", err)
	}
	knows, err := b.knows(ctx, program, heapOption)
	if err != nil {
		return err
	}
	if knows {
		l.LaunchEnv.Default("NODE_OPTIONS", heapOption)
	}
	describe(l, b.plan.node.Version)
	return nil
}

// fillBun makes the layer of Bun: the program, the same for every app.
func (b build) fillBun(ctx context.Context, l *layer.Layer) error {
	programs, err := b.tools.programs(ctx, manager.Bun(), b.plan.bun)
	if err != nil {
		return err
	}
	if err := takeProgram(l, filepath.Join(programs, "bun")); err != nil {
		return fmt.Errorf("making the layer of Bun: %w", err)
	}
	describe(l, b.plan.bun.Version)
	return nil
}

// takeProgram puts a program into the folder bin of a layer, without what it does not need when it runs.
func takeProgram(l *layer.Layer, program string) error {
	bin := filepath.Join(l.Path, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	return elf.Strip(program, filepath.Join(bin, filepath.Base(program)))
}

// describe says what the layer of a runtime is.
func describe(l *layer.Layer, version string) {
	l.LaunchEnv.Default("NODE_ENV", "production")
	l.SBOM = &sbom.Document{Subject: sbom.Component{
		Type: "application", Name: l.Name, Version: version, PURL: "pkg:generic/" + l.Name + "@" + version, Licenses: []string{"MIT"},
	}}
}

// heapOption lets the heap have half of the memory that a container may use, which is what Node.js itself does from 512 MB to 4 GB.
// Below, it takes 259 MB, however few there are, so that the container is killed before anything is collected; above, 2 or 4 GB.
const heapOption = "--max-old-space-size-percentage=50"

// knows reports whether a release of Node.js takes an option.
func (b build) knows(ctx context.Context, node, option string) (bool, error) {
	err := command.Run(ctx, command.Command{Path: node, Args: []string{option, "--version"}})
	if failed := new(command.Error); errors.As(err, &failed) && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}
