package golang

import (
	_ "embed"
	"fmt"
	"go/version"

	"github.com/BurntSushi/toml"
)

//go:embed lock.toml
var lockFile string

// lock is what is known of Go's releases without asking anybody: the default,
// and the newest patch of every minor with the hashes of its toolchain modules.
type lock struct {
	Default  string    `toml:"default"`
	Releases []release `toml:"release"`
}

// release is one locked release; Sums maps "linux-amd64" to the h1 hash of the
// toolchain module's zip (golang.org/x/mod/sumdb/dirhash).
type release struct {
	Version string            `toml:"version"`
	Sums    map[string]string `toml:"sums"`
}

func readLock() (lock, error) {
	var l lock
	if _, err := toml.Decode(lockFile, &l); err != nil {
		return lock{}, fmt.Errorf("reading lock.toml: %w", err)
	}
	return l, nil
}

// newest returns the newest locked release of a language version such as "1.26".
func (l lock) newest(lang string) (string, bool) {
	found := ""
	for _, r := range l.Releases {
		if version.Lang("go"+r.Version) == "go"+lang && (found == "" || version.Compare("go"+r.Version, "go"+found) > 0) {
			found = r.Version
		}
	}
	return found, found != ""
}

// sum returns the locked hash of a release's toolchain for "linux-<arch>", or "".
func (l lock) sum(v, platform string) string {
	for _, r := range l.Releases {
		if r.Version == v {
			return r.Sums[platform]
		}
	}
	return ""
}
