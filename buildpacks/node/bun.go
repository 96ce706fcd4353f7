package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/strata-buildpacks/strata/buildpacks/kit/elf"
	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// chooseBun decides on the release that runs the app: the package manager's or else the newest.
func (d *decision) chooseBun() error {
	if !d.start.Bun {
		return nil
	}
	if d.bun = d.using; d.manager == bun {
		return nil
	}
	var err error
	d.bun, err = d.newestBun()
	return err
}

// newestBun returns the newest release that engines.bun allows, the workspace's before the root's.
func (d decision) newestBun() (choice, error) {
	tool := version.Tool{
		Title: bun.title, ID: bun.id(), Arch: goarch(d.arch), Lock: d.lock, Default: "the newest", Like: "1.2.20, 1 or ^1.2", Read: semantic,
	}
	return tool.Choose(version.First(
		version.Ask{Text: d.Manifest.Engines["bun"], From: "engines.bun of package.json"},
		version.Ask{Text: d.Base.Engines["bun"], From: "engines.bun of the root's package.json"},
	))
}

// runtime makes the layer of Node.js or, if that runs the app, of Bun, and returns its program.
func (b *builder) runtime(ctx context.Context) (string, error) {
	request := layer.Request{Name: "node", Key: nodeKey{recipe, b.node.Version, b.arch}, Fill: b.fillNode}
	if b.start.Bun {
		request = layer.Request{Name: "bun", Key: bunKey{recipe, b.bun.Version, b.arch}, Fill: b.fillBun}
	}
	request.Flags = layer.Flags{Launch: true}
	l, err := b.Layers.Contribute(ctx, request)
	if err != nil {
		return "", err
	}
	return filepath.Join(l.Path, "bin", request.Name), nil
}

// bunKey is everything that the layer of Bun depends on.
type bunKey struct {
	Recipe int    `json:"recipe"`
	Bun    string `json:"bun"`
	Arch   string `json:"arch"`
}

// fillBun makes the layer of Bun: the program, the same for every app.
func (b *builder) fillBun(ctx context.Context, l *layer.Layer) error {
	told := ""
	if b.manager == bun {
		told = b.hash
	}
	programs, err := b.tools.programs(ctx, bun, b.bun, told)
	if err != nil {
		return err
	}
	if err = os.Mkdir(filepath.Join(l.Path, "bin"), 0o755); err == nil {
		err = elf.Strip(filepath.Join(programs, "bun"), filepath.Join(l.Path, "bin", "bun"))
	}
	if err != nil {
		return fmt.Errorf("making the layer of Bun: %w", err)
	}
	l.LaunchEnv.Default("NODE_ENV", "production")
	l.SBOM = &sbom.Document{Subject: sbom.Component{
		Type: "application", Name: "bun", Version: b.bun.Version, PURL: "pkg:generic/bun@" + b.bun.Version, Licenses: []string{"MIT"},
	}}
	return nil
}
