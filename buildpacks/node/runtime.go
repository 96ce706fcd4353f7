package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/bp"
	"github.com/strata-buildpacks/strata/buildpacks/kit/command"
	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/runtimes"
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
	if !p.start.Bun {
		return nodeLayer{b.tools.on(p.target), p.node, p.asked}.contribute(ctx, b.Layers)
	}
	l, err := b.Layers.Contribute(ctx, layer.Request{
		Name: "bun", Flags: layer.Flags{Launch: true}, Key: bunKey{recipe, p.bun.Version, p.target}, Fill: b.fillBun,
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(l.Path, "bin", l.Name), nil
}

// Runtime makes the layer of the newest release of Node.js that may take the place of one that an app has.
func Runtime(ctx context.Context, in bp.BuildContext, was runtimes.Runtime) error {
	var s settings
	if err := in.Config.Decode(&s); err != nil {
		return err
	}
	locked, err := lock.Read(lockFile)
	if err != nil {
		return err
	}
	arch := archOf(in.Target.Arch)
	newest, err := nodeTool(locked, arch).Replace(was, nodeLine)
	if err != nil {
		return err
	}
	in.Log.Decision("Node.js", newest, "newest release of line "+was.Line+" that may take the place of "+was.Version)
	t := tools{in: in.Workspace, lock: locked, registry: s.Registry, arch: arch}
	if t.dir, err = in.Cache(ctx, toolsCache); err != nil {
		return err
	}
	_, err = nodeLayer{t, choice{Version: newest}, was.Asked}.contribute(ctx, in.Layers)
	return err
}

// nodeLayer is the layer of Node.js: the program and its licence, the same for every app.
type nodeLayer struct {
	tools tools
	choice
	asked string // the releases that the app allows
}

// nodeLine returns the line of a release: its major. All of them load the addons that were compiled for one.
func nodeLine(version string) string {
	major, _, _ := strings.Cut(version, ".")
	return major
}

// contribute makes the layer, and returns the program.
func (n nodeLayer) contribute(ctx context.Context, layers *layer.Dir) (string, error) {
	l, err := layers.Contribute(ctx, layer.Request{
		Name: "node", Flags: layer.Flags{Launch: true}, Key: nodeKey{recipe, n.Version, n.tools.arch}, Fill: n.fill,
	})
	if err != nil {
		return "", err
	}
	l.Allow(n.asked)
	return filepath.Join(l.Path, "bin", l.Name), nil
}

// modulesVersion is the line of Node.js' headers with the number of the interface that addons are compiled for.
var modulesVersion = regexp.MustCompile(`(?m)^#define NODE_MODULE_VERSION (\d+)$`)

func (n nodeLayer) fill(ctx context.Context, l *layer.Layer) error {
	dir, err := n.tools.node(ctx, n.choice)
	if err != nil {
		return err
	}
	header, err := tree.ReadFile(filepath.Join(dir, "include", "node", "node_version.h"))
	if err != nil {
		return fmt.Errorf("reading the headers of Node.js: %w", err)
	}
	number := modulesVersion.FindSubmatch(header)
	if number == nil {
		return fault.Internal("the headers of Node.js %s do not say which addons it loads", n.Version)
	}
	l.Runtime = &runtimes.Runtime{ID: nodeID, Version: n.Version, Line: nodeLine(n.Version), ABI: "node-" + string(number[1])}
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
	here, err := n.tools.on(archOf(runtime.GOARCH)).node(ctx, n.choice)
	if err != nil {
		return err
	}
	knows, err := knows(ctx, filepath.Join(here, "bin", "node"), heapOption)
	if err != nil {
		return err
	}
	if knows {
		l.LaunchEnv.Default("NODE_OPTIONS", heapOption)
	}
	describe(l, n.Version)
	return nil
}

// fillBun makes the layer of Bun: the program, the same for every app.
func (b build) fillBun(ctx context.Context, l *layer.Layer) error {
	programs, err := b.tools.on(b.plan.target).programs(ctx, manager.Bun(), b.plan.bun)
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
func knows(ctx context.Context, node, option string) (bool, error) {
	err := command.Run(ctx, command.Command{Path: node, Args: []string{option, "--version"}})
	if failed := new(command.Error); errors.As(err, &failed) && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}
