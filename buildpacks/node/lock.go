package node

import (
	"cmp"
	_ "embed"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

//go:embed lock.toml
var lockFile string

// nodeID is the id of Node.js in lock.toml, which has every release.
const nodeID = "node"

// id returns the package manager's id in lock.toml. Yarn from version 2 on is another program than Yarn 1.
func (m *manager) id() string {
	if m == berry {
		return "berry"
	}
	return m.name
}

// goarch returns Go's name of an architecture, of which archOf returns Node.js' name.
func goarch(arch string) string { return map[string]string{"x64": "amd64", "arm64": "arm64"}[arch] }

// npmName returns the package of the registry that has a release.
func npmName(r lock.Release) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.PURL, "pkg:npm/"), "@")
	return strings.Replace(name, "%40", "@", 1)
}

// newest returns the newest release that a range allows, "" for none.
func newest(l lock.Lock, id, arch string, asked *semver.Constraints) string {
	found, _ := l.Newest(id, goarch(arch), func(text string) bool {
		v, err := semver.NewVersion(text)
		return err == nil && asked.Check(v)
	})
	return found.Version
}

// newestOn returns the newest release of a package manager that a range allows and that runs on a release of Node.js, "" for
// none. Releases of which the lock does not say what they run on are for those who name them.
func newestOn(l lock.Lock, m *manager, arch, asked, node string) (string, error) {
	on, err := semver.NewVersion(node)
	if err != nil {
		return "", fmt.Errorf("reading version %s: %w", node, err)
	}
	wanted := mustRange(asked)
	found, _ := l.Newest(m.id(), goarch(arch), func(text string) bool {
		v, versionErr := semver.NewVersion(text)
		runs, rangeErr := semver.NewConstraint(cmp.Or(l.Requires.Of(m.id(), text), "<0"))
		err = cmp.Or(err, versionErr, rangeErr)
		return err == nil && wanted.Check(v) && runs.Check(on)
	})
	if err != nil {
		return "", fmt.Errorf("reading lock.toml: %w", err)
	}
	return found.Version, nil
}
