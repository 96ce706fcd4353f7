package node

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
	"github.com/strata-buildpacks/strata/buildpacks/node/manager"
	"github.com/strata-buildpacks/strata/buildpacks/node/project"
)

// choice is the release of Node.js or a package manager that a build uses.
type choice = version.Choice

// chooseNode decides on the release of Node.js, and returns what asks for it.
func (p Plan) chooseNode() (chosen choice, asked string, err error) {
	asks, err := p.askNode()
	if err != nil {
		return choice{}, "", err
	}
	ask := version.First(asks...)
	chosen, err = p.chooseNodeOf(ask)
	return chosen, ask.Text, err
}

// nodeTool is what a release of Node.js is chosen of.
func nodeTool(l lock.Lock, arch string) version.Tool {
	return version.Tool{
		Title: "Node.js", ID: nodeID, Arch: manager.GoArch(arch), Lock: l,
		Default: "default, the newest release with long-term support", Like: "24.21.0, 24, ^22.12 or lts/*",
		Read: func(text string) []version.Range { return readNode(text, l, manager.GoArch(arch)) },
	}
}

// chooseNodeOf decides on the release of Node.js that an ask asks for.
func (p Plan) chooseNodeOf(ask version.Ask) (choice, error) {
	chosen, err := nodeTool(p.lock, p.arch).Choose(ask)
	if err != nil {
		return choice{}, err
	}
	if _, locked := p.lock.Find(nodeID, manager.GoArch(p.arch), chosen.Version); !locked && !p.Unverified { // a layer from before may have it
		return choice{}, unvouched("Node.js", chosen)
	}
	return chosen, nil
}

// askNode returns what asks for a release of Node.js, the first in precedence first: BP_NODE_VERSION, package.json, the files of
// version managers, Volta. What the workspace that is started asks for goes before what the root does, and that before the app.
func (p Plan) askNode() ([]version.Ask, error) {
	asks := []version.Ask{{Text: p.Version, From: "BP_NODE_VERSION"}}
	inManifest := func(field string, of func(project.Manifest) string) {
		asks = append(asks, version.Ask{Text: of(p.Project.Manifest), From: field + " of package.json"},
			version.Ask{Text: of(p.Project.Base), From: field + " of the root's package.json"})
	}
	inManifest("engines.node", func(m project.Manifest) string { return m.Engines["node"] })
	inManifest("devEngines.runtime", func(m project.Manifest) string { return m.Runtime })
	for _, read := range []func(dir string) (version.Ask, error){
		func(dir string) (version.Ask, error) { return version.File(dir, ".nvmrc") },
		func(dir string) (version.Ask, error) { return version.File(dir, ".node-version") },
		func(dir string) (version.Ask, error) { return version.Manager(dir, "node", "nodejs") },
	} {
		for _, dir := range []string{p.Project.Dir, p.Project.Root, p.Project.App} {
			ask, err := read(dir)
			if err != nil {
				return nil, err
			}
			asks = append(asks, ask)
		}
	}
	inManifest("volta.node", func(m project.Manifest) string { return m.Volta })
	return asks, nil
}

// readNode reads what a person writes for a release of Node.js: 24.21.0, v24, ^22.12 || >=24, lts/*, lts/jod, lts/-1, latest.
func readNode(text string, l lock.Lock, arch string) []version.Range {
	text = strings.Replace(strings.ToLower(text), "lts-", "lts/", 1)
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
	return manager.Semantic(cmp.Or(l.Names[text], olderLine(text, l), text))
}

// olderLine returns the major of a release line with long-term support by how many lines it is older than the newest one: lts/-1. It
// returns "" for any other text.
func olderLine(text string, l lock.Lock) string {
	age, err := strconv.Atoi(strings.TrimPrefix(text, "lts/-"))
	if err != nil || !strings.HasPrefix(text, "lts/-") {
		return ""
	}
	lines := slices.SortedFunc(maps.Values(l.Names), func(a, b string) int { return strings.Compare(b, a) })
	newest := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(l.Default[nodeID], line+".") })
	if at := newest + age; newest >= 0 && at < len(lines) {
		return lines[at]
	}
	return ""
}
