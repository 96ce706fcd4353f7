package node

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/fault"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// choice is the release of Node.js or a package manager that a build uses.
type choice struct {
	Version string // "24.21.0"
	Reason  string // where it was asked for, to print after the version
}

// chooseNode decides on the release of Node.js: BP_NODE_VERSION, engines.node, .nvmrc, .node-version, Volta, the default.
// What the workspace that is started asks for goes before what the root does.
func (d decision) chooseNode() (choice, error) {
	asked := []choice{{d.Version, "BP_NODE_VERSION"}, {d.Manifest.Engines["node"], "engines.node of package.json"}, {d.Base.Engines["node"], "engines.node of the root's package.json"}}
	for _, name := range []string{".nvmrc", ".node-version"} {
		for _, dir := range []string{d.Dir, d.Root} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return choice{}, fmt.Errorf("reading %s: %w", name, err)
			}
			asked = append(asked, choice{firstLine(string(data)), name})
		}
	}
	asked = append(asked, choice{d.Manifest.Volta.Node, "volta.node of package.json"}, choice{d.Base.Volta.Node, "volta.node of the root's package.json"})
	for _, one := range asked {
		if strings.TrimSpace(one.Version) != "" {
			chosen, err := resolve(one, d.lock, d.arch)
			if err != nil {
				return choice{}, err
			}
			if _, locked := d.lock.Find(nodeID, goarch(d.arch), chosen.Version); !locked && !d.Unverified { // a layer from before may have it
				return choice{}, unvouched("Node.js", chosen)
			}
			return chosen, nil
		}
	}
	return choice{d.lock.Default[nodeID], "default, the newest release with long-term support"}, nil
}

// firstLine returns the first line of a version file that is not a comment.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

// mustRange parses a range that is written in this package.
func mustRange(text string) *semver.Constraints {
	asks, err := semver.NewConstraint(text)
	if err != nil {
		panic(err) // it is a constant
	}
	return asks
}

// resolve turns what a person wrote into a release: 24.21.0, v24, ^22.12 || >=24, lts/*, lts/jod, latest.
func resolve(asked choice, l lock.Lock, arch string) (choice, error) {
	text := strings.ToLower(strings.TrimSpace(asked.Version))
	found := choice{Reason: fmt.Sprintf("%s is %s", asked.Reason, strings.TrimSpace(asked.Version))}
	if v, err := semver.StrictNewVersion(strings.TrimPrefix(text, "v")); err == nil {
		found.Version, found.Reason = v.String(), asked.Reason
		return found, nil
	}
	switch text {
	case "lts", "lts/*", "lts/-0", "--lts":
		found.Version = l.Default[nodeID]
		return found, nil
	case "node", "latest", "current", "stable":
		found.Version = newest(l, nodeID, arch, mustRange("*"))
		return found, nil
	}
	asks, err := semver.NewConstraint(cmp.Or(l.Names[text], text))
	if err != nil {
		return choice{}, versionSyntax(asked)
	}
	if asks.Check(semver.MustParse(l.Default[nodeID])) {
		found.Version = l.Default[nodeID]
		return found, nil
	}
	if found.Version = newest(l, nodeID, arch, asks); found.Version == "" {
		return choice{}, fault.Fault{
			ID:   "node-version-unknown",
			What: fmt.Sprintf("%s, and no known release of Node.js for linux-%s is that", found.Reason, arch),
			Do:   "ask for one that is, such as " + l.Default[nodeID],
		}
	}
	return found, nil
}

func versionSyntax(asked choice) error {
	return fault.Fault{
		ID:   "node-version-syntax",
		What: fmt.Sprintf("%s is %q, which is not a version of Node.js", asked.Reason, strings.TrimSpace(asked.Version)),
		Do:   "write it like 24.21.0, 24, ^22.12 or lts/*",
	}
}
