package golang

import (
	"cmp"
	"context"
	"fmt"
	"go/version"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/strata-buildpacks/strata/buildpacks/kit/config"
	"github.com/strata-buildpacks/strata/buildpacks/kit/fetch"
	"github.com/strata-buildpacks/strata/buildpacks/kit/lock"
)

// oldest is the first Go minor that is locked; the go command cannot switch to toolchains before it.
const oldest = "go1.21"

// stable matches the module versions of releases, not of release candidates.
var stable = regexp.MustCompile(`^v0\.0\.1-go(1\.[0-9]+(?:\.[0-9]+)?)\.linux-(amd64|arm64)$`)

// architectures are those that a release is locked for.
var architectures = []string{"amd64", "arm64"}

// NewLock is a lock.Source: the newest patch of every minor that the proxies of GOPROXY list, with the hashes that the checksum
// database of GOSUMDB vouches for.
func NewLock(ctx context.Context, client *fetch.Client, env config.Environment) (lock.Lock, error) {
	p, err := parseProxies(env["GOPROXY"])
	if err != nil {
		return lock.Lock{}, err
	}
	db, err := parseDatabase(env["GOSUMDB"])
	if err != nil {
		return lock.Lock{}, err
	}
	list, err := p.get(ctx, client, "the list of Go releases", toolchainModule+"/@v/list")
	if err != nil {
		return lock.Lock{}, err
	}
	versions := newestPatches(strings.Fields(string(list)))
	if len(versions) == 0 {
		return lock.Lock{}, fmt.Errorf("listing Go releases: %s has none since %s", p, oldest)
	}
	l := lock.Lock{Default: map[string]string{goID: versions[0]}}
	for _, arch := range architectures {
		for _, v := range versions {
			m := toolchainOf(v, arch)
			sum, err := db.sum(ctx, client, p, m.Path, m.Version)
			if err != nil {
				return lock.Lock{}, fmt.Errorf("verifying Go %s for %s: %w", v, arch, err)
			}
			l.Releases = append(l.Releases, lock.Release{ID: goID, Version: v, Arch: arch, PURL: "pkg:golang/" + m.String(), Hash: sum})
		}
	}
	return l, nil
}

// newestPatches returns the newest release of each minor, such as "1.26.8", that every architecture has; the newest minor first.
func newestPatches(moduleVersions []string) []string {
	have := map[string]int{} // architectures by release
	for _, v := range moduleVersions {
		if found := stable.FindStringSubmatch(v); found != nil {
			have[found[1]]++
		}
	}
	newest := map[string]string{} // by language version
	for v, n := range have {
		lang := version.Lang("go" + v)
		if n == len(architectures) && version.Compare("go"+v, oldest) >= 0 && version.Compare("go"+v, "go"+newest[lang]) > 0 {
			newest[lang] = v
		}
	}
	return slices.SortedFunc(maps.Values(newest), func(a, b string) int { return cmp.Compare(0, version.Compare("go"+a, "go"+b)) })
}
