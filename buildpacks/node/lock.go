package node

import (
	_ "embed"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

//go:embed lock.toml
var lockFile string

// nodeID is the id of Node.js in lock.toml, which has every release.
const nodeID = "node"

// npmName returns the package of the registry that has a release.
func npmName(r lock.Release) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.PURL, "pkg:npm/"), "@")
	return strings.Replace(name, "%40", "@", 1)
}
