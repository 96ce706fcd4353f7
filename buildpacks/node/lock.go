package node

import (
	_ "embed"
	"fmt"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/semver/v3"
)

//go:embed lock.toml
var lockFile string

// lock is what is known of Node.js and npm without asking anybody: every release and its hash, in the form of the
// registry ("sha512-" and base64).
type lock struct {
	Default   string                       `toml:"default"`   // the newest release with long-term support
	CodeNames map[string]uint64            `toml:"codenames"` // "krypton" -> 24
	Ended     map[string]string            `toml:"ended"`     // "18" -> the last day of its maintenance
	Lines     []npmLine                    `toml:"npm"`       // the newest line first
	Node      map[string]map[string]string `toml:"node"`      // "x64" -> version -> hash
	NPM       map[string]string            `toml:"npm-versions"`
}

// npmLine is the newest npm of a major version and the Node.js releases that it runs on.
type npmLine struct {
	Version string `toml:"version"`
	Node    string `toml:"node"`
}

func readLock() (lock, error) {
	var l lock
	if _, err := toml.Decode(lockFile, &l); err != nil {
		return lock{}, fmt.Errorf("reading lock.toml: %w", err)
	}
	return l, nil
}

// newest returns the newest release that a range allows, "" for none.
func (l lock) newest(asked *semver.Constraints, arch string) string {
	var best *semver.Version
	for text := range l.Node[arch] {
		if v, err := semver.NewVersion(text); err == nil && asked.Check(v) && (best == nil || v.GreaterThan(best)) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// npm returns the newest npm that runs on a release of Node.js, "" for none.
func (l lock) npm(node string) (string, error) {
	v, err := semver.NewVersion(node)
	if err != nil {
		return "", fmt.Errorf("reading version %s: %w", node, err)
	}
	for _, line := range l.Lines {
		runs, err := semver.NewConstraint(line.Node)
		if err != nil {
			return "", fmt.Errorf("reading lock.toml: %w", err)
		}
		if runs.Check(v) {
			return line.Version, nil
		}
	}
	return "", nil
}
