package node

import (
	"cmp"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
)

// choice is the release of Node.js or a package manager that a build uses.
type choice = version.Choice

// chooseNode decides on the release of Node.js.
func (p Plan) chooseNode() (choice, error) {
	asks, err := p.askNode()
	if err != nil {
		return choice{}, err
	}
	tool := version.Tool{
		Title: "Node.js", ID: nodeID, Arch: manager.GoArch(p.arch), Lock: p.lock,
		Default: "default, the newest release with long-term support", Like: "24.21.0, 24, ^22.12 or lts/*",
		Read: func(text string) []version.Range { return readNode(text, p.lock, manager.GoArch(p.arch)) },
	}
	chosen, err := tool.Choose(version.First(asks...))
	if err != nil {
		return choice{}, err
	}
	if _, locked := p.lock.Find(nodeID, manager.GoArch(p.arch), chosen.Version); !locked && !p.Unverified { // a layer from before may have it
		return choice{}, unvouched("Node.js", chosen)
	}
	return chosen, nil
}

// askNode returns what asks for a release of Node.js, the first in precedence first: BP_NODE_VERSION, engines.node, .nvmrc,
// .node-version, Volta. What the workspace that is started asks for goes before what the root does.
func (p Plan) askNode() ([]version.Ask, error) {
	asks := []version.Ask{
		{Text: p.Version, From: "BP_NODE_VERSION"},
		{Text: p.Project.Manifest.Engines["node"], From: "engines.node of package.json"},
		{Text: p.Project.Base.Engines["node"], From: "engines.node of the root's package.json"},
	}
	for _, name := range []string{".nvmrc", ".node-version"} {
		for _, dir := range []string{p.Project.Dir, p.Project.Root} {
			ask, err := version.File(dir, name)
			if err != nil {
				return nil, err
			}
			asks = append(asks, ask)
		}
	}
	return append(asks,
		version.Ask{Text: p.Project.Manifest.Volta, From: "volta.node of package.json"},
		version.Ask{Text: p.Project.Base.Volta, From: "volta.node of the root's package.json"},
	), nil
}

// readNode reads what a person writes for a release of Node.js: 24.21.0, v24, ^22.12 || >=24, lts/*, lts/jod, latest.
func readNode(text string, l lock.Lock, arch string) []version.Range {
	text = strings.ToLower(text)
	if v, err := semver.StrictNewVersion(strings.TrimPrefix(text, "v")); err == nil {
		return version.Exactly(v.String())
	}
	switch text {
	case "lts", "lts/*", "lts/-0", "--lts":
		return version.Exactly(l.Default[nodeID])
	case "node", "latest", "current", "stable":
		for _, newest := range l.Versions(nodeID, arch) {
			return version.Exactly(newest)
		}
		return []version.Range{{Allows: func(string) bool { return false }}} // an architecture without any
	}
	return manager.Semantic(cmp.Or(l.Names[text], text))
}
