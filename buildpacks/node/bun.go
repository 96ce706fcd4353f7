package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/layer"
	"github.com/strata-buildpacks/strata/buildpacks/kit/sbom"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
)

// bunValues are options of Bun that take the next word.
var bunValues = []string{"--preload", "-r", "--require", "--import", "--env-file", "--cwd", "--conditions", "--port", "--define", "-d", "--config", "-c"}

// startBun reads a script that calls Bun: with a file, which Bun then runs, or with another script.
func (d decision) startBun(words []string, name string, seen []string) (start, error) {
	target, ran := -1, false
	for i := 1; i < len(words) && target < 0; i++ {
		switch word := words[i]; {
		case word == "run" && !ran:
			ran = true
		case slices.Contains(bunValues, word):
			i++
		case !strings.HasPrefix(word, "-"):
			target = i
		}
	}
	switch {
	case target < 0:
		return start{}, startFault(fmt.Sprintf("the script %s is %q, which names no file", name, strings.Join(words, " ")), "name the file")
	case d.Manifest.Scripts[words[target]] != "":
		return d.startScript(words[target], seen)
	case strings.ContainsAny(words[target], "./"):
		return start{arguments: words[1:], script: name, bun: true}, nil
	}
	return d.startProgram(words[target:], name)
}

// chooseBun decides on the release that runs the app: the package manager's or else the newest.
func (d *decision) chooseBun() error {
	if !d.start.bun {
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
	if b.start.bun {
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
		err = strip(filepath.Join(l.Path, "bin", "bun"), filepath.Join(programs, "bun"))
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
