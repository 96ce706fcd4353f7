package node

import (
	"cmp"
	_ "embed"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
	"github.com/strata-buildpacks/strata/buildpacks/kit/version"
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

// newestOn returns the newest release of a package manager that a range allows and that runs on a release of Node.js, "" for
// none. Releases of which the lock does not say what they run on are for those who name them.
func newestOn(l lock.Lock, m *manager, arch, asked, node string) string {
	wanted := version.Semantic(asked)
	found, _ := l.Newest(m.id(), goarch(arch), func(v string) bool {
		runsOn := version.Semantic(cmp.Or(l.Requires.Of(m.id(), v), "<0"))
		return wanted(v) && runsOn(node)
	})
	return found.Version
}
